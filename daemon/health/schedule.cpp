// When which target is probed, and what becomes of its outcomes. Layer: health (pure).
#include "health/schedule.hpp"

#include <algorithm>
#include <utility>

namespace taskdns::health {
namespace {

// What is in flight stays in the queue, last: to be queued again takes no memory.
constexpr TimePoint in_flight_mark = never;

template <class Queue>
void queue_again(Queue& queue, typename Queue::node_type place, TimePoint due) {
    if (!place) return;
    place.value().at = due;
    queue.insert(std::move(place));
}

constexpr milliseconds retry_pause{500};  // after an outcome that could not be taken in, for want of memory

std::vector<SocketAddress> sorted_and_unique(std::vector<SocketAddress> endpoints) {
    std::ranges::sort(endpoints);
    endpoints.erase(std::unique(endpoints.begin(), endpoints.end()), endpoints.end());
    return endpoints;
}

/// What the outcome of a shared probe, which had the longest timeout, is to a service whose own is `timeout`.
Outcome judged_within(milliseconds timeout, const Schedule::Job& job, Outcome outcome) {
    const bool late = timeout < job.timeout && outcome.latency > timeout;
    if (!late || evidence(outcome.observed) == Evidence::none) return outcome;
    outcome.observed = Observed::timeout;
    outcome.detail.clear();  // it was about something else
    return outcome;
}

/// Without memory for the detail, without it.
bool apply(Verdict& verdict, const Schedule::Job& job, const Outcome& outcome, const config::Health& policy,
           TimePoint now) try {
    return verdict.apply(judged_within(policy.timeout, job, outcome), policy, now);
} catch (const std::exception&) {
    const Outcome bare{.observed = outcome.observed, .latency = outcome.latency};
    return verdict.apply(judged_within(policy.timeout, job, bare), policy, now);
}

}  // namespace

Schedule::Schedule(unsigned max_in_flight, std::uint32_t seed) : max_in_flight_(max_in_flight), random_(seed) {}

Schedule::Endpoint* Schedule::Service::find(const SocketAddress& address) {
    const auto found = std::ranges::lower_bound(endpoints, address, {}, &Endpoint::address);
    return found != endpoints.end() && found->address == address ? &*found : nullptr;
}

void Schedule::set_endpoints(ServiceIndex service, const std::string& service_name, const config::Health& policy,
                             const std::vector<SocketAddress>& endpoints, TimePoint now) {
    Service& current = services_[service];
    Service before{service_name, policy, {}};  // what will be, until all is there that takes memory
    std::vector<SocketAddress> wanted;
    if (policy.check != config::CheckKind::none) wanted = sorted_and_unique(endpoints);
    before.endpoints.reserve(wanted.size());
    for (const SocketAddress& address : wanted) {
        const Endpoint* known = current.find(address);
        before.endpoints.push_back(
            {address, known != nullptr ? known->verdict : Verdict{.since = now, .first_seen = now}});
    }
    std::swap(before, current);
    if (before.is_partial) {  // the last call ended half-way: nobody knows what it left
        unsubscribe_from_all(service);
        before.endpoints.clear();
    }
    current.is_partial = true;
    const bool same_policy = before.policy == policy && before.name == service_name;
    const bool idle = idle_.contains(service);

    for (const SocketAddress& address : wanted) {
        const Endpoint* known = before.find(address);
        const Verdict& verdict = current.find(address)->verdict;
        if (known != nullptr && same_policy) continue;
        Target target = make_target(address, policy, service_name);
        if (known != nullptr && make_target(address, before.policy, before.name) == target) {
            hasten(target, now + jittered(verdict.next_delay(policy, now, idle)));
        } else {
            subscribe(service, std::move(target), now);
        }
    }
    for (const Endpoint& endpoint : before.endpoints) {
        const bool stays = current.find(endpoint.address) != nullptr;
        if (stays && same_policy) continue;
        const Target target = make_target(endpoint.address, before.policy, before.name);
        if (stays && make_target(endpoint.address, policy, service_name) == target) continue;
        unsubscribe(service, target);
    }
    current.is_partial = false;
    if (current.endpoints.empty()) services_.erase(service);
}

void Schedule::set_idle(ServiceIndex service, bool idle, TimePoint now) {
    if (idle) {
        idle_.insert(service);
        return;
    }
    if (idle_.erase(service) == 0) return;
    const auto entry = services_.find(service);
    if (entry == services_.end()) return;
    const Service& woken = entry->second;
    for (const Endpoint& endpoint : woken.endpoints) {
        hasten(make_target(endpoint.address, woken.policy, woken.name), now);
    }
}

void Schedule::subscribe(ServiceIndex service, Target target, TimePoint now) {
    const auto [entry, is_new] = targets_.try_emplace(std::move(target));
    auto& subscribers = entry->second.subscribers;
    try {
        if (std::ranges::find(subscribers, service) == subscribers.end()) subscribers.push_back(service);
        if (is_new) {
            entry->second.id = next_id_++;
            entry->second.due = now;
            queue_.insert({now, entry->second.id, &*entry});
        }
    } catch (const std::exception&) {  // no memory: a target that is not queued would never be probed
        if (is_new) targets_.erase(entry);
        throw;
    }
    if (!is_new) hasten(*entry, now);
}

void Schedule::unsubscribe(ServiceIndex service, const Target& target) {
    const auto entry = targets_.find(target);
    if (entry == targets_.end()) return;
    Tracked& tracked = entry->second;
    std::erase(tracked.subscribers, service);
    if (!tracked.subscribers.empty()) return;
    queue_.erase({tracked.due, tracked.id, &*entry});
    queue_.erase({in_flight_mark, tracked.id, &*entry});
    targets_.erase(entry);
}

void Schedule::unsubscribe_from_all(ServiceIndex service) {
    for (auto entry = targets_.begin(); entry != targets_.end();) {
        Tracked& tracked = entry->second;
        const bool had_it = std::erase(tracked.subscribers, service) > 0;
        if (!had_it || !tracked.subscribers.empty()) {
            ++entry;
            continue;
        }
        queue_.erase({tracked.due, tracked.id, &*entry});
        queue_.erase({in_flight_mark, tracked.id, &*entry});
        entry = targets_.erase(entry);
    }
}

/// Nobody is subscribed to one that set_endpoints() did not reach for want of memory.
void Schedule::hasten(const Target& target, TimePoint due) {
    const auto entry = targets_.find(target);
    if (entry != targets_.end()) hasten(*entry, due);
}

/// Nothing happens to one that is in flight: its time has passed already, and its outcome will say when it is due
/// again.
void Schedule::hasten(Targets::value_type& target, TimePoint due) {
    if (target.second.due > due) put_off(target, due);
}

const Verdict* Schedule::find(ServiceIndex service, const SocketAddress& endpoint) const {
    const auto entry = services_.find(service);
    if (entry == services_.end()) return nullptr;
    const auto& endpoints = entry->second.endpoints;
    const auto found = std::ranges::lower_bound(endpoints, endpoint, {}, &Endpoint::address);
    return found != endpoints.end() && found->address == endpoint ? &found->verdict : nullptr;
}

std::optional<Event> Schedule::observe(ServiceIndex service, const SocketAddress& endpoint, Observed observed,
                                       TimePoint since, TimePoint now) {
    const auto entry = services_.find(service);
    if (entry == services_.end()) return std::nullopt;
    Service& ours = entry->second;
    Endpoint* found = ours.find(endpoint);
    if (found == nullptr) return std::nullopt;
    Verdict& verdict = found->verdict;
    const bool changed = verdict.apply_connection(observed, ours.policy, since, now);
    const bool failed = evidence(observed) == Evidence::certain || evidence(observed) == Evidence::doubtful;
    if (failed && (changed || verdict.status != Status::unhealthy)) {
        const milliseconds delay = changed ? milliseconds{0} : verdict.next_delay(ours.policy, now);
        hasten(make_target(endpoint, ours.policy, ours.name), now + delay);
    }
    return Event{service, endpoint, changed};
}

/// The end of the time for which the application's own success stands in for a probe; null if it does not: for one of
/// those who share the target it has not been seen, or is not healthy without doubt.
std::optional<TimePoint> Schedule::spared_until(const Targets::value_type& target) const {
    TimePoint until = never;
    for (const ServiceIndex index : target.second.subscribers) {
        const Verdict* verdict = find(index, target.first.address);
        if (verdict == nullptr) return std::nullopt;
        const Service& service = services_.at(index);
        const bool sound = verdict->status == Status::healthy && verdict->failures == 0 && verdict->excused == 0 &&
                           !verdict->local_fault;
        if (!sound || verdict->answered_since == TimePoint{}) return std::nullopt;
        until = std::min(until, verdict->answered_since + service.policy.interval);
    }
    return until;
}

void Schedule::put_off(Targets::value_type& target, TimePoint due) {
    auto place = queue_.extract({target.second.due, target.second.id, &target});
    target.second.due = due;
    queue_again(queue_, std::move(place), due);
}

std::optional<Schedule::Job> Schedule::take_due(TimePoint now) {
    while (next_due() <= now) {
        Targets::value_type& first = *queue_.begin()->target;
        const auto spared = spared_until(first);
        if (!spared || *spared <= now) break;
        put_off(first, *spared);
        ++spared_;
    }
    if (next_due() > now) return std::nullopt;
    Targets::value_type& target = *queue_.begin()->target;
    Job job{.target = target.first, .id = target.second.id};
    for (const ServiceIndex service : target.second.subscribers) {
        const auto entry = services_.find(service);
        if (entry != services_.end()) job.timeout = std::max(job.timeout, entry->second.policy.timeout);
    }
    queue_again(queue_, queue_.extract(queue_.begin()), in_flight_mark);
    ++in_flight_;
    return job;
}

TimePoint Schedule::next_due() const {
    return queue_.empty() || in_flight_ >= max_in_flight_ ? never : queue_.begin()->at;
}

std::vector<Event> Schedule::finish(const Job& job, const Outcome& outcome, TimePoint now) {
    --in_flight_;
    std::vector<Event> events;
    const auto entry = targets_.find(job.target);
    if (entry == targets_.end() || entry->second.id != job.id) return events;  // forgotten while in flight
    Tracked& tracked = entry->second;
    tracked.due = now + retry_pause;  // first: whatever happens now, it is probed again
    queue_again(queue_, queue_.extract({in_flight_mark, tracked.id, &*entry}), tracked.due);
    events.reserve(tracked.subscribers.size());
    auto delay = milliseconds::max();
    for (const ServiceIndex index : tracked.subscribers) {
        const auto subscriber = services_.find(index);
        if (subscriber == services_.end()) continue;
        Service& service = subscriber->second;
        Endpoint* endpoint = service.find(job.target.address);
        if (endpoint == nullptr) continue;
        const bool changed = apply(endpoint->verdict, job, outcome, service.policy, now);
        events.push_back({index, endpoint->address, changed});
        delay = std::min(delay, endpoint->verdict.next_delay(service.policy, now, idle_.contains(index)));
    }
    if (events.empty()) {  // nobody is left whose it was
        queue_.erase({tracked.due, tracked.id, &*entry});
        targets_.erase(entry);
    } else {
        put_off(*entry, now + jittered(delay));
    }
    return events;
}

Duration Schedule::jittered(milliseconds delay) {
    constexpr double widest = 0.1;
    const double share = std::uniform_real_distribution<>(1.0 - widest, 1.0)(random_);
    return std::chrono::duration_cast<Duration>(delay * share);
}

}  // namespace taskdns::health
