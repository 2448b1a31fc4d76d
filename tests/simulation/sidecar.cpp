// The real stages joined under virtual time; compare app/service_state.cpp and app/control_plane.cpp.
#include "simulation/sidecar.hpp"

#include <algorithm>

#include "discovery/combine.hpp"
#include "discovery/poller.hpp"
#include "view/build_view.hpp"
#include "view/subset.hpp"

namespace taskdns::simulation {
namespace {

using namespace std::chrono_literals;
using membership::Presence;

constexpr auto recent_time = 60s;
constexpr auto idle_after = 60s;

bool answers_the_same(const view::Decision& a, const view::Decision& b) {
    const auto same_endpoint = [](const view::EndpointDecision& x, const view::EndpointDecision& y) {
        return x.address == y.address && x.record_weight == y.record_weight && x.priority == y.priority &&
               x.served == y.served && x.first == y.first && x.weight == y.weight;
    };
    return a.rung == b.rung && a.stale == b.stale && std::ranges::equal(a.endpoints, b.endpoints, same_endpoint);
}

/// A sample shows only some of those that were there at our start.
TimePoint newcomers_since(const membership::Registry& registry) {
    const TimePoint first = registry.first_answered();
    return registry.basis() == membership::Basis::sample && first != never ? first + 10min : first;
}

bool is_checked(const config::Service& service) { return service.health.check != config::CheckKind::none; }

}  // namespace

view::LocalSource own_source() { return {IpAddress(IpAddress::V4Bytes{10, 0, 1, 200}), 24}; }

Sidecar::Sidecar(const Scenario& scenario, Random& random, TimePoint now, std::function<void(std::size_t)> on_publish)
    : scenario_(scenario),
      random_(random),
      on_publish_(std::move(on_publish)),
      claims_([this](membership::ServiceIndex service) -> std::span<const membership::Member> {
          return services_[service].registry.members();
      }),
      schedule_(scenario.max_in_flight, random.seed()),
      demand_(scenario.services.size(), [this](std::uint32_t service) { woken_.insert(service); }),
      snapshot_(scenario.services.size()) {
    for (const ServicePlan& plan : scenario.services) {
        const config::Service& settings = plan.settings;
        Service& service = services_.emplace_back(
            Service{&plan, membership::Registry(settings.membership, settings.poll, is_checked(settings))});
        service.seed = service.cursor = random.seed();
        service.last_asked = now;
        service.view = view::build_service_view(settings, service.decision, false, {}, service.seed);
    }
}

void Sidecar::load(const Snapshot& snapshot, TimePoint now) {
    for (std::size_t i = 0; i < services_.size(); ++i) {
        if (snapshot[i].empty()) continue;
        services_[i].registry.load(snapshot[i], now);
        for (const membership::Member& member : snapshot[i]) {
            services_[i].not_checked_since_loaded.insert(member.address);
        }
        services_[i].targets_changed = true;
        if (services_[i].registry.basis() == membership::Basis::not_polled) continue;
        on_members(i, now);
        changed_.insert(i);
    }
    publish(now);
}

/// As discovery::DnsSource joins its questions, of which we have one.
discovery::Observation Sidecar::observation(const Service& service, TimePoint now) const {
    const config::Service& settings = service.plan->settings;
    const discovery::TrackedQuestion& question = service.question;
    discovery::Part part;
    part.rrset.type = service.plan->srv ? dns::RrType::srv : dns::RrType::a;
    part.rrset.fresh = question.fresh();
    part.rrset.answered = question.updated();
    part.failure = question.failure();
    if (question.last() != nullptr) {
        part.known = true;
        part.nxdomain = question.last()->nxdomain;
        part.rrset.ttl = question.last()->ttl;
        for (const dns::Rdata& rdata : question.last()->records) {
            part.rrset.sightings.push_back({.address = {std::get<IpAddress>(rdata), settings.port}});
        }
        discovery::sort_and_deduplicate(part.rrset.sightings);
    }
    const auto until_due = std::chrono::ceil<milliseconds>(question.due() - now);
    return discovery::combine({std::move(part)}, std::max(until_due, 0ms));
}

milliseconds Sidecar::observe(std::size_t index, const Reply& reply, TimePoint asked, TimePoint now) {
    Service& service = services_[index];
    const config::Service& settings = service.plan->settings;
    service.question.begin_poll();
    service.question.take(reply.answer, asked, now, settings.poll);
    discovery::Observation seen = observation(service, now);
    if (auto* records = std::get_if<discovery::Records>(&seen); records != nullptr && service.plan->srv) {
        for (discovery::Sighting& sighting : records->rrsets.front().sightings) {
            const PlaceIndex place = place_of(sighting.address.address);
            sighting.weight = reply.weights.at(place).first;
            sighting.priority = reply.weights.at(place).second;
        }
    }
    service.failures = std::holds_alternative<discovery::Failed>(seen) ? service.failures + 1 : 0;
    const double jitter = static_cast<double>(random_.below(1000)) / 1000;
    const milliseconds delay = discovery::next_delay(seen, service.failures, settings.poll, jitter);

    const std::vector<membership::Member> before = service.registry.members();
    const bool changed = service.registry.apply(seen, now);
    note_members(service, before, now);
    if (changed) on_members(index, now);
    changed_.insert(index);
    publish(now);
    return delay;
}

void Sidecar::note_members(Service& service, const std::vector<membership::Member>& before, TimePoint now) {
    std::set<SocketAddress> known;
    for (const membership::Member& member : before) known.insert(member.address);
    for (const membership::Member& member : service.registry.members()) {
        if (known.erase(member.address) > 0) continue;
        service.targets_changed = true;
        service.recent.erase(member.address.address);
    }
    for (const SocketAddress& gone : known) {
        service.targets_changed = true;
        service.recent[gone.address] = now + recent_time;
        service.not_checked_since_loaded.erase(gone);
        service.reports.forget(gone);
    }
    keep_half_in(service, now);
}

view::Ejectable Sidecar::ejectable(const Service& service) const {
    return {service.registry.members(), service.reports, service.drains, service.plan->settings.subset};
}

void Sidecar::keep_half_in(Service& service, TimePoint now) {
    for (const SocketAddress& endpoint : view::beyond_half(ejectable(service))) {
        service.reports.let_back(endpoint, now);
    }
}

bool Sidecar::report(std::size_t index, const SocketAddress& endpoint, bool success, TimePoint now) {
    Service& service = services_[index];
    if (std::as_const(service.registry).find(endpoint) == nullptr) return false;
    const bool changed =
        success
            ? service.reports.succeed(endpoint, now)
            : service.reports.fail(endpoint, view::room_without(endpoint, ejectable(service), service.decision), now);
    if (changed) decide_at_once(index, now);
    return true;
}

bool Sidecar::drain(std::size_t index, const SocketAddress& endpoint, TimePoint until, TimePoint now) {
    Service& service = services_[index];
    const auto is_member = [&service](const SocketAddress& other) {
        return std::as_const(service.registry).find(other) != nullptr;
    };
    if (!is_member(endpoint)) return false;
    service.drains.drain(endpoint, until, is_member);
    keep_half_in(service, now);
    decide_at_once(index, now);
    return true;
}

void Sidecar::undrain(std::size_t index, const SocketAddress& endpoint, TimePoint now) {
    if (!services_[index].drains.undrain(endpoint)) return;
    keep_half_in(services_[index], now);
    decide_at_once(index, now);
}

void Sidecar::decide_at_once(std::size_t index, TimePoint now) {
    if (services_[index].plan->settings.subset > 0) choose(index, now);
    changed_.insert(index);
    publish(now);
}

void Sidecar::on_members(std::size_t index, TimePoint now) {
    choose(index, now);
    const std::vector<membership::Member>& members = services_[index].registry.members();
    claims_.set(static_cast<membership::ServiceIndex>(index), services_[index].plan->srv);
    snapshot_[index].clear();
    for (const membership::Member& member : members) {
        if (member.presence != Presence::withdrawn) snapshot_[index].push_back(member);
    }
    for (const auto& [loser, endpoint] : claims_.lost_by(static_cast<membership::ServiceIndex>(index))) {
        Service& service = services_[loser];
        const std::vector<membership::Member> before = service.registry.members();
        if (!service.registry.release(endpoint)) continue;
        note_members(service, before, now);
        on_members(loser, now);
        changed_.insert(loser);
    }
}

void Sidecar::choose(std::size_t index, TimePoint now) {
    Service& service = services_[index];
    const config::Service& settings = service.plan->settings;
    const std::vector<membership::Member> members = service.registry.members();
    std::vector<SocketAddress> chosen =
        view::choose_subset(members, is_out(index), settings.subset, scenario_.identity);
    if (chosen == service.chosen) return;
    service.chosen = std::move(chosen);
    if (!is_checked(settings)) return;
    schedule_.set_endpoints(static_cast<health::ServiceIndex>(index), settings.name.to_string(), settings.health,
                            service.chosen, now);
}

void Sidecar::finish(const health::Schedule::Job& job, const health::Outcome& outcome, TimePoint now) {
    for (const health::Event& event : schedule_.finish(job, outcome, now)) {
        const health::Verdict* verdict = schedule_.find(event.service, event.endpoint);
        if (verdict == nullptr) continue;
        const bool let_back = evidence(verdict->last.observed) == health::Evidence::success &&
                              services_[event.service].reports.is_ended_by_check(event.endpoint, verdict->last_at);
        if (let_back) services_[event.service].reports.let_back(event.endpoint, now);
        const bool others = event.changed || let_back;
        if (others && scenario_.services[event.service].settings.subset > 0) choose(event.service, now);
        verdict = schedule_.find(event.service, event.endpoint);
        const bool dull = !others && verdict != nullptr && verdict->status == health::Status::healthy;
        if (!dull) changed_.insert(event.service);
    }
    publish(now);
}

void Sidecar::expire(TimePoint now) {
    for (std::size_t i = 0; i < services_.size(); ++i) {
        Service& service = services_[i];
        const std::vector<membership::Member> before = service.registry.members();
        const bool changed = service.registry.expire(now);
        note_members(service, before, now);
        const bool forgot =
            std::erase_if(service.recent, [now](const auto& entry) { return entry.second <= now; }) > 0;
        service.targets_changed = service.targets_changed || forgot;
        const bool returned = !service.reports.expire(now).empty();
        const bool undrained = !service.drains.expire(now).empty();
        if (undrained) keep_half_in(service, now);
        if (returned || undrained) choose(i, now);
        if (!changed && !forgot && !returned && !undrained && service.decision.next_change > now) continue;
        if (changed) on_members(i, now);  // a guard that ends changes who is withdrawn, not how many there are
        changed_.insert(i);
    }
    publish(now);
}

TimePoint Sidecar::next_deadline() const {
    TimePoint next = never;
    for (const Service& service : services_) {
        next = std::min({next, service.registry.next_expiry(), service.decision.next_change,
                         service.reports.next_expiry(), service.drains.next_expiry()});
        for (const auto& [address, forgotten_at] : service.recent) next = std::min(next, forgotten_at);
    }
    return next;
}

void Sidecar::watch_demand(TimePoint now) {
    for (std::uint32_t i = 0; i < services_.size(); ++i) {
        if (demand_.take(i)) services_[i].last_asked = now;
        if (now - services_[i].last_asked >= idle_after && demand_.become_idle(i)) schedule_.set_idle(i, true, now);
    }
}

std::optional<IpAddress> Sidecar::ask(std::size_t index, TimePoint now) {
    demand_.note(static_cast<std::uint32_t>(index));
    for (const std::uint32_t service : std::exchange(woken_, {})) schedule_.set_idle(service, false, now);
    Service& service = services_[index];
    const view::PreparedRrset& rrset = service.view->a;
    if (rrset.empty()) return std::nullopt;
    const auto record = rrset.record(rrset.slot(service.cursor++).front());
    constexpr std::size_t rdata = 12;
    return IpAddress(IpAddress::V4Bytes{record[rdata], record[rdata + 1], record[rdata + 2], record[rdata + 3]});
}

void Sidecar::publish(TimePoint now) {
    for (const std::size_t service : std::exchange(changed_, {})) decide(service, now);
}

std::vector<view::Candidate> Sidecar::candidates(std::size_t index, std::string& own_zone) {
    Service& service = services_[index];
    const config::Service& settings = service.plan->settings;
    std::vector<view::Candidate> out;
    for (const membership::Member& member : service.registry.members()) {
        view::Candidate& candidate = out.emplace_back();
        const health::Verdict* verdict = schedule_.find(static_cast<health::ServiceIndex>(index), member.address);
        if (verdict != nullptr) candidate.verdict = *verdict;
        candidate.outside_subset = settings.subset > 0 && !std::ranges::binary_search(service.chosen, member.address);
        candidate.drained = service.drains.contains(member.address);
        candidate.ejected = service.reports.find(member.address) != nullptr;
        if (candidate.verdict.checked || candidate.outside_subset) {
            service.not_checked_since_loaded.erase(member.address);
        }
        candidate.unverified = service.not_checked_since_loaded.contains(member.address);
        if ((settings.answer.fair || settings.zone.prefer) && !candidate.outside_subset)
            candidate.source = own_source();
        if (own_zone.empty() && candidate.source.address) {
            own_zone = view::find_zone(*candidate.source.address, settings.zone);
        }
        candidate.member = member;
    }
    return out;
}

void Sidecar::decide(std::size_t index, TimePoint now) {
    Service& service = services_[index];
    const config::Service& settings = service.plan->settings;
    std::string own_zone;
    const std::vector<view::Candidate> all = candidates(index, own_zone);
    const view::Circumstances circumstances{service.registry.basis(), newcomers_since(service.registry), own_zone,
                                            now};
    view::Decision decision = view::decide(all, settings, circumstances, service.decision);
    const bool first_answer =
        service.view->readiness == view::Readiness::no_upstream && service.registry.answered_once();
    const bool same = answers_the_same(service.decision, decision) && !service.targets_changed && !first_answer;
    if (!same) on_publish_(index);
    service.decision = std::move(decision);
    if (same) return;
    std::vector<IpAddress> recent;
    for (const auto& [address, forgotten_at] : service.recent) recent.push_back(address);
    service.view =
        view::build_service_view(settings, service.decision, service.registry.answered_once(), recent, service.seed);
    service.targets_changed = false;
    ++service.published;
}

std::function<bool(const SocketAddress&)> Sidecar::is_out(std::size_t service) const {
    return [this, service](const SocketAddress& endpoint) {
        const health::Verdict* verdict = schedule_.find(static_cast<health::ServiceIndex>(service), endpoint);
        const bool unhealthy = verdict != nullptr && verdict->status == health::Status::unhealthy;
        return unhealthy || services_[service].drains.contains(endpoint) ||
               services_[service].reports.find(endpoint) != nullptr;
    };
}

}  // namespace taskdns::simulation
