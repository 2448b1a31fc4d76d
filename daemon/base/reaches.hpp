// Would what is sent to one address be heard by a listener on another? Whom we ask must never be ourselves.
// Layer: base. Pure.
#pragma once

#include "base/ip_address.hpp"

namespace taskdns {

/// Sent to the unspecified address it goes to loopback, and a listener on the unspecified address hears what is sent
/// to loopback. An address of an interface that a wildcard listener also hears is not known here.
bool reaches(const SocketAddress& destination, const SocketAddress& listener);

}  // namespace taskdns
