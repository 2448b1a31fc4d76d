// Views and queries for the micro benchmarks. Part of bench_micro.
#include "bench/micro_world.hpp"

#include <string_view>

namespace taskdns::bench {
namespace {

void add_endpoint(view::Decision& decision, IpAddress address) {
    view::EndpointDecision& endpoint = decision.endpoints.emplace_back();
    endpoint.address = {address, 8080};
    endpoint.served = true;
    endpoint.first = true;
}

std::uint8_t octet(unsigned value) { return static_cast<std::uint8_t>(value); }

}  // namespace

std::string service_name(unsigned number) { return "service-" + std::to_string(number) + ".bench.local"; }

config::Service make_service(const ServiceShape& shape) {
    config::Service service;
    service.name = dns::Name::parse(service_name(shape.number)).value();
    service.port = 8080;
    service.answer.size = shape.size;
    return service;
}

view::Decision make_decision(const ServiceShape& shape) {
    view::Decision decision;
    decision.rung = view::Rung::healthy;
    for (unsigned i = 0; i < shape.endpoints; ++i) {
        add_endpoint(decision, IpAddress(IpAddress::V4Bytes{10, octet(shape.number), octet(i >> 8), octet(i)}));
    }
    for (unsigned i = 0; shape.with_ipv6 && i < shape.endpoints; ++i) {
        add_endpoint(decision, IpAddress(IpAddress::V6Bytes{0xfd, 0, octet(shape.number), 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                                            0, 0, octet(i >> 8), octet(i)}));
    }
    return decision;
}

std::unique_ptr<view::View> make_view(unsigned services, ServiceShape shape) {
    std::vector<config::Service> configuration;
    auto view = std::make_unique<view::View>();
    for (shape.number = 0; shape.number < services; ++shape.number) {
        const config::Service& service = configuration.emplace_back(make_service(shape));
        view->services.push_back(view::build_service_view(service, make_decision(shape), true, {}));
    }
    view->names = view::build_name_table(configuration);
    view->cursors = std::make_shared<view::Cursors>(view->names->cursors());
    return view;
}

Message make_query(const std::string& name, dns::RrType type, bool edns) {
    Message query{0x12, 0x34, 0x01, 0, 0, 1, 0, 0, 0, 0, 0, octet(edns ? 1 : 0)};
    const dns::Name parsed = dns::Name::parse(name).value();
    query.insert(query.end(), parsed.wire().begin(), parsed.wire().end());
    const auto code = static_cast<unsigned>(type);
    query.insert(query.end(), {octet(code >> 8), octet(code), 0, 1});
    if (edns) query.insert(query.end(), {0, 0, 41, 0x04, 0xD0, 0, 0, 0, 0, 0, 0});  // payload size 1232
    return query;
}

}  // namespace taskdns::bench
