// One configured service on the control thread: what the application and the operator say of its endpoints.
// Layer: app.
#include "app/service_state.hpp"
#include "base/log.hpp"

namespace taskdns::app {
namespace {

/// For people: the wall clock is read for a log line only.
std::string wall_text(TimePoint time) { return format_wall_time(WallAnchor::take().at(time)); }

}  // namespace

bool ServiceState::is_member(const SocketAddress& endpoint) const { return registry_.find(endpoint) != nullptr; }

bool ServiceState::report(const SocketAddress& endpoint, http_server::Report report, TimePoint now) {
    if (!is_member(endpoint)) return false;
    if (report == http_server::Report::success) {
        if (!reports_.succeed(endpoint, now)) return false;
        log_ejection_end(endpoint, "success_report");
        return true;
    }
    if (!reports_.fail(endpoint, view::room_without(endpoint, ejectable(), decision_), now)) return false;
    const health::Ejection& ejection = *reports_.find(endpoint);
    log::warning("health", "endpoint ejected by reports",
                 {{"service", service_.name.to_string()},
                  {"endpoint", endpoint.to_string()},
                  {"until", wall_text(ejection.until)},
                  {"ejections", ejection.number},
                  {"ejected", reports_.ejected_count()}});
    return true;
}

bool ServiceState::drain(const SocketAddress& endpoint, TimePoint until, TimePoint now) {
    if (!is_member(endpoint)) return false;
    drains_.drain(endpoint, until, [this](const SocketAddress& other) { return is_member(other); });
    log::info("health", "endpoint drained",
              {{"service", service_.name.to_string()},
               {"endpoint", endpoint.to_string()},
               {"until", wall_text(until)},
               {"drained", drains_.size()}});
    keep_half_in(now);
    return true;
}

bool ServiceState::undrain(const SocketAddress& endpoint, TimePoint now) {
    if (!drains_.undrain(endpoint)) return false;
    log_drain_end(endpoint, "undrained");
    keep_half_in(now);
    return true;
}

bool ServiceState::let_back_if_passing(const SocketAddress& endpoint, const health::Verdict& verdict, TimePoint now) {
    if (health::evidence(verdict.last.observed) != health::Evidence::success) return false;
    if (!reports_.is_ended_by_check(endpoint, verdict.last_at)) return false;
    let_back(endpoint, "check", now);
    return true;
}

view::Ejectable ServiceState::ejectable() const {
    return {.members = registry_.members(), .reports = reports_, .drains = drains_, .subset = service_.subset};
}

/// To be called whenever other ones may be served: also where one comes back that is ejected, too.
void ServiceState::keep_half_in(TimePoint now) {
    for (const SocketAddress& endpoint : view::beyond_half(ejectable()))
        let_back(endpoint, "half_of_the_members", now);
}

/// True if an ejection or a drain was over.
bool ServiceState::expire_admin(TimePoint now) {
    const std::vector<SocketAddress> returned = reports_.expire(now);
    for (const SocketAddress& endpoint : returned) log_ejection_end(endpoint, "time");
    const std::vector<SocketAddress> undrained = drains_.expire(now);
    for (const SocketAddress& endpoint : undrained) log_drain_end(endpoint, "time");
    if (!undrained.empty()) keep_half_in(now);
    return !returned.empty() || !undrained.empty();
}

void ServiceState::let_back(const SocketAddress& endpoint, const char* because, TimePoint now) {
    reports_.let_back(endpoint, now);
    log_ejection_end(endpoint, because);
}

void ServiceState::log_ejection_end(const SocketAddress& endpoint, const char* because) const {
    log::info("health", "ejection has ended",
              {{"service", service_.name.to_string()},
               {"endpoint", endpoint.to_string()},
               {"because_of", because},
               {"ejected", reports_.ejected_count()}});
}

void ServiceState::log_drain_end(const SocketAddress& endpoint, const char* because) const {
    log::info("health", "drain has ended",
              {{"service", service_.name.to_string()},
               {"endpoint", endpoint.to_string()},
               {"because_of", because},
               {"drained", drains_.size()}});
}

}  // namespace taskdns::app
