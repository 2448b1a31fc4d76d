// File descriptors: how many this process may have, and how many of them probes may take.
// Layer: app.
#pragma once

namespace taskdns::app {

/// Probes need descriptors: the soft limit is often 1,024 where the hard one is far higher.
void raise_descriptor_limit();

/// A quarter of the descriptors, and no more than the checker's own bound: listeners, forwarded queries and HTTP need
/// theirs.
unsigned probes_at_once();

}  // namespace taskdns::app
