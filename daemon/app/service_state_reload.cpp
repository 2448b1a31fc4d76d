// One configured service on the control thread: it goes on with new settings. Layer: app.
#include "app/service_state.hpp"

namespace taskdns::app {

void ServiceState::take_over(ServiceState&& before, TimePoint now) {
    seed_ = before.seed_;
    pick_cursor_ = before.pick_cursor_;
    registry_ = std::move(before.registry_);
    sampled_ = before.sampled_;
    not_checked_since_loaded_ = std::move(before.not_checked_since_loaded_);
    recent_ = std::move(before.recent_);
    reports_ = std::move(before.reports_);
    drains_ = health::Drains(service_.membership.max_endpoints, std::move(before.drains_));
    decision_ = std::move(before.decision_);
    sources_generation_ = before.sources_generation_;
    view_ = std::move(before.view_);
    last_poll_ = std::move(before.last_poll_);
    last_error_ = std::move(before.last_error_);
    last_answer_ = before.last_answer_;
    tally_ = before.tally_;
    index_ = before.index_;
    came_or_went_ = before.came_or_went_;
    if (service_.answer.order == config::Order::least_connections) balance_ = std::move(before.balance_);
    // Another check, or another port, has no verdict yet: that is no reason not to serve them meanwhile.
    for (const view::EndpointDecision& endpoint : decision_.endpoints) {
        if (endpoint.served) not_checked_since_loaded_.insert(endpoint.address);
    }
    if (before.service_.port != service_.port && !service_.registry_names_ports()) move_ports(before.service_.port);

    const std::vector<membership::Member> all = registry_.members();
    if (registry_.set_policy(service_.membership, service_.poll, checked())) note_membership(all, now);
    targets_changed_ = true;
    settings_changed_ = true;
}

/// What an operator has said of a task he means of its new port, too; what the application has said was of another
/// listener.
void ServiceState::move_ports(std::uint16_t from) {
    const std::vector<SocketAddress> moved = registry_.move_ports(from, service_.port);
    for (const SocketAddress& old : moved) {
        const SocketAddress now_at{old.address, service_.port};
        reports_.forget(old);
        balance_.erase(old);
        if (not_checked_since_loaded_.erase(old) > 0) not_checked_since_loaded_.insert(now_at);
        const auto last_healthy = std::ranges::find(decision_.last_healthy, old);
        if (last_healthy != decision_.last_healthy.end()) *last_healthy = now_at;
    }
    drains_.move_ports(from, service_.port);
}

}  // namespace taskdns::app
