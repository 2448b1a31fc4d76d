// One configured service on the control thread. Layer: app.
#include "app/service_state.hpp"

#include <algorithm>
#include <set>

#include "base/log.hpp"
#include "view/build_view.hpp"

namespace taskdns::app {
namespace {

using namespace std::chrono_literals;
using membership::Presence;

constexpr auto recent_time = 60s;  // how long a former member's target name is still answered; design.md, section 8

bool looks_the_same(const view::Decision& a, const view::Decision& b) {
    const auto same_endpoint = [](const view::EndpointDecision& x, const view::EndpointDecision& y) {
        const membership::Member& mx = x.candidate.member;
        const membership::Member& my = y.candidate.member;
        return mx.address == my.address && mx.weight == my.weight && mx.priority == my.priority &&
               x.served == y.served && x.reason == y.reason &&
               x.candidate.verdict.status == y.candidate.verdict.status;
    };
    return a.rung == b.rung && a.stale == b.stale && std::ranges::equal(a.endpoints, b.endpoints, same_endpoint);
}

const char* outcome_name(const discovery::Observation& observation) {
    if (std::holds_alternative<discovery::Records>(observation)) return "records";
    return std::holds_alternative<discovery::Empty>(observation) ? "empty" : "failed";
}

}  // namespace

ServiceState::ServiceState(config::Service service, std::uint32_t pick_start)
    : service_(std::move(service)),
      registry_(service_.membership, checked()),
      view_(view::build_service_view(service_, decision_, false, {})),
      pick_cursor_(pick_start) {}

bool ServiceState::observe(const discovery::Observation& observation, milliseconds next_delay, TimePoint now) {
    log_poll(observation);
    last_poll_ = Poll{now, observation, now + next_delay};
    if (const auto* failed = std::get_if<discovery::Failed>(&observation)) last_error_ = failed->reason;
    const std::vector<membership::Member> before = registry_.members();
    const bool changed = registry_.apply(observation, now);
    note_membership(before, now);
    return changed;
}

bool ServiceState::expire(TimePoint now) {
    const std::vector<membership::Member> before = registry_.members();
    const bool changed = registry_.expire(now);
    note_membership(before, now);
    const bool forgot = std::erase_if(recent_, [now](const auto& entry) { return entry.second <= now; }) > 0;
    return changed || forgot;
}

TimePoint ServiceState::next_deadline() const {
    TimePoint next = registry_.next_expiry();
    for (const auto& [address, forgotten_at] : recent_) next = std::min(next, forgotten_at);
    return next;
}

void ServiceState::log_poll(const discovery::Observation& observation) {
    const bool first = !last_poll_.has_value();
    if (!first && last_poll_->observation.index() == observation.index()) return;  // log on change of state only
    const std::string name = service_.name.to_string();
    if (const auto* failed = std::get_if<discovery::Failed>(&observation)) {
        log::warning("discovery", "poll failed", {{"service", name}, {"reason", failed->reason}});
    } else if (const auto* empty = std::get_if<discovery::Empty>(&observation)) {
        log::warning("discovery", "poll came back empty", {{"service", name}, {"reason", empty->reason}});
    } else if (!first) {
        log::info("discovery", "poll succeeds again",
                  {{"service", name}, {"after", outcome_name(last_poll_->observation)}});
    }
}

void ServiceState::note_membership(const std::vector<membership::Member>& before, TimePoint now) {
    const std::string name = service_.name.to_string();
    std::map<SocketAddress, Presence> known;
    for (const membership::Member& member : before) known.emplace(member.address, member.presence);
    for (const membership::Member& member : registry_.members()) {
        const auto old = known.find(member.address);
        const std::string text = member.address.to_string();
        if (old == known.end()) {
            recent_.erase(member.address.address);
            log::info("membership", "endpoint added", {{"service", name}, {"endpoint", text}});
            continue;
        }
        // Held by a failed or empty poll: that poll's own line says it for all of them.
        if (old->second != member.presence && member.presence == Presence::withdrawn) {
            log::info("membership", "endpoint withdrawn", {{"service", name}, {"endpoint", text}});
        } else if (old->second == Presence::withdrawn && member.presence == Presence::present) {
            log::info("membership", "endpoint returned", {{"service", name}, {"endpoint", text}});
        }
        known.erase(old);
    }
    for (const auto& [address, presence] : known) {  // what is left is no member any more
        recent_[address.address] = now + recent_time;
        log::info("membership", "endpoint removed",
                  {{"service", name}, {"endpoint", address.to_string()}, {"from", membership::to_string(presence)}});
    }
}

std::vector<view::Candidate> ServiceState::candidates(const FindVerdict& find_verdict) const {
    std::vector<view::Candidate> out;
    for (const membership::Member& member : registry_.members()) {
        const health::Verdict* verdict = find_verdict(member.address);
        out.push_back({member, verdict != nullptr ? *verdict : health::Verdict{}});
    }
    return out;
}

bool ServiceState::decide(const FindVerdict& find_verdict) {
    view::Decision decision = view::decide(candidates(find_verdict), checked(), registry_.basis());
    std::vector<IpAddress> recent;
    for (const auto& [address, forgotten_at] : recent_) recent.push_back(address);
    std::shared_ptr<const view::ServiceView> view =
        view::build_service_view(service_, decision, registry_.answered_once(), recent);
    const bool same = looks_the_same(decision, decision_) && view->readiness == view_->readiness;
    const bool same_targets = view->targets == view_->targets;
    decision_ = std::move(decision);
    if (same && same_targets) return false;
    view_ = std::move(view);
    if (same) return true;  // a former member's target name was forgotten: nothing that the index stands for
    ++index_;
    const auto served = std::ranges::count_if(decision_.endpoints, &view::EndpointDecision::served);
    log::info("view", "answers changed",
              {{"service", service_.name.to_string()},
               {"rung", view::to_string(decision_.rung)},
               {"served", served},
               {"members", decision_.endpoints.size()},
               {"stale", decision_.stale},
               {"index", index_}});
    return true;
}

std::string ServiceState::not_ready_reason(const FindVerdict& find_verdict) const {
    if (registry_.basis() == membership::Basis::not_polled) return "not polled yet";
    if (!registry_.answered_once()) return "the upstream has not answered yet: " + last_error_;
    if (!checked()) return "";
    const std::vector<SocketAddress> all = endpoints();
    const auto waiting = std::ranges::count_if(all, [&](const SocketAddress& endpoint) {
        const health::Verdict* verdict = find_verdict(endpoint);
        return verdict == nullptr || !(verdict->checked || verdict->local_fault);
    });
    if (waiting == 0) return "";
    return std::to_string(waiting) + " of " + std::to_string(all.size()) + " endpoints not checked yet";
}

std::optional<SocketAddress> ServiceState::pick() {
    if (view_->rotation.empty()) return std::nullopt;
    return view_->rotation[pick_cursor_++ % view_->rotation.size()];
}

std::vector<SocketAddress> ServiceState::endpoints() const {
    std::vector<SocketAddress> out;
    for (const membership::Member& member : registry_.members()) out.push_back(member.address);
    return out;
}

}  // namespace taskdns::app
