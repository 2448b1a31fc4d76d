// A VPC in small.
#include "support/vpc.hpp"

#include <algorithm>

namespace taskdns::testing_support {

namespace {

constexpr const char* owner = "resource-server";

Zone service_zone(const VpcOptions& options) {
    return {.origin = "local.",
            .ttl = options.ttl,
            .soa_minimum = options.soa_minimum,
            .records = address_records(owner, options.registered.empty() ? options.addresses : options.registered)};
}

std::vector<Zone> all_zones(const Zone& first, const std::vector<Zone>& others) {
    std::vector<Zone> zones{first};
    zones.insert(zones.end(), others.begin(), others.end());
    return zones;
}

std::vector<std::string> origins(const VpcOptions& options) {
    std::vector<std::string> result{"local."};
    for (const Zone& zone : options.other_zones) result.push_back(zone.origin);
    return result;
}

}  // namespace

Vpc::Vpc(const VpcOptions& options)
    : zone_(service_zone(options)),
      backends(options.addresses),
      authority(all_zones(zone_, options.other_zones)),
      resolver(authority.port(), origins(options)) {}

void Vpc::register_only(const std::vector<std::string>& addresses) {
    zone_.records = address_records(owner, addresses);
    authority.replace_zone(zone_);
}

void Vpc::register_no_address() {
    zone_.records = {std::string(owner) + " TXT \"no address here\""};
    authority.replace_zone(zone_);
}

DaemonOptions Vpc::daemon_options() const {
    return {.services = std::string(service) + ":" + std::to_string(backends.port()),
            .yaml = {},
            .upstream_port = resolver.port(),
            .environment = {}};
}

DaemonOptions Vpc::daemon_options(const std::string& yaml_of_service, const std::string& top) const {
    return {.services = {},
            .yaml = top + "services:\n  - name: " + service + "\n    port: " + std::to_string(backends.port()) +
                    "\n" + yaml_of_service,
            .upstream_port = resolver.port(),
            .environment = {}};
}

std::vector<std::string> sorted(std::vector<std::string> addresses) {
    std::sort(addresses.begin(), addresses.end());
    return addresses;
}

}  // namespace taskdns::testing_support
