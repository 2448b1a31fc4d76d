// Would what is sent to one address be heard by a listener on another? Layer: base.
#include "base/reaches.hpp"

namespace taskdns {

bool reaches(const SocketAddress& destination, const SocketAddress& listener) {
    const IpAddress& to = destination.address;
    const IpAddress& at = listener.address;
    if (destination.port != listener.port || to.is_v4() != at.is_v4()) return false;
    if (to == at) return true;
    return (to.is_unspecified() && at.is_loopback()) || (to.is_loopback() && at.is_unspecified());
}

}  // namespace taskdns
