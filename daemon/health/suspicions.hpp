// Endpoints that are looked at because a connection to their address has failed, to an unknown port.
// Layer: health (may include base). Pure: given `now`. Who looks: app/connection_watch.cpp.
//
// A connect(2) that blocks clears the socket's port when it fails (tcp_disconnect), before the kernel tells of its
// end: what is left is the address. One connection of ours then says which of the endpoints there it was.
#pragma once

#include <map>

#include "base/ip_address.hpp"
#include "base/time.hpp"

namespace taskdns::health {

class Suspicions {
public:
    static constexpr milliseconds first_pause{20};
    static constexpr milliseconds longest_pause{2'000};  ///< as often as checks are by default

    /// Whether to look at `endpoint` now; if so, end() has to follow. Not while one looks already, nor so soon after
    /// one has looked: each look that was in vain doubles the pause, so an application that keeps failing at
    /// something else on the same address does not have its endpoint looked at all the time.
    bool begin(const SocketAddress& endpoint, TimePoint now);
    /// `confirmed`: it was refused.
    void end(const SocketAddress& endpoint, bool confirmed, TimePoint now);
    /// Forgets those that nobody has suspected for a while.
    void forget_old(TimePoint now);
    std::size_t size() const { return entries_.size(); }

private:
    struct Entry {
        bool looking = false;
        milliseconds pause{0};  // before the next look
        TimePoint ended{};
    };
    std::map<SocketAddress, Entry> entries_;
};

}  // namespace taskdns::health
