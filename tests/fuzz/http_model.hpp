// A model for the HTTP interface that never changes, and counts what it is asked and told.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "http_server/model.hpp"

namespace taskdns::fuzz {

inline http_server::EndpointStatus endpoint_status(const char* address, const char* state, bool served) {
    http_server::EndpointStatus out;
    out.address = SocketAddress::parse(address).value();
    out.state = state;
    out.served = served;
    out.reason = served ? "served" : "unhealthy:status";
    out.presence = "present";
    out.present = true;
    out.last_check = http_server::LastCheck{{}, "status", std::chrono::microseconds(900), 500, "what \"it\" said\n"};
    return out;
}

inline http_server::ServiceStatus orders_status() {
    http_server::ServiceStatus out;
    out.name = "orders.local";
    out.aliases = {"orders"};
    out.source = "dns";
    out.port = 8080;
    out.state = "serving";
    out.rung = "healthy";
    out.basis = "sample";
    out.coverage = 0.9;
    out.index = 17;
    out.endpoints = {
        endpoint_status("10.0.1.10:8080", "healthy", true), endpoint_status("[fd00::2]:8080", "healthy", true),
        endpoint_status("10.0.1.12:8080", "unhealthy", false), endpoint_status("10.0.1.12:8081", "unhealthy", false)};
    out.counts = {.total = 4, .healthy = 2, .served = 2};
    return out;
}

inline http_server::ServiceStatus dark_status() {
    http_server::ServiceStatus out;
    out.name = "dark.local";
    out.source = "dns";
    out.state = "no_endpoint";
    out.rung = "no_endpoint";
    out.last_error = "10.0.0.2:53: timeout";
    out.index = 4;
    return out;
}

struct FakeModel {
    unsigned calls = 0;    ///< of anything
    unsigned changes = 0;  ///< reports, drains, reloads

    /// It refers to this object.
    http_server::Model model() {
        using namespace http_server;
        Model out;
        out.ready = [this] { return ++calls, ReadyStatus{false, {{"dark.local", "not polled yet"}}}; };
        out.services = [this] { return ++calls, std::vector<ServiceStatus>{orders_status(), dark_status()}; };
        out.service = [this](std::string_view name) { return ++calls, find(name); };
        out.pick = [this](std::string_view name) -> std::optional<SocketAddress> {
            ++calls;
            const auto service = find(name);
            if (!service || service->endpoints.empty()) return std::nullopt;
            return service->endpoints.front().address;
        };
        out.asked = [this](std::string_view) { ++calls; };
        out.daemon = [this] {
            ++calls;
            DaemonStatus daemon;
            daemon.version = "1.2.3";
            daemon.index = 21;
            return daemon;
        };
        out.metrics = [this] { return ++calls, std::string("taskdns_up 1\n"); };
        out.index = [this] { return ++calls, std::uint64_t{21}; };
        out.service_index = [this](std::string_view name) -> std::optional<std::uint64_t> {
            ++calls;
            const auto service = find(name);
            return service ? std::optional(service->index) : std::nullopt;
        };
        out.report = [this](std::string_view, const SocketAddress&, Report) { ++calls, ++changes; };
        out.drain = [this](std::string_view, const SocketAddress&, milliseconds) { ++calls, ++changes; };
        out.undrain = [this](std::string_view, const SocketAddress&) { ++calls, ++changes; };
        out.reload = [this](const std::function<void(const ReloadStatus&)>& done) {
            ++calls, ++changes;
            done({{}, "http", "unchanged", {}});
        };
        return out;
    }

private:
    static std::optional<http_server::ServiceStatus> find(std::string_view name) {
        if (name == "orders.local" || name == "orders") return orders_status();
        if (name == "dark.local") return dark_status();
        return std::nullopt;
    }
};

}  // namespace taskdns::fuzz
