// What the daemon gives up when it starts. Layer: task.
#include "task/privileges.hpp"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <utility>

namespace taskdns::task {
namespace {

// Both are in the first of the two words of each set.
constexpr std::uint32_t bind_bit = 1U << CAP_NET_BIND_SERVICE;
constexpr std::uint32_t files_bit = 1U << CAP_DAC_OVERRIDE;

struct Sets {
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> words{};

    bool read() { return syscall(SYS_capget, &header, words.data()) == 0; }
};

void limit_capabilities() {
    Sets sets;
    if (!sets.read()) return;
    sets.words[0].permitted &= bind_bit | files_bit;
    sets.words[0].effective &= files_bit;
    sets.words[0].inheritable = 0;
    sets.words[1] = {};
    // Refused only by what surrounds us; then they stay, and the log says so.
    static_cast<void>(syscall(SYS_capset, &sets.header, sets.words.data()));
}

std::string name_of(unsigned capability) {
    if (capability == CAP_NET_BIND_SERVICE) return "net_bind_service";
    if (capability == CAP_DAC_OVERRIDE) return "dac_override";
    return std::to_string(capability);  // one that could not be given up
}

}  // namespace

void give_up_privileges() {
    // First this one, which takes a capability of its own (CAP_SETPCAP): who has not that can do without, since
    // no_new_privs says the same of everything that is executed.
    for (unsigned long one = 0; ::prctl(PR_CAPBSET_READ, one, 0UL, 0UL, 0UL) >= 0; ++one) {
        if (::prctl(PR_CAPBSET_DROP, one, 0UL, 0UL, 0UL) != 0) break;
    }
    ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0UL, 0UL, 0UL);
    limit_capabilities();
    ::prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL);
}

Confinement read_privileges() {
    Confinement out;
    out.no_new_privileges = ::prctl(PR_GET_NO_NEW_PRIVS, 0UL, 0UL, 0UL, 0UL) == 1;
    Sets sets;
    if (!sets.read()) return out;
    for (unsigned one = 0; one < 64; ++one) {
        if ((sets.words.at(one / 32).permitted >> one % 32 & 1U) != 0) out.capabilities.push_back(name_of(one));
    }
    return out;
}

}  // namespace taskdns::task
