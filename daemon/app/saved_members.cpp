// Members as the snapshot keeps them, in wall time, and back. Layer: app.
#include "app/saved_members.hpp"

#include <algorithm>

namespace taskdns::app {
namespace {

TimePoint steady(WallTime time, const WallAnchor& wall) {
    const auto age = std::chrono::duration_cast<Duration>(wall.wall - time);
    return wall.steady - std::max(age, Duration::zero());
}

bool could_be_found(const membership::SavedMember& member, const config::Service& service) {
    using config::RecordKind;
    if (service.source != config::SourceKind::dns) return false;
    if (member.type == dns::RrType::srv) return service.record == RecordKind::srv;
    const RecordKind own = member.type == dns::RrType::a ? RecordKind::a : RecordKind::aaaa;
    return (service.record == RecordKind::automatic || service.record == own) && member.address.port == service.port;
}

}  // namespace

membership::SavedService to_saved(const dns::Name& service, const std::vector<membership::Member>& members,
                                  const WallAnchor& wall) {
    membership::SavedService out{.name = service, .members = {}};
    for (const membership::Member& member : members) {
        if (member.presence == membership::Presence::withdrawn) continue;
        out.members.push_back({.address = member.address,
                               .priority = member.priority,
                               .weight = member.weight,
                               .type = member.type,
                               .first_seen = wall.at(member.first_seen),
                               .last_seen = wall.at(member.last_seen)});
    }
    return out;
}

std::vector<membership::Member> to_members(const membership::SavedService& saved, const config::Service& service,
                                           const WallAnchor& wall) {
    std::vector<membership::Member> out;
    for (const membership::SavedMember& member : saved.members) {
        if (!could_be_found(member, service)) continue;
        out.push_back({.address = member.address,
                       .priority = member.priority,
                       .weight = member.weight,
                       .type = member.type,
                       .first_seen = steady(member.first_seen, wall),
                       .last_seen = steady(member.last_seen, wall),
                       .since = wall.steady});
    }
    return out;
}

}  // namespace taskdns::app
