// Is a view well-formed, and are its turns shared out as the policy says?
#include "simulation/view_check.hpp"

#include <algorithm>
#include <bit>
#include <map>
#include <set>

#include <fmt/format.h>

#include "simulation/sidecar.hpp"

namespace taskdns::simulation {
namespace {

constexpr std::size_t stride = 16;
constexpr std::size_t rdata = 12;

PlaceIndex place_in(const view::PreparedRrset& rrset, std::size_t number) {
    const std::uint8_t* at = rrset.wire.data() + number * stride + rdata;
    return place_of(IpAddress(IpAddress::V4Bytes{at[0], at[1], at[2], at[3]}));
}

/// How many leading bits the sidecar's own address has in common with it: what clients sort by.
int common_prefix(const IpAddress& there) {
    static const IpAddress here = *own_source().address;
    int bits = 0;
    for (std::size_t octet = 0; octet < 4; ++octet) {
        const auto differing = static_cast<std::uint8_t>(there.bytes()[octet] ^ here.bytes()[octet]);
        bits += std::countl_zero(differing);
        if (differing != 0) break;
    }
    return bits;
}

std::string check_slots(const view::PreparedRrset& rrset, std::size_t records, const config::Answer& answer) {
    std::vector<int> prefixes;
    for (std::size_t i = 0; i < records; ++i) prefixes.push_back(common_prefix(address_of(place_in(rrset, i))));
    if (rrset.schedule.size() % rrset.width != 0) return "the last slot is not whole";
    if (rrset.width > answer.size) return fmt::format("slots of {} records, size is {}", rrset.width, answer.size);
    for (std::uint32_t at = 0; at < rrset.slots(); ++at) {
        const auto slot = rrset.slot(at);
        if (slot.front() >= records) return fmt::format("slot {} has no first", at);
        bool ended = false;
        std::uint64_t seen = 0;
        for (const std::uint16_t number : slot) {
            if (number == view::PreparedRrset::no_record) {
                ended = true;
                continue;
            }
            if (ended || number >= records) return fmt::format("slot {} names record {}", at, number);
            const std::uint64_t bit = std::uint64_t{1} << (number % 64);
            if (records <= 64 && (seen & bit) != 0) return fmt::format("slot {} names record {} twice", at, number);
            seen |= bit;
            if (answer.fair && prefixes[number] > prefixes[slot.front()]) {
                return fmt::format("slot {}: a client puts {} before {}", at,
                                   address_of(place_in(rrset, number)).to_string(),
                                   address_of(place_in(rrset, slot.front())).to_string());
            }
        }
    }
    return {};
}

/// The lowest priority of those that are served and do not fail; of those that fail where there are no others.
std::uint16_t lowest_priority(const view::Decision& decision, const std::vector<Place>& places) {
    std::uint16_t lowest = 0xFFFF;
    std::uint16_t lowest_failing = 0xFFFF;
    for (const view::EndpointDecision& endpoint : decision.endpoints) {
        if (!endpoint.served) continue;
        const bool fails = endpoint.standing.status == health::Status::unhealthy;
        std::uint16_t& so_far = fails ? lowest_failing : lowest;
        so_far = std::min(so_far, places[place_of(endpoint.address.address)].priority);
    }
    return lowest != 0xFFFF ? lowest : lowest_failing;
}

/// Those of the lowest priority; of them those of our own zone, if that is preferred.
std::vector<PlaceIndex> may_come_first(const std::vector<PlaceIndex>& served, const view::Decision& decision,
                                       const ServicePlan& plan, const std::vector<Place>& places,
                                       std::string& wrong) {
    std::vector<PlaceIndex> out = served;
    if (plan.priorities) {
        const std::uint16_t lowest = lowest_priority(decision, places);
        std::erase_if(out, [&](PlaceIndex place) { return places[place].priority != lowest; });
    }
    if (!plan.settings.zone.prefer) return out;
    const auto in_own_zone = [](PlaceIndex place) { return place % 3 == 0; };
    const auto own = static_cast<std::size_t>(std::ranges::count_if(out, in_own_zone));
    std::set<PlaceIndex> zones;
    for (const PlaceIndex place : out) zones.insert(place % 3);
    const bool enough = own >= 2 && own * zones.size() * 100 >= 83 * out.size();
    if (decision.rung == view::Rung::healthy && !decision.panic && enough != decision.zone_preferred) {
        wrong = fmt::format("{} of {} first ones in the own of {} zones: preferred is {}", own, out.size(),
                            zones.size(), decision.zone_preferred);
    }
    if (decision.zone_preferred) std::erase_if(out, [&](PlaceIndex place) { return !in_own_zone(place); });
    return out;
}

std::string check_shares(const view::PreparedRrset& rrset, std::vector<PlaceIndex> firsts,
                         const view::Decision& decision, const ServicePlan& plan, const std::vector<Place>& places) {
    std::map<PlaceIndex, std::uint64_t> turns;
    for (std::uint32_t at = 0; at < rrset.slots(); ++at) ++turns[place_in(rrset, rrset.slot(at).front())];
    for (const PlaceIndex place : firsts) {
        if (!turns.contains(place)) return fmt::format("{} never comes first", address_of(place).to_string());
    }
    if (turns.size() != firsts.size()) return "one comes first that should not";
    if (decision.next_change != never) return {};  // a slow start
    const bool weighted = plan.settings.answer.order == config::Order::weighted;
    const auto weight = [&](PlaceIndex place) -> std::uint64_t { return weighted ? places[place].weight : 1; };
    const PlaceIndex reference = firsts.front();
    for (const PlaceIndex place : firsts) {
        if (turns[place] * weight(reference) == turns[reference] * weight(place)) continue;
        return fmt::format("{} comes first {} times by weight {}, {} {} times by weight {}",
                           address_of(place).to_string(), turns[place], weight(place),
                           address_of(reference).to_string(), turns[reference], weight(reference));
    }
    return {};
}

}  // namespace

std::vector<PlaceIndex> served_places(const view::ServiceView& view) {
    std::vector<PlaceIndex> out;
    for (std::size_t i = 0; i < view.a.wire.size() / stride; ++i) out.push_back(place_in(view.a, i));
    std::ranges::sort(out);
    return out;
}

std::string check_view(const view::ServiceView& view, const view::Decision& decision, const ServicePlan& plan,
                       const std::vector<Place>& places) {
    const std::vector<PlaceIndex> served = served_places(view);
    if (served.empty() != view.a.empty()) return "records without a schedule, or the reverse";
    const bool serving = view.readiness == view::Readiness::serving;
    if (served.empty())
        return serving && plan.settings.health.check == config::CheckKind::none ? "serves nobody" : "";
    if (!serving) return "has endpoints, and does not serve them";
    if (!view.aaaa.empty()) return "has IPv6 records";
    if (std::ranges::adjacent_find(served) != served.end()) return "one address twice";
    if (!std::ranges::is_sorted(view.targets)) return "targets are not sorted";
    for (const PlaceIndex place : served) {
        if (!std::ranges::binary_search(view.targets, address_of(place))) return "one served is no target";
    }
    std::string wrong = check_slots(view.a, served.size(), plan.settings.answer);
    if (!wrong.empty()) return wrong;
    const std::vector<PlaceIndex> firsts = may_come_first(served, decision, plan, places, wrong);
    if (!wrong.empty()) return wrong;
    return check_shares(view.a, firsts, decision, plan, places);
}

}  // namespace taskdns::simulation
