// What the kernel would send from to each endpoint: what a client's RFC 6724 sorting starts from.
// Layer: app. Threads: the control thread. Asks the kernel, sends nothing.
#pragma once

#include <map>
#include <vector>

#include "base/time.hpp"
#include "view/destination_order.hpp"

namespace taskdns::app {

class LocalSources {
public:
    /// Remembered until the interfaces change; that there is no route, for 5 s. No descriptors: no route.
    view::LocalSource find(const IpAddress& destination, TimePoint now);
    /// Looks whether the interfaces' addresses have changed, and if so forgets all.
    bool changed();

private:
    struct Interface {
        IpAddress address;
        unsigned prefix_length = 0;

        bool operator==(const Interface&) const = default;
    };
    struct Known {
        view::LocalSource source;
        TimePoint at;
    };
    static std::vector<Interface> interfaces();
    view::LocalSource ask(const IpAddress& destination) const;

    std::vector<Interface> interfaces_ = interfaces();
    std::map<IpAddress, Known> known_;
};

}  // namespace taskdns::app
