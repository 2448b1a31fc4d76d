// File descriptors: how many this process may have. Layer: app.
#include "app/descriptors.hpp"

#include <sys/resource.h>

#include <algorithm>

#include "health/checker.hpp"

namespace taskdns::app {

void raise_descriptor_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

unsigned probes_at_once() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return health::Checker::max_in_flight;
    return static_cast<unsigned>(std::clamp<rlim_t>(limit.rlim_cur / 4, 1, health::Checker::max_in_flight));
}

}  // namespace taskdns::app
