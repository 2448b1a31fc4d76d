// A bad network between the task and the VPC: a TUN device on either side, and a thread between them.
#include "support/impaired_link.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "support/child_process.hpp"

namespace taskdns::testing_support {

using std::chrono::nanoseconds;
using std::chrono::steady_clock;

namespace {

constexpr std::size_t most_waiting = 20'000;  // packets; what is more is lost, as in a router
constexpr std::size_t source_at = 12;         // RFC 791
constexpr std::size_t destination_at = 16;
constexpr std::size_t header_size = 20;

/// In the namespace where the calling thread is.
int make_device() {
    const int device = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (device < 0) {
        throw std::runtime_error(std::string("open /dev/net/tun: ") + std::strerror(errno) +
                                 "; a container needs that device (docker run --device /dev/net/tun)");
    }
    ifreq request{};
    std::strcpy(request.ifr_name, "impaired");
    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    if (ioctl(device, TUNSETIFF, &request) != 0) {
        throw std::runtime_error(std::string("a TUN device: ") + std::strerror(errno));
    }
    return device;
}

void ip(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "ip");
    const Outcome outcome = run(arguments);
    if (outcome.status == 0) return;
    std::string text;
    for (const std::string& argument : arguments) text += argument + " ";
    throw std::runtime_error(text + ": " + outcome.err);
}

int task_side(const NetworkNamespaces& network) {
    const auto inside = network.in_task();
    const int device = make_device();
    ip({"link", "set", "impaired", "up"});
    ip({"route", "del", "10.0.1.0/24", "dev", "task"});
    ip({"route", "add", "10.0.1.0/24", "dev", "impaired", "src", "10.0.1.5"});
    ip({"route", "replace", "default", "dev", "impaired", "src", "10.0.1.5"});
    return device;
}

int vpc_side(const NetworkNamespaces& network) {
    const auto inside = network.in_vpc();
    const int device = make_device();
    ip({"link", "set", "impaired", "up"});
    ip({"route", "add", "10.0.1.5/32", "dev", "impaired"});
    return device;
}

std::uint32_t address_in(const std::vector<std::uint8_t>& packet, std::size_t place) {
    std::uint32_t address = 0;
    std::memcpy(&address, packet.data() + place, sizeof address);
    return address;
}

}  // namespace

ImpairedLink::ImpairedLink(const NetworkNamespaces& network, std::uint32_t seed)
    : task_(task_side(network)), vpc_(vpc_side(network)), stop_(eventfd(0, EFD_CLOEXEC)), random_(seed) {
    thread_ = std::thread([this] { forward(); });
}

ImpairedLink::~ImpairedLink() {
    eventfd_write(stop_.number(), 1);
    thread_.join();
}

void ImpairedLink::impair(const Impairment& impairment) {
    const std::lock_guard lock(mutex_);
    impairment_ = impairment;
}

void ImpairedLink::cut(const std::vector<std::string>& addresses, Way way) {
    const std::lock_guard lock(mutex_);
    for (const std::string& text : addresses) {
        std::uint32_t address = 0;
        if (inet_pton(AF_INET, text.c_str(), &address) != 1) throw std::runtime_error("not IPv4: " + text);
        if (way != Way::to_task) cut_to_.insert(address);
        if (way != Way::to_vpc) cut_from_.insert(address);
    }
}

void ImpairedLink::join() {
    const std::lock_guard lock(mutex_);
    cut_to_.clear();
    cut_from_.clear();
}

ImpairedLink::Counts ImpairedLink::counts() const {
    const std::lock_guard lock(mutex_);
    return counts_;
}

void ImpairedLink::forward() {
    std::array<pollfd, 3> waiting{pollfd{task_.number(), POLLIN, 0}, pollfd{vpc_.number(), POLLIN, 0},
                                  pollfd{stop_.number(), POLLIN, 0}};
    while (waiting[2].revents == 0) {
        timespec pause{1, 0};
        {
            const std::lock_guard lock(mutex_);
            if (!waiting_.empty()) {
                const nanoseconds left = waiting_.top().due - steady_clock::now();
                pause = {0, std::clamp<long>(left.count(), 0, 999'999'999)};
            }
        }
        ppoll(waiting.data(), waiting.size(), &pause, nullptr);
        const std::lock_guard lock(mutex_);
        take_from(task_.number(), vpc_.number());
        take_from(vpc_.number(), task_.number());
        send_due();
    }
}

void ImpairedLink::take_from(int from, int to) {
    for (;;) {
        Packet packet(2048);  // a TUN device has an MTU of 1,500
        const ssize_t size = read(from, packet.data(), packet.size());
        if (size <= 0) return;
        packet.resize(static_cast<std::size_t>(size));
        if (packet.size() >= header_size && packet[0] >> 4 == 4) take(std::move(packet), to);
    }
}

bool ImpairedLink::is_cut(const Packet& packet, int to) const {
    return to == vpc_.number() ? cut_to_.contains(address_in(packet, destination_at))
                               : cut_from_.contains(address_in(packet, source_at));
}

void ImpairedLink::take(Packet packet, int to) {
    ++counts_.taken;
    if (is_cut(packet, to)) {
        ++counts_.cut;
        return;
    }
    if (happens(impairment_.loss) || waiting_.size() >= most_waiting) {
        ++counts_.lost;
        return;
    }
    if (happens(impairment_.duplicate)) {
        ++counts_.duplicated;
        wait_for_turn(packet, to, false);
    }
    if (happens(impairment_.corrupt)) {
        ++counts_.corrupted;
        const std::size_t bit = std::uniform_int_distribution<std::size_t>(0, packet.size() * 8 - 1)(random_);
        packet[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
    }
    const bool overtakes = happens(impairment_.reorder);
    if (overtakes) ++counts_.reordered;
    wait_for_turn(std::move(packet), to, overtakes);
}

void ImpairedLink::wait_for_turn(Packet packet, int to, bool overtakes) {
    nanoseconds delay{0};
    if (!overtakes) {
        const double swing = std::uniform_real_distribution<>(-1, 1)(random_);
        delay = impairment_.delay + std::chrono::duration_cast<nanoseconds>(nanoseconds(impairment_.jitter) * swing);
    }
    waiting_.push({steady_clock::now() + std::max(delay, nanoseconds(0)), next_number_++, to, std::move(packet)});
}

// What the device does not take (a damaged header) is lost.
void ImpairedLink::send_due() {
    const auto now = steady_clock::now();
    while (!waiting_.empty() && waiting_.top().due <= now) {
        const Waiting& first = waiting_.top();
        [[maybe_unused]] const ssize_t sent = write(first.to, first.packet.data(), first.packet.size());
        waiting_.pop();
    }
}

}  // namespace taskdns::testing_support
