// The parts of one poll as one observation. Layer: discovery (may include base, dns). Pure.
#include "discovery/combine.hpp"

#include <algorithm>
#include <tuple>

namespace taskdns::discovery {

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
    const auto bytes = address.bytes();
    if (address.is_unspecified()) return false;
    if (address.is_v6()) return bytes[0] != 0xFF && !(bytes[0] == 0xFE && (bytes[1] & 0xC0) == 0x80);
    const bool multicast = (bytes[0] & 0xF0) == 0xE0;
    const bool broadcast = std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte == 255; });
    return !multicast && !broadcast;
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
