// `taskdns resolve NAME`: what the daemon would see of a service, polled and checked once. Layer: app.
#include <algorithm>
#include <csignal>
#include <iostream>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <fmt/format.h>

#include "app/commands.hpp"
#include "base/task_group.hpp"
#include "config/load.hpp"
#include "discovery/source.hpp"
#include "health/probe.hpp"
#include "task/resolv_conf.hpp"
#include "upstream/resolver.hpp"

namespace taskdns::app {
namespace {

using namespace std::chrono_literals;

struct Row {
    SocketAddress endpoint;
    health::Outcome outcome;
};

/// What one run finds out.
struct Found {
    discovery::Observation observation;
    std::vector<Row> rows;
};

/// `name` as the configuration has it, else as an entry of TASKDNS_SERVICES would have it.
Result<config::Config> load_for(const ConfigPath& path, const std::string& name) {
    const config::Environment environment = config::process_environment();
    const std::string wanted = name.substr(0, name.find_first_of(":/"));
    const auto has_name = [&](const config::Config& config) {
        const auto parsed = dns::Name::parse(wanted);
        return parsed && std::ranges::any_of(config.services, [&](const auto& s) { return s.name == *parsed; });
    };
    if (wanted == name) {
        Result<config::Config> config = config::load({.path = path});
        if (config && has_name(*config)) return config;
    }
    return config::load({.path = path, .environment = [&](const std::string& variable) {
                             auto value = environment(variable);
                             if (variable != "TASKDNS_SERVICES") return value;
                             return std::optional(value ? *value + "," + name : name);
                         }});
}

asio::awaitable<void> check(Row& row, health::Probe probe, health::Target target, milliseconds timeout) {
    health::Outcome outcome = co_await probe(std::move(target), timeout);
    row.outcome = std::move(outcome);
}

asio::awaitable<void> look(const config::Service& service, discovery::Source& source, Found& found) {
    found.observation = co_await source.observe();
    const auto* records = std::get_if<discovery::Records>(&found.observation);
    if (records == nullptr) co_return;
    for (const discovery::Rrset& rrset : records->rrsets) {
        for (const discovery::Sighting& sighting : rrset.sightings) found.rows.push_back({sighting.address, {}});
    }
    if (service.health.check == config::CheckKind::none) co_return;
    const auto executor = co_await asio::this_coro::executor;
    const health::Probe probe = health::make_probe();
    TaskGroup checks(executor);
    for (Row& row : found.rows) {
        health::Target target = health::make_target(row.endpoint, service.health, service.name.to_string());
        checks.spawn("check", check(row, probe, std::move(target), service.health.timeout));
    }
    co_await checks.join(service.health.timeout + 1s);
}

int print(const config::Service& service, const Found& found, const std::vector<SocketAddress>& servers) {
    const std::string name = service.name.to_string();
    const std::string from =
        service.source == config::SourceKind::fixed ? "configuration" : servers.front().to_string();
    if (const auto* failed = std::get_if<discovery::Failed>(&found.observation)) {
        std::cerr << fmt::format("{}: poll failed: {}\n", name, failed->reason);
        return 1;
    }
    if (const auto* empty = std::get_if<discovery::Empty>(&found.observation)) {
        std::cerr << fmt::format("{}: no endpoints: {} from {}\n", name, empty->reason, from);
        return 1;
    }
    const bool checked = service.health.check != config::CheckKind::none;
    const auto passing = std::ranges::count_if(found.rows, [](const Row& row) {
        return health::evidence(row.outcome.observed) == health::Evidence::success;
    });
    std::cout << fmt::format("{}: {} endpoints from {}, TTL {}", name, found.rows.size(), from,
                             format_duration(std::get<discovery::Records>(found.observation).ttl));
    std::cout << (checked ? fmt::format(", {} pass their check\n", passing) : ", this service has no check\n");
    for (const Row& row : found.rows) {
        if (!checked) {
            std::cout << fmt::format("  {}\n", row.endpoint.to_string());
            continue;
        }
        std::cout << fmt::format("  {:<28} {:<12} {:.1f} ms", row.endpoint.to_string(),
                                 health::to_string(row.outcome.observed),
                                 static_cast<double>(row.outcome.latency.count()) / 1000);
        if (row.outcome.http_status != 0) std::cout << fmt::format("  HTTP {}", row.outcome.http_status);
        std::cout << (row.outcome.detail.empty() ? "\n" : fmt::format("  ({})\n", row.outcome.detail));
    }
    return checked && passing == 0 ? 1 : 0;
}

}  // namespace

int resolve_command(const ConfigPath& path, const std::string& name) {
    const Result<config::Config> config = load_for(path, name);
    if (!config) {
        std::cerr << config.error().message << '\n';
        return 2;
    }
    const auto wanted = dns::Name::parse(name.substr(0, name.find_first_of(":/")));
    const auto service =
        std::ranges::find_if(config->services, [&](const auto& s) { return wanted && s.name == *wanted; });
    if (service == config->services.end()) {
        std::cerr << "taskdns resolve: '" << name << "' is not a name (try orders.local:8080)\n";
        return 2;
    }
    std::signal(SIGPIPE, SIG_IGN);
    const std::vector<SocketAddress> servers =
        config->upstream.servers.empty() ? task::find_upstream_servers(config->resolv_conf.path, config->listen.dns)
                                         : config->upstream.servers;
    asio::io_context context(1);
    upstream::QueryBudget budget(config->upstream.max_qps);
    upstream::Resolver resolver(context.get_executor(), servers, config->upstream, budget);
    const std::unique_ptr<discovery::Source> source = discovery::make_source(*service, resolver);
    Found found;
    asio::co_spawn(context, look(*service, *source, found), asio::detached);
    context.run();
    return print(*service, found, servers);
}

}  // namespace taskdns::app
