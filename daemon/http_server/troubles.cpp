// What is wrong, the worst first. Layer: http_server.
#include "http_server/troubles.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "http_server/plain_words.hpp"

namespace taskdns::http_server {
namespace {

/// "1 endpoint", "3 endpoints"
std::string count_of(std::size_t number, const std::string& noun) {
    return fmt::format("{} {}{}", number, noun, number == 1 ? "" : "s");
}

/// The first few.
std::string join(const std::vector<std::string>& names) {
    constexpr std::size_t most = 3;
    std::string out;
    for (std::size_t i = 0; i < std::min(most, names.size()); ++i) out += (i == 0 ? "" : ", ") + names[i];
    if (names.size() > most) out += fmt::format(" and {} more", names.size() - most);
    return out;
}

Level level_of_rung(const std::string& rung) {
    if (rung == "healthy") return Level::well;
    if (rung == "not_ready" || rung == "reserve" || rung == "unverified") return Level::warning;
    return Level::wrong;  // doubtful, all, last_healthy, no_endpoint
}

bool poll_failed(const ServiceStatus& service) {
    return service.last_poll && service.last_poll->outcome != "records";
}

/// "10.0.1.12:8080 is left out: connection refused"; only the first few.
std::string describe(const std::vector<const EndpointStatus*>& endpoints, std::size_t total) {
    constexpr std::size_t most = 3;
    if (endpoints.size() == 1) {
        return endpoints[0]->address.to_string() + ": " + explain_reason(endpoints[0]->reason, endpoints[0]->served);
    }
    std::string out = fmt::format("{} of {} endpoints: ", endpoints.size(), total);
    for (std::size_t i = 0; i < std::min(most, endpoints.size()); ++i) {
        out += fmt::format("{}{} ({})", i == 0 ? "" : ", ", endpoints[i]->address.to_string(), endpoints[i]->reason);
    }
    if (endpoints.size() > most) out += fmt::format(" and {} more", endpoints.size() - most);
    return out;
}

/// Of one that has not found records.
std::string describe_poll(const PollStatus& poll) {
    const bool empty = poll.outcome == "empty";
    return (empty ? "the registry says that there is none: " : "the registry cannot be asked: ") + poll.error;
}

std::string describe_rung(const ServiceStatus& service) {
    if (service.rung == "not_ready") {
        return service.last_error.empty() ? "not polled yet"
                                          : "no answer from the registry yet: " + service.last_error;
    }
    if (service.rung == "no_endpoint" || service.state == "no_endpoint") {
        std::string out = "nothing to serve: ";
        if (service.counts.total != 0) return out + "all " + count_of(service.counts.total, "endpoint") + " fail";
        if (service.last_poll && !service.last_poll->error.empty()) return out + describe_poll(*service.last_poll);
        return out + "no endpoint is known";
    }
    return "serves " + std::string(explain_rung(service.rung));
}

void add_service(std::vector<Trouble>& out, const ServiceStatus& service) {
    const auto add = [&](Level level, std::string text) { out.push_back({level, service.name, std::move(text)}); };
    const Level rung = level_of_rung(service.rung);
    if (rung != Level::well) add(rung, describe_rung(service));
    if (service.panic) add(Level::warning, "panic: so many fail that those in doubt are served with the healthy");
    const bool said = service.counts.total == 0 && rung != Level::well;  // it is why there is nothing to serve
    if (poll_failed(service) && !said) add(Level::warning, describe_poll(*service.last_poll));
    std::vector<const EndpointStatus*> bad;
    for (const EndpointStatus& endpoint : service.endpoints) {
        if (level_of(endpoint) >= Level::warning) bad.push_back(&endpoint);
    }
    if (!bad.empty()) add(Level::warning, describe(bad, service.counts.total));
}

void add_daemon(std::vector<Trouble>& out, const DaemonStatus& daemon) {
    for (const auto& [service, reason] : daemon.ready.missing) {
        // That a service is not polled yet is said of the service itself.
        if (service.empty()) out.push_back({Level::wrong, "", "taskdns is " + reason});
    }
    const auto failing = static_cast<std::size_t>(
        std::count_if(daemon.upstream.begin(), daemon.upstream.end(),
                      [](const UpstreamServerStatus& server) { return level_of(server) == Level::warning; }));
    if (failing != 0 && failing == daemon.upstream.size()) {
        out.push_back({Level::wrong, "", "no upstream server answers: " + daemon.upstream.front().last_error});
    } else if (failing != 0) {
        out.push_back(
            {Level::warning, "", fmt::format("{} of {} upstream servers fail", failing, daemon.upstream.size())});
    }
    if (daemon.resolv_conf && daemon.resolv_conf->state == "failing") {
        out.push_back({Level::warning, "", "resolv.conf is " + describe(*daemon.resolv_conf)});
    }
    if (daemon.last_reload.outcome == "failed") {
        out.push_back({Level::warning, "",
                       "the changed configuration has " + count_of(daemon.last_reload.errors.size(), "mistake") +
                           "; the one before goes on"});
    }
}

}  // namespace

const char* to_string(Level level) {
    switch (level) {
        case Level::well:
            return "well";
        case Level::notice:
            return "notice";
        case Level::warning:
            return "warning";
        case Level::wrong:
            break;
    }
    return "wrong";
}

Level level_of(const EndpointStatus& endpoint) {
    if (endpoint.drained_until) return Level::notice;
    const bool ejected = endpoint.reports && endpoint.reports->ejected_until;
    const bool held = endpoint.reason.starts_with("held:");
    if (ejected || held || endpoint.state == "unhealthy") {
        // One that the registry has given up and that fails is on its way out: that is how deployments end.
        const bool leaving = endpoint.presence == "withdrawn" || endpoint.reason == "outside_subset";
        return leaving ? Level::notice : Level::warning;
    }
    return endpoint.reason == "served" ? Level::well : Level::notice;
}

Level level_of(const ServiceStatus& service) {
    Level level = level_of_rung(service.rung);
    if (service.panic || poll_failed(service)) level = std::max(level, Level::warning);
    for (const EndpointStatus& endpoint : service.endpoints) {
        const Level one = level_of(endpoint);
        if (one >= Level::warning) level = std::max(level, one);
    }
    return level;
}

Level level_of(const UpstreamServerStatus& server) {
    if (server.state == "failing") return Level::warning;
    return server.state == "answers" ? Level::well : Level::notice;
}

std::vector<Trouble> find_troubles(const DaemonStatus& daemon, const std::vector<ServiceStatus>& services) {
    std::vector<Trouble> out;
    add_daemon(out, daemon);
    for (const ServiceStatus& service : services) add_service(out, service);
    std::stable_sort(out.begin(), out.end(), [](const Trouble& a, const Trouble& b) { return a.level > b.level; });
    return out;
}

std::string headline(const std::vector<Trouble>& troubles, const std::vector<ServiceStatus>& services) {
    std::size_t served = 0;
    std::vector<std::string> failing;
    std::vector<std::string> warned;
    for (const ServiceStatus& service : services) {
        served += service.counts.served;
        const Level level = level_of(service);
        if (level == Level::wrong) failing.push_back(service.name);
        if (level == Level::warning) warned.push_back(service.name);
    }
    const std::string all = count_of(services.size(), "service") + ", " + count_of(served, "endpoint") + " served";
    if (troubles.empty()) return services.empty() ? "No service is configured" : "All well: " + all;
    if (failing.empty() && warned.empty()) return troubles.front().text + " (" + all + ")";
    const std::string of_all = " of " + count_of(services.size(), "service");
    std::string out;
    if (!failing.empty()) out = fmt::format("{}{} failing: {}", failing.size(), of_all, join(failing));
    if (!warned.empty()) {
        out += fmt::format("{}{}{} with a warning: {}", out.empty() ? "" : "; ", warned.size(),
                           out.empty() ? of_all : "", join(warned));
    }
    return out;
}

Level worst(const std::vector<Trouble>& troubles) { return troubles.empty() ? Level::well : troubles.front().level; }

}  // namespace taskdns::http_server
