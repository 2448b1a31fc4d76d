// What the HTTP interface shows of the upstream servers. Layer: app (may include all). Pure.
#pragma once

#include <vector>

#include "base/time.hpp"
#include "http_server/model.hpp"
#include "upstream/resolver.hpp"

namespace taskdns::app {

std::vector<http_server::UpstreamServerStatus> upstream_status(const upstream::Resolver& resolver,
                                                               const WallAnchor& wall);

}  // namespace taskdns::app
