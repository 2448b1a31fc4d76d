// What the HTTP interface asks of the control plane. Layer: app.
#include "app/control_plane.hpp"
#include "app/service_status.hpp"

namespace taskdns::app {
namespace {

using namespace std::chrono_literals;

constexpr auto ready_without_all = 5s;  // after that /readyz waits no longer; design.md, section 9

}  // namespace

std::optional<std::size_t> ControlPlane::find_service(std::string_view name) const {
    const auto parsed = dns::Name::parse(name);
    if (!parsed) return std::nullopt;
    const view::OwnerName* owner = names_->find(parsed->wire());
    if (owner == nullptr) return std::nullopt;
    return owner->service;
}

http_server::ReadyStatus ControlPlane::ready() {
    if (shutting_down_) return {false, {{"", "shutting down"}}};
    http_server::ReadyStatus status;
    if (!ready_once_ && Clock::now() < started_at_ + ready_without_all) {
        for (std::size_t i = 0; i < services_.size(); ++i) {
            if (!services_[i].service().required) continue;
            const std::string reason = services_[i].not_ready_reason(find_verdict(i));
            if (!reason.empty()) status.missing.push_back({services_[i].service().name.to_string(), reason});
        }
    }
    status.ready = status.missing.empty();
    ready_once_ = ready_once_ || status.ready;
    return status;
}

http_server::ServiceStatus ControlPlane::status(std::size_t service) const {
    const bool observed = connections_.observes(static_cast<health::ServiceIndex>(service));
    const FindConnections find_connections = [this, observed](const SocketAddress& endpoint) {
        return observed ? connections_.find(endpoint) : nullptr;
    };
    http_server::ServiceStatus out =
        service_status(services_[service], find_verdict(service), find_connections, WallAnchor::take());
    out.observe = connections_.status(static_cast<health::ServiceIndex>(service));
    return out;
}

http_server::Model ControlPlane::model() {
    http_server::Model model;
    model.ready = [this] { return ready(); };
    model.services = [this] {
        std::vector<http_server::ServiceStatus> out;
        const WallAnchor wall = WallAnchor::take();
        for (std::size_t i = 0; i < services_.size(); ++i) {
            out.push_back(service_summary(services_[i], wall));
            out.back().observe = connections_.status(static_cast<health::ServiceIndex>(i));
        }
        return out;
    };
    model.service = [this](std::string_view name) -> std::optional<http_server::ServiceStatus> {
        const auto service = find_service(name);
        if (!service) return std::nullopt;
        return status(*service);
    };
    model.pick = [this](std::string_view name) -> std::optional<SocketAddress> {
        const auto service = find_service(name);
        if (!service) return std::nullopt;
        return services_[*service].pick();
    };
    model.index = [this] { return last_index_; };
    model.service_index = [this](std::string_view name) -> std::optional<std::uint64_t> {
        const auto service = find_service(name);
        if (!service) return std::nullopt;
        return services_[*service].index();
    };
    // To look at a service is no demand; to ask for its endpoints is.
    model.asked = [this](std::string_view name) {
        const auto service = find_service(name);
        if (service) demand_.note(static_cast<std::uint32_t>(*service));
    };
    model.report = [this](std::string_view name, const SocketAddress& endpoint, http_server::Report report) {
        const auto service = find_service(name);
        if (service && services_[*service].report(endpoint, report, Clock::now())) decide_at_once(*service);
    };
    model.drain = [this](std::string_view name, const SocketAddress& endpoint, milliseconds how_long) {
        const auto service = find_service(name);
        const TimePoint now = Clock::now();
        if (service && services_[*service].drain(endpoint, now + how_long, now)) decide_at_once(*service);
    };
    model.undrain = [this](std::string_view name, const SocketAddress& endpoint) {
        const auto service = find_service(name);
        if (service && services_[*service].undrain(endpoint, Clock::now())) decide_at_once(*service);
    };
    return model;
}

/// Who changes something by a request sees it in the answer to it.
void ControlPlane::decide_at_once(std::size_t service) {
    if (services_[service].service().subset > 0) choose_endpoints(service);  // a stand-in, or one less
    changed_.insert(service);
    publish_changes();
}

}  // namespace taskdns::app
