// A bad network between the task and the VPC of network_namespaces.hpp, for kernels without `tc netem`: packets go
// through a thread of the test's, which loses, delays, repeats, reorders and damages them as it is told while they
// flow, and cuts addresses off. IPv4 only.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <ostream>
#include <queue>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "support/network_namespaces.hpp"

namespace taskdns::testing_support {

/// What happens to packets, each by a share of them from 0 to 1.
struct Impairment {
    double loss = 0;
    double duplicate = 0;  ///< arrive twice, at times of their own
    double reorder = 0;    ///< are not delayed, and so overtake others
    double corrupt = 0;    ///< one bit is another; the kernel's checksums are to find it
    std::chrono::milliseconds delay{0};
    std::chrono::milliseconds jitter{0};  ///< the delay is so much longer or shorter
};

enum class Way { both, to_vpc, to_task };

inline void PrintTo(Way way, std::ostream* out) {
    *out << (way == Way::both ? "BothWays" : way == Way::to_vpc ? "OfWhatGoesOut" : "OfWhatComesIn");
}

/// Takes the place of the veth pair for as long as the namespaces exist: make it before what is connected through it.
/// Threads: one of its own from start to destruction; every member function may be called from any.
class ImpairedLink {
public:
    explicit ImpairedLink(const NetworkNamespaces& network, std::uint32_t seed = 1);
    ~ImpairedLink();
    ImpairedLink(const ImpairedLink&) = delete;
    ImpairedLink& operator=(const ImpairedLink&) = delete;

    /// From now on, in both directions each.
    void impair(const Impairment& impairment);
    /// From now on, nothing goes to these addresses of the VPC (`to_vpc`), or comes from them (`to_task`).
    void cut(const std::vector<std::string>& addresses, Way way = Way::both);
    /// What was cut is whole again.
    void join();

    struct Counts {
        unsigned taken = 0;  ///< packets that were to be forwarded
        unsigned lost = 0;
        unsigned cut = 0;
        unsigned duplicated = 0;
        unsigned reordered = 0;
        unsigned corrupted = 0;
    };
    Counts counts() const;

private:
    using Packet = std::vector<std::uint8_t>;

    struct Waiting {
        std::chrono::steady_clock::time_point due;
        std::uint64_t number;  ///< those due at the same time keep their order
        int to;
        Packet packet;

        bool operator>(const Waiting& other) const {
            return due != other.due ? due > other.due : number > other.number;
        }
    };

    void forward();
    void take_from(int from, int to);
    void take(Packet packet, int to);
    void wait_for_turn(Packet packet, int to, bool overtakes);
    void send_due();
    bool is_cut(const Packet& packet, int to) const;
    bool happens(double share) { return std::uniform_real_distribution<>(0, 1)(random_) < share; }

    Descriptor task_;
    Descriptor vpc_;
    Descriptor stop_;           // an eventfd
    mutable std::mutex mutex_;  // guards what follows
    Impairment impairment_;
    std::set<std::uint32_t> cut_to_;  // IPv4 addresses, as they are in a packet
    std::set<std::uint32_t> cut_from_;
    Counts counts_;
    std::priority_queue<Waiting, std::vector<Waiting>, std::greater<>> waiting_;
    std::uint64_t next_number_ = 0;
    std::mt19937 random_;
    std::thread thread_;
};

}  // namespace taskdns::testing_support
