// Views for the micro benchmarks, made by the real builders, and queries to ask them. Part of bench_micro.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "dns/types.hpp"
#include "view/build_view.hpp"

namespace taskdns::bench {

/// Service `number`, with `endpoints` healthy IPv4 endpoints, of which an answer holds `size`.
struct ServiceShape {
    unsigned number = 0;
    unsigned endpoints = 4;
    unsigned size = 8;
    bool with_ipv6 = false;  ///< as many IPv6 endpoints too
};

std::string service_name(unsigned number);
config::Service make_service(const ServiceShape& shape);
view::Decision make_decision(const ServiceShape& shape);

/// `services` services of the same shape.
std::unique_ptr<view::View> make_view(unsigned services, ServiceShape shape);

using Message = std::vector<std::uint8_t>;
Message make_query(const std::string& name, dns::RrType type, bool edns = true);

}  // namespace taskdns::bench
