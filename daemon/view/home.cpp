// Where the task is, as far as zones go. Layer: view.
#include "view/home.hpp"

#include <algorithm>

#include "view/decision.hpp"

namespace taskdns::view {
namespace {

bool names(const config::Zone& zone, const std::string& name) {
    return std::ranges::any_of(zone.map, [&name](const config::ZoneNetwork& of) { return of.zone == name; });
}

std::string zone_of(const config::Zone& configured, const Home& home) {
    for (const Network& subnet : home.subnets) {
        const std::string_view by_map = find_zone(subnet.address, configured);
        if (!by_map.empty()) return std::string(by_map);
    }
    for (const std::string& name : {home.zone_id, home.zone_name}) {
        if (!name.empty() && names(configured, name)) return name;
    }
    if (home.subnets.empty()) return "";  // nothing that the map names lies in it
    for (const std::string& name : {home.zone_id, home.zone_name}) {
        if (!name.empty()) return name;
    }
    return home.subnets.front().to_string();
}

}  // namespace

HomeZones join_home(config::Zone configured, const Home& home) {
    HomeZones out{.zone = {}, .own = zone_of(configured, home)};
    out.zone = std::move(configured);
    for (const Network& subnet : home.subnets) {
        const bool known = std::ranges::any_of(
            out.zone.map, [&subnet](const config::ZoneNetwork& of) { return of.network == subnet; });
        if (!known) out.zone.map.push_back({subnet, out.own});
    }
    return out;
}

}  // namespace taskdns::view
