// What the kernel would send from to each endpoint: what a client's RFC 6724 sorting starts from.
// Layer: app. Threads: the control thread. Asks the kernel, sends nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "base/time.hpp"
#include "view/destination_order.hpp"

namespace taskdns::app {

class LocalSources {
public:
    /// Asks the kernel, unless it had no route there last time. No descriptors: no route. Whoever got a route may
    /// keep it as long as generation() is the same: then nothing is kept here for it.
    view::LocalSource find(const IpAddress& destination);
    /// Looks whether the interfaces' addresses have changed, and if so forgets all; and whether there is a route now
    /// to where there was none. True if find() may say something else than before.
    bool changed();
    /// Another one whenever the interfaces' addresses have changed; never 0.
    std::uint64_t generation() const { return generation_; }

private:
    struct Interface {
        IpAddress address;
        unsigned prefix_length = 0;

        bool operator==(const Interface&) const = default;
    };
    /// Null: the kernel does not say, for want of descriptors or memory.
    static std::optional<std::vector<Interface>> interfaces();
    view::LocalSource ask(const IpAddress& destination) const;

    std::vector<Interface> interfaces_ = interfaces().value_or(std::vector<Interface>());
    std::uint64_t generation_ = 1;
    std::set<IpAddress> without_route_;
};

}  // namespace taskdns::app
