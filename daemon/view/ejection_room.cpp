// How many endpoints of a service the application's reports may take out. Layer: view.
#include "view/ejection_room.hpp"

#include <algorithm>

namespace taskdns::view {
namespace {

/// Neither the reserve nor whom an operator has taken out carries any load.
bool may_be_served(const membership::Member& member, const Ejectable& service) {
    return member.presence != membership::Presence::withdrawn && !service.drains.contains(member.address);
}

std::size_t count_members(const Ejectable& service) {
    const auto count = static_cast<std::size_t>(std::ranges::count_if(
        service.members, [&](const membership::Member& member) { return may_be_served(member, service); }));
    // Each ejected pick has a stand-in, so that half of those in use are as many as `subset`.
    return service.subset == 0 ? count : std::min(count, 2 * service.subset);
}

/// The ejected among those that are counted.
std::vector<SocketAddress> count_ejected(const Ejectable& service) {
    std::vector<SocketAddress> out = service.reports.ejected();
    std::erase_if(out, [&](const SocketAddress& endpoint) {
        const auto member = std::ranges::lower_bound(service.members, endpoint, {}, &membership::Member::address);
        return member == service.members.end() || member->address != endpoint || !may_be_served(*member, service);
    });
    return out;
}

}  // namespace

health::Reports::Room room_without(const SocketAddress& endpoint, const Ejectable& service,
                                   const Decision& decision) {
    const auto passes = [&](const EndpointDecision& other) {
        return other.served && other.address != endpoint && other.standing.status != health::Status::unhealthy &&
               service.reports.find(other.address) == nullptr;
    };
    return {.members = count_members(service),
            .ejected = count_ejected(service).size(),
            .others_pass = decision.rung == Rung::healthy && std::ranges::any_of(decision.endpoints, passes)};
}

std::vector<SocketAddress> beyond_half(const Ejectable& service) {
    if (service.reports.ejected_count() == 0) return {};
    std::vector<SocketAddress> ejected = count_ejected(service);
    const std::size_t most = count_members(service) / 2;
    if (ejected.size() <= most) return {};
    std::ranges::sort(ejected, {}, [&](const SocketAddress& endpoint) {
        return std::pair(service.reports.find(endpoint)->until, endpoint);
    });
    ejected.resize(ejected.size() - most);
    return ejected;
}

}  // namespace taskdns::view
