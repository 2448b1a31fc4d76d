// The parts of one poll as one observation. Layer: discovery (may include base, dns). Pure.
#include "discovery/combine.hpp"

#include <algorithm>
#include <array>
#include <tuple>

namespace taskdns::discovery {
namespace {

Network network(const char* text) { return Network::parse(text).value(); }

/// The IPv4 address that RFC 6052 has in the last four octets.
IpAddress behind_nat64(const IpAddress& address) {
    const auto bytes = address.bytes().last<4>();
    return IpAddress(IpAddress::V4Bytes{bytes[0], bytes[1], bytes[2], bytes[3]});
}

}  // namespace

Observation combine(std::vector<Part> parts, milliseconds ttl) {
    const auto failing = [](const Part& part) { return !part.failure.empty(); };
    const bool any_records = std::any_of(parts.begin(), parts.end(), [&failing](const Part& part) {
        return !failing(part) && !part.rrset.sightings.empty();
    });
    if (any_records) {
        Records records{{}, ttl};
        for (Part& part : parts) {
            if (!part.known) continue;
            part.rrset.failing = failing(part);
            if (part.rrset.failing) part.rrset.fresh = part.rrset.answered = false;
            records.rrsets.push_back(std::move(part.rrset));
        }
        return records;
    }
    const auto failed = std::find_if(parts.begin(), parts.end(), failing);
    if (failed != parts.end()) return Failed{failed->failure};
    const bool nxdomain = std::all_of(parts.begin(), parts.end(), [](const Part& part) { return part.nxdomain; });
    return Empty{ttl, nxdomain ? "NXDOMAIN" : "NODATA"};
}

bool can_be_endpoint(const IpAddress& address) {
    // Decision 0032 has the reason for each.
    static const std::array<Network, 10> no_endpoints{network("0.0.0.0/8"),         network("169.254.169.0/24"),
                                                      network("169.254.170.0/24"),  network("224.0.0.0/4"),
                                                      network("255.255.255.255"),   network("::"),
                                                      network("::ffff:0.0.0.0/96"), network("fd00:ec2::/64"),
                                                      network("fe80::/10"),         network("ff00::/8")};
    static const Network nat64 = network("64:ff9b::/96");  // RFC 6052: what DNS64 makes of an IPv4 address
    const IpAddress reached = nat64.contains(address) ? behind_nat64(address) : address;
    return std::none_of(no_endpoints.begin(), no_endpoints.end(),
                        [&reached](const Network& network) { return network.contains(reached); });
}

void sort_and_deduplicate(std::vector<Sighting>& sightings) {
    std::sort(sightings.begin(), sightings.end(), [](const Sighting& left, const Sighting& right) {
        return std::tie(left.address, left.priority, right.weight) <
               std::tie(right.address, right.priority, left.weight);
    });
    const auto same = [](const Sighting& left, const Sighting& right) { return left.address == right.address; };
    sightings.erase(std::unique(sightings.begin(), sightings.end(), same), sightings.end());
}

}  // namespace taskdns::discovery
