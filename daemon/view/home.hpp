// Where the task is, as far as zones go: what its metadata say, joined with the configured map.
// Layer: view (may include base, config). Pure.
#pragma once

#include <string>
#include <vector>

#include "base/ip_address.hpp"
#include "config/config.hpp"

namespace taskdns::view {

/// What the task's metadata say; what they do not say is empty.
struct Home {
    std::string zone_id;    ///< "use1-az1": the same for everybody
    std::string zone_name;  ///< "us-east-1a": another zone in every account
    std::vector<Network> subnets;

    bool operator==(const Home&) const = default;
};

/// A service's zones, once it is known where we are.
struct HomeZones {
    config::Zone zone;  ///< its map holds our subnets, too: a subnet lies in one zone
    std::string own;    ///< the zone of whoever sends from none of the map's networks; empty: not known
};

/// The map has the last word, on our own subnets as well: it may call zones as it likes. Where it says nothing of
/// them their zone is called as the metadata do: by the ID or the name that the map uses, else by ID, name, or the
/// subnet itself.
HomeZones join_home(config::Zone configured, const Home& home);

}  // namespace taskdns::view
