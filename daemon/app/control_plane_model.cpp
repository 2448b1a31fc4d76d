// What the HTTP interface asks of the control plane. Layer: app.
#include <algorithm>

#include "app/control_plane.hpp"
#include "app/service_status.hpp"

namespace taskdns::app {
namespace {

using namespace std::chrono_literals;

constexpr auto ready_without_all = 5s;  // after that /readyz waits no longer; design.md, section 9
constexpr std::size_t shown_turns = 8;  // of a rotation

/// The address in a record of type A or AAAA, which is its last octets.
IpAddress address_at_end(std::span<const std::uint8_t> record, bool v4) {
    if (v4) {
        IpAddress::V4Bytes octets{};
        std::ranges::copy(record.last(octets.size()), octets.begin());
        return IpAddress(octets);
    }
    IpAddress::V6Bytes octets{};
    std::ranges::copy(record.last(octets.size()), octets.begin());
    return IpAddress(octets);
}

constexpr std::size_t a_record = 12 + 4;  // owner pointer to RDLENGTH, and the address

SocketAddress find_endpoint(const view::Decision& decision, const view::PreparedRrset& rrset, std::uint16_t number) {
    if (rrset.stride != 0) {
        const IpAddress address = address_at_end(rrset.record(number), rrset.stride == a_record);
        const auto found = std::ranges::find_if(decision.endpoints, [&](const view::EndpointDecision& endpoint) {
            return endpoint.served && endpoint.address.address == address;
        });
        return found == decision.endpoints.end() ? SocketAddress{address, 0} : found->address;
    }
    constexpr std::size_t port_offset = 14;  // TYPE to RDLENGTH 10, priority, weight
    const auto record = rrset.record(number);
    const auto target = rrset.addresses[number];
    const auto port = static_cast<std::uint16_t>(record[port_offset] << 8 | record[port_offset + 1]);
    return {address_at_end(target, target.size() == 10 + 4), port};
}

http_server::RotationStatus rotation_status(const Services::Rotation& rotation, const view::Decision& decision) {
    http_server::RotationStatus out{.answers = rotation.answers, .next = {}};
    if (rotation.rrset == nullptr) return out;
    for (std::size_t i = 0; i < std::min(shown_turns, rotation.rrset->slots()); ++i) {
        out.next.push_back(find_endpoint(decision, *rotation.rrset, rotation.rrset->slot(rotation.next + i).front()));
    }
    return out;
}

}  // namespace

http_server::ReadyStatus ControlPlane::ready() {
    if (shutting_down_) return {false, {{"", "shutting down"}}};
    http_server::ReadyStatus status;
    if (!ready_once_ && Clock::now() < started_at_ + ready_without_all) {
        for (const std::size_t place : services_.order()) {
            const ServiceState& state = services_.state(place);
            if (!state.service().required) continue;
            const std::string reason = state.not_ready_reason(find_verdict(place));
            if (!reason.empty()) status.missing.push_back({state.service().name.to_string(), reason});
        }
    }
    status.ready = status.missing.empty();
    ready_once_ = ready_once_ || status.ready;
    return status;
}

http_server::ServiceStatus ControlPlane::summary(std::size_t place) const {
    const ServiceState& state = services_.state(place);
    return with_live_parts(place, service_summary(state, WallAnchor::take()));
}

http_server::ServiceStatus ControlPlane::status(std::size_t place) const {
    const ServiceState& state = services_.state(place);
    const bool observed = connections_.observes(static_cast<health::ServiceIndex>(place));
    const FindConnections find_connections = [this, observed](const SocketAddress& endpoint) {
        return observed ? connections_.find(endpoint) : nullptr;
    };
    return with_live_parts(place, service_status(state, find_verdict(place), find_connections, WallAnchor::take()));
}

/// What the service's own state does not know.
http_server::ServiceStatus ControlPlane::with_live_parts(std::size_t place, http_server::ServiceStatus out) const {
    out.observe = connections_.status(static_cast<health::ServiceIndex>(place));
    out.rotation = rotation_status(services_.rotation(place), services_.state(place).decision());
    return out;
}

http_server::Model ControlPlane::model() {
    http_server::Model model;
    model.ready = [this] { return ready(); };
    model.services = [this] {
        std::vector<http_server::ServiceStatus> out;
        for (const std::size_t place : services_.order()) out.push_back(summary(place));
        return out;
    };
    model.service = [this](std::string_view name) -> std::optional<http_server::ServiceStatus> {
        const auto place = services_.find_place(name);
        if (!place) return std::nullopt;
        return status(*place);
    };
    model.pick = [this](std::string_view name) -> std::optional<SocketAddress> {
        const auto place = services_.find_place(name);
        if (!place) return std::nullopt;
        return services_.state(*place).pick();
    };
    // To look at a service is no demand; to ask for its endpoints is.
    model.asked = [this](std::string_view name) {
        const auto place = services_.find_place(name);
        if (place) services_.demand().note(static_cast<std::uint32_t>(*place));
    };
    model.index = [this] { return last_index_; };
    model.service_index = [this](std::string_view name) -> std::optional<std::uint64_t> {
        const auto place = services_.find_place(name);
        if (!place) return std::nullopt;
        return services_.state(*place).index();
    };
    model.report = [this](std::string_view name, const SocketAddress& endpoint, http_server::Report report) {
        const auto place = services_.find_place(name);
        if (place && services_.state(*place).report(endpoint, report, Clock::now())) decide_at_once(*place);
    };
    model.drain = [this](std::string_view name, const SocketAddress& endpoint, milliseconds how_long) {
        const auto place = services_.find_place(name);
        const TimePoint now = Clock::now();
        if (place && services_.state(*place).drain(endpoint, now + how_long, now)) decide_at_once(*place);
    };
    model.undrain = [this](std::string_view name, const SocketAddress& endpoint) {
        const auto place = services_.find_place(name);
        if (place && services_.state(*place).undrain(endpoint, Clock::now())) decide_at_once(*place);
    };
    return model;
}

}  // namespace taskdns::app
