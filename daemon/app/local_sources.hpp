// What the kernel would send from to each endpoint: what a client's RFC 6724 sorting starts from.
// Layer: app. Threads: the control thread. Asks the kernel, sends nothing.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "base/time.hpp"
#include "view/destination_order.hpp"

namespace taskdns::app {

class LocalSources {
public:
    /// Remembered until changed() says so. No descriptors: no route.
    view::LocalSource find(const IpAddress& destination);
    /// Looks whether the interfaces' addresses have changed, and if so forgets all; and whether there is a route now
    /// to where there was none. True if find() may say something else than before.
    bool changed();

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
    std::map<IpAddress, view::LocalSource> known_;
};

}  // namespace taskdns::app
