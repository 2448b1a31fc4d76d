// One configured service on the control thread. Layer: app.
#include "app/service_state.hpp"

#include <algorithm>
#include <set>

#include "base/log.hpp"
#include "view/balance.hpp"
#include "view/build_view.hpp"
#include "view/subset.hpp"

namespace taskdns::app {
namespace {

using namespace std::chrono_literals;

constexpr auto collecting_time = 10min;  // in which most of a sampled service is seen

bool same_record(const view::EndpointDecision& x, const view::EndpointDecision& y) {
    return x.address == y.address && x.record_weight == y.record_weight && x.priority == y.priority &&
           x.served == y.served;
}

/// Whether the same records come first equally often: then the view stays.
bool answers_the_same(const view::Decision& a, const view::Decision& b) {
    const auto same_endpoint = [&](const view::EndpointDecision& x, const view::EndpointDecision& y) {
        return same_record(x, y) && x.first == y.first && x.weight == y.weight && a.source_of(x) == b.source_of(y);
    };
    return a.rung == b.rung && a.stale == b.stale && std::ranges::equal(a.endpoints, b.endpoints, same_endpoint);
}

bool looks_the_same(const view::Decision& a, const view::Decision& b) {
    const auto same_endpoint = [](const view::EndpointDecision& x, const view::EndpointDecision& y) {
        const bool same_word =
            x.standing.reason == y.standing.reason || (x.why != view::Why::unhealthy && x.why != view::Why::panic);
        return same_record(x, y) && x.why == y.why && same_word && x.standing.status == y.standing.status;
    };
    return a.rung == b.rung && a.stale == b.stale && a.panic == b.panic && a.zone_preferred == b.zone_preferred &&
           std::ranges::equal(a.endpoints, b.endpoints, same_endpoint);
}

/// Slow start is for newcomers, not for what was there when we started: that takes a while to be seen whole where
/// answers are samples.
TimePoint newcomers_since(const membership::Registry& registry, bool sampled) {
    return sampled && registry.answered_once() ? registry.first_answered() + collecting_time
                                               : registry.first_answered();
}

}  // namespace

ServiceState::ServiceState(config::Service service, std::uint32_t seed, std::uint64_t index)
    : service_(std::move(service)),
      seed_(seed),
      registry_(service_.membership, service_.poll, checked()),
      drains_(service_.membership.max_endpoints),
      configured_zone_(service_.zone),
      view_(view::build_service_view(service_, decision_, false, {}, seed)),
      index_(index),
      pick_cursor_(seed) {}

bool ServiceState::choose(const FindVerdict& find_verdict, std::string_view identity) {
    if (!checked() && service_.subset == 0) return false;
    const std::vector<membership::Member>& members = registry_.members();
    const auto is_out = [&](const SocketAddress& endpoint) {
        const health::Verdict* verdict = find_verdict(endpoint);
        return (verdict != nullptr && verdict->status == health::Status::unhealthy) || drains_.contains(endpoint) ||
               reports_.find(endpoint) != nullptr;
    };
    std::vector<SocketAddress> chosen = view::choose_subset(members, is_out, service_.subset, identity);
    if (chosen == chosen_) return false;
    chosen_ = std::move(chosen);
    return true;
}

std::vector<view::Candidate> ServiceState::candidates(const FindVerdict& find_verdict, LocalSources& sources) {
    std::vector<view::Candidate> out;
    const bool need_source = service_.answer.fair || service_.zone.prefer;
    out.reserve(registry_.members().size());
    for (const membership::Member& member : registry_.members()) {
        view::Candidate& candidate = out.emplace_back();
        const health::Verdict* verdict = find_verdict(member.address);
        if (verdict != nullptr) candidate.verdict = *verdict;
        candidate.outside_subset = !uses(member.address);
        candidate.drained = drains_.contains(member.address);
        candidate.ejected = reports_.find(member.address) != nullptr;
        if (candidate.verdict.checked || candidate.outside_subset) not_checked_since_loaded_.erase(member.address);
        candidate.unverified = not_checked_since_loaded_.contains(member.address);
        const auto balance = balance_.find(member.address);
        if (balance != balance_.end()) candidate.balance = balance->second;
        if (need_source && !candidate.outside_subset) candidate.source = source_of(member.address, sources);
        if (own_zone_.empty() && candidate.source.address) {
            own_zone_ = view::find_zone(*candidate.source.address, service_.zone);
        }
        candidate.member = member;
    }
    if (own_zone_.empty()) own_zone_ = home_zone_;
    return out;
}

void ServiceState::set_home(const view::Home& home) {
    view::HomeZones zones = view::join_home(configured_zone_, home);
    service_.zone = std::move(zones.zone);
    home_zone_ = std::move(zones.own);
    settings_changed_ = true;
}

bool ServiceState::rebalance(const std::function<double(const SocketAddress&)>& open) {
    std::vector<SocketAddress> addresses;
    std::vector<view::Load> loads;
    for (const view::EndpointDecision& endpoint : decision_.endpoints) {
        if (!endpoint.served || !endpoint.first) continue;
        const auto known = balance_.find(endpoint.address);
        addresses.push_back(endpoint.address);
        loads.push_back({known == balance_.end() ? 1.0 : known->second, open(endpoint.address)});
    }
    const std::vector<double> weights = view::rebalance(loads);
    std::map<SocketAddress, double> balance;
    for (std::size_t i = 0; i < weights.size(); ++i) {
        if (weights[i] < 1.0) balance.emplace(addresses[i], weights[i]);
    }
    if (balance == balance_) return false;
    balance_ = std::move(balance);
    return true;
}

bool ServiceState::uses(const SocketAddress& endpoint) const {
    return service_.subset == 0 || std::ranges::binary_search(chosen_, endpoint);
}

/// Unless the interfaces have changed since, as the last decision knew it: asking costs three system calls.
view::LocalSource ServiceState::source_of(const SocketAddress& endpoint, LocalSources& sources) const {
    if (sources_generation_ == sources.generation()) {
        const view::EndpointDecision* known = decision_.find(endpoint);
        if (known != nullptr && decision_.source_of(*known).address) return decision_.source_of(*known);
    }
    return sources.find(endpoint.address);
}

bool ServiceState::decide(const FindVerdict& find_verdict, LocalSources& sources, TimePoint now,
                          std::uint64_t& last_index) {
    own_zone_.clear();  // our own address may have changed
    const std::vector<view::Candidate> all = candidates(find_verdict, sources);
    const view::Circumstances circumstances{registry_.basis(), newcomers_since(registry_, sampled_), own_zone_, now};
    view::Decision decision = view::decide(all, service_, circumstances, decision_);
    sources_generation_ = sources.generation();
    const bool same = looks_the_same(decision_, decision);
    // Until its view is built; what throws in between must not make the next decision look like no change.
    targets_changed_ = targets_changed_ || !answers_the_same(decision_, decision);
    std::swap(decision, decision_);
    const view::Decision& before = decision;
    if (std::exchange(settings_changed_, false) || !same) index_ = ++last_index;
    if (!same) log_decision(before);
    const bool first_answer = view_->readiness == view::Readiness::no_upstream && registry_.answered_once();
    if (!targets_changed_ && !first_answer) return false;
    std::vector<IpAddress> recent;
    for (const auto& [address, forgotten_at] : recent_) recent.push_back(address);
    view_ = view::build_service_view(service_, decision_, registry_.answered_once(), recent, seed_);
    rotation_ = {};
    targets_changed_ = false;
    return true;
}

void ServiceState::log_decision(const view::Decision& before) const try {
    const std::string name = service_.name.to_string();
    if (decision_.panic != before.panic) {
        log::warning("view",
                     decision_.panic ? "panic: too many endpoints fail, they may be slow and are served again"
                                     : "panic has ended",
                     {{"service", name}});
    }
    const auto served = std::ranges::count_if(decision_.endpoints, &view::EndpointDecision::served);
    log::info("view", "answers changed",
              {{"service", name},
               {"rung", view::to_string(decision_.rung)},
               {"served", served},
               {"members", decision_.endpoints.size()},
               {"stale", decision_.stale},
               {"index", index_}});
} catch (const std::exception&) {  // no memory for a line
}

bool ServiceState::is_news(const SocketAddress& endpoint, const health::Verdict& verdict) const {
    const view::EndpointDecision* known = decision_.find(endpoint);
    return known == nullptr || known->standing != verdict.standing();
}

std::string ServiceState::not_ready_reason(const FindVerdict& find_verdict) const {
    if (registry_.basis() == membership::Basis::not_polled) return "not polled yet";
    if (!registry_.answered_once()) return "the upstream has not answered yet: " + last_error_;
    if (!checked()) return "";
    const auto waiting = std::ranges::count_if(chosen_, [&](const SocketAddress& endpoint) {
        const health::Verdict* verdict = find_verdict(endpoint);
        return verdict == nullptr || !(verdict->checked || verdict->local_fault);
    });
    if (waiting == 0) return "";
    return std::to_string(waiting) + " of " + std::to_string(chosen_.size()) + " endpoints not checked yet";
}

std::optional<SocketAddress> ServiceState::pick() {
    if (rotation_.empty()) rotation_ = view::build_rotation(service_, decision_, seed_);
    if (rotation_.empty()) return std::nullopt;
    return rotation_[pick_cursor_++ % rotation_.size()];
}

ServiceState::Counts ServiceState::counts() const {
    Counts out{.members = decision_.endpoints.size()};
    for (const view::EndpointDecision& endpoint : decision_.endpoints) {
        if (endpoint.standing.status == health::Status::healthy) ++out.healthy;
        if (endpoint.served) ++out.served;
    }
    return out;
}

}  // namespace taskdns::app
