// A small fixed view for tests of the DNS path: one service per state, made by the real builders.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "view/build_view.hpp"

namespace taskdns::testing_support {

struct SmallService {
    std::string name;
    std::vector<std::string> aliases;
    std::vector<std::string> endpoints;
    std::vector<std::string> recent;  ///< addresses that were members lately
    view::Rung rung = view::Rung::healthy;
    bool stale = false;
    bool upstream_answered = true;
    unsigned size = 8;
};

inline std::vector<std::string> many_endpoints(unsigned count) {
    std::vector<std::string> endpoints;
    for (unsigned i = 0; i < count; ++i) endpoints.push_back("10.9.0." + std::to_string(i + 1) + ":80");
    return endpoints;
}

inline std::vector<SmallService> small_services() {
    return {
        {.name = "api.local",
         .aliases = {"api"},
         .endpoints = {"10.0.1.1:8080", "10.0.1.2:8080", "10.0.1.3:8080"},
         .recent = {"10.0.1.9"}},
        {.name = "mixed.local", .endpoints = {"10.0.2.1:80", "[fd00::1]:80"}},
        {.name = "pending.local", .rung = view::Rung::not_ready},
        {.name = "empty.local", .rung = view::Rung::no_endpoint},
        {.name = "unreached.local", .rung = view::Rung::no_endpoint, .upstream_answered = false},
        {.name = "stale.local", .endpoints = {"10.0.3.1"}, .stale = true},
        {.name = "big.local", .endpoints = many_endpoints(200), .size = 200},
        {.name = "_http._tcp.x.local", .endpoints = {"10.0.4.1:80"}},
        {.name = "_grpc._tcp.x.local", .endpoints = {"10.0.5.1:90"}},
    };
}

inline std::vector<config::Service> small_configuration(const std::vector<SmallService>& services) {
    std::vector<config::Service> configuration;
    for (const SmallService& from : services) {
        config::Service& service = configuration.emplace_back();
        service.name = dns::Name::parse(from.name).value();
        for (const std::string& alias : from.aliases) service.aliases.push_back(dns::Name::parse(alias).value());
        service.answer.size = from.size;
    }
    return configuration;
}

inline std::unique_ptr<view::View> small_view(const std::vector<SmallService>& services = small_services()) {
    const std::vector<config::Service> configuration = small_configuration(services);
    auto view = std::make_unique<view::View>();
    view->names = view::build_name_table(configuration);
    view->cursors = std::make_shared<view::Cursors>(view->names->cursors());
    for (std::size_t i = 0; i < services.size(); ++i) {
        view::Decision decision;
        decision.rung = services[i].rung;
        decision.stale = services[i].stale;
        for (const std::string& text : services[i].endpoints) {
            view::EndpointDecision& endpoint = decision.endpoints.emplace_back();
            endpoint.address = SocketAddress::parse(text).value();
            endpoint.served = true;
        }
        std::vector<IpAddress> recent;
        for (const std::string& text : services[i].recent) recent.push_back(IpAddress::parse(text).value());
        view->services.push_back(
            view::build_service_view(configuration[i], decision, services[i].upstream_answered, recent));
    }
    return view;
}

}  // namespace taskdns::testing_support
