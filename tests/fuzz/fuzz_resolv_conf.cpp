// Fuzz entry: any text as a resolv.conf that taskdns manages. What was there comes back octet for octet; meanwhile
// only the name servers are others; to apply twice is to apply once, and to restore twice too.
#include <string>
#include <vector>

#include "fuzz/fuzz.hpp"
#include "fuzz/mutate.hpp"
#include "task/resolv_conf_text.hpp"

namespace {

using namespace taskdns;
using namespace taskdns::fuzz;
using namespace taskdns::task;

std::vector<IpAddress> servers(std::initializer_list<const char*> texts) {
    std::vector<IpAddress> out;
    for (const char* const text : texts) out.push_back(IpAddress::parse(text).value());
    return out;
}

/// The lines that say anything but a comment, and name no server: what must be left as it is.
std::vector<std::string> other_lines(std::string_view text) {
    std::vector<std::string> out;
    while (!text.empty()) {
        std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        line = line.substr(0, line.find('\0'));
        const bool names_server =
            line.starts_with("nameserver") &&
            (line.size() == 10 || std::string_view(" \t\r\v\f").find(line[10]) != std::string_view::npos);
        if (!line.empty() && !line.starts_with('#') && !names_server) out.emplace_back(line);
    }
    return out;
}

/// Between two states of a file, octet by octet: a reader sees the servers of before or those of after.
void check_readers(const std::string& original, const std::string& managed, const std::vector<IpAddress>& wanted) {
    const auto before = addresses_of(parse_name_servers(original));
    std::string file = original + managed.substr(original.size());
    for (std::size_t i = 0; i <= original.size(); ++i) {
        if (i == original.size() || file[i] != managed[i]) {
            const auto seen = addresses_of(parse_name_servers(file));
            const std::size_t kept = seen.size() - wanted.size();
            require(
                seen.size() >= wanted.size() &&
                    std::equal(wanted.begin(), wanted.end(), seen.end() - static_cast<std::ptrdiff_t>(wanted.size())),
                "ours are there from the append on");
            require(
                kept <= before.size() && std::equal(seen.begin(), seen.begin() + static_cast<std::ptrdiff_t>(kept),
                                                    before.end() - static_cast<std::ptrdiff_t>(kept)),
                "theirs go one after the other");
        }
        if (i < original.size()) file[i] = managed[i];
    }
    require(file == managed, "an append and single octets");
}

void check_managed(const std::string& original, const std::vector<IpAddress>& wanted) {
    const auto managed = manage_text(original, wanted);
    if (!managed) {
        require(managed.error().code == Errc::over_limit, "refused only for too many lines");
        return;
    }
    require(addresses_of(parse_name_servers(*managed)) == wanted, "the name servers are those that were wanted");
    if (*managed == original) return;  // it names them already
    require(restore_text(*managed) == original, "what was there comes back octet for octet");
    const auto found = find_managed(*managed);
    require(found && !found->edited && found->original == original, "and nobody has edited it");
    require(found->begin == original.size() && found->end == managed->size(), "our part stands behind it");
    require(other_lines(*managed) == other_lines(original), "options, search and the like are as they were");
    require(has_rotate(*managed) == has_rotate(original), "rotate too");
    require(manage_text(*managed, wanted).value() == *managed, "to apply twice is to apply once");
    check_readers(original, *managed, wanted);

    const auto others = servers({"10.1.2.3"});
    const auto again = manage_text(*managed, others);
    require(again && (restore_text(*again) == original || *again == original),
            "others in their place: the same original");
    // Somebody else adds a line behind our part: it stays, and what we wrote goes.
    const auto edited = find_managed(*managed + "options edns0\n");
    require(edited && edited->edited, "an edit is seen");
    require(
        edited->original == original + (original.empty() || original.back() == '\n' ? "" : "\n") + "options edns0\n",
        "an edit behind our part stays");
}

/// Whatever the text is, also a half of ours: no server of ours is left behind, and restoring ends.
void check_any(const std::string& text) {
    const std::string once = restore_text(text);
    require(!find_managed(once), "restored: nobody manages it");
    require(restore_text(once) == once, "to restore twice is to restore once");
    require(find_managed(text) || once == text, "a text that is not managed does not change");
    const IpAddress own = IpAddress::parse("127.0.0.1").value();
    Naming naming{.own = own, .fallback = true};
    naming.never = {{own, 53}};
    const auto chosen = choose_servers(text, naming);
    require(!chosen.empty() && chosen.size() <= 3 && chosen.front() == own, "ours first, three at most");
    require(std::count(chosen.begin(), chosen.end(), own) == 1, "and never as its own fallback");
    const auto managed = manage_text(text, chosen);
    if (managed) require(addresses_of(parse_name_servers(*managed)) == chosen, "from any text to the wanted servers");
}

constexpr std::string_view lines[]{
    "nameserver 10.0.0.2",
    "nameserver 169.254.169.253",
    "nameserver fd00:ec2::253",
    "nameserver 127.0.0.1",
    "nameserver\t10.0.0.2 # VPC",
    "nameserver",
    " nameserver 10.0.0.2",
    "#ameserver 10.0.0.2",
    "search us-east-1.compute.internal local",
    "options ndots:2 timeout:1 rotate",
    "options rotate",
    "domain local",
    "sortlist 10.0.0.0/8",
    "; a comment",
    "# a comment",
    "# taskdns end",
    "# taskdns v1 bytes=20 sum=811c9dc5 lines=0",
    "# taskdns is asked in place of #ameserver; \"taskdns resolv-conf restore\" undoes it",
    ""};
constexpr std::string_view words[]{"nameserver",   "127.0.0.1",
                                   "::1",          "10.0.0.2",
                                   "fe80::1%eth0", "options",
                                   "rotate",       "lines",
                                   "0,20",         "bytes",
                                   "sum",          "#",
                                   "\r",           std::string_view("\0", 1),
                                   "10.0.0.2#x"};

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
    return mutate_lines({data, size, max_size, seed}, lines, words);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(data, data + std::min(size, longest_resolv_conf));
    check_any(text);
    const std::string original = restore_text(text);
    check_managed(original, servers({"127.0.0.1"}));
    check_managed(original, servers({"::1", "10.0.0.2", "10.0.0.3"}));
    return 0;
}
