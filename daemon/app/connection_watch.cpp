// The application's own connections as evidence for the services. Layer: app.
#include "app/connection_watch.hpp"

#include <algorithm>
#include <set>

#include "base/log.hpp"

namespace taskdns::app {
namespace {

using namespace std::chrono_literals;

constexpr auto look_timeout = 1s;
constexpr std::size_t most_looks = 16;  // at a time
constexpr auto patience = 30s;          // in use for so long without a connection: the application is somewhere else

}  // namespace

ConnectionWatch::ConnectionWatch(asio::any_io_executor executor, std::shared_ptr<health::OwnSockets> own,
                                 Callbacks callbacks)
    : callbacks_(std::move(callbacks)),
      observer_(executor, own,
                {.is_endpoint = [this](const SocketAddress& endpoint) { return is_endpoint(endpoint); },
                 .on_evidence = [this](const health::ConnectionEvidence& evidence) { on_evidence(evidence); },
                 .on_dump = [this] { callbacks_.on_dump(); }}),
      probe_(health::make_probe(own)),
      tasks_(std::move(executor)) {}

void ConnectionWatch::start() {
    if (std::exchange(started_, true)) return;
    const Result<void> started = observer_.start();
    running_ = started.has_value();
    if (running_) return;
    cannot_ = started.error().message;
    log::warning("health", "the application's connections cannot be observed; probes alone decide",
                 {{"reason", cannot_}});
}

asio::awaitable<bool> ConnectionWatch::stop(milliseconds limit) {
    tasks_.cancel_all();
    const bool observer_ended = co_await observer_.stop(limit);
    const bool looks_ended = co_await tasks_.join(limit);
    co_return observer_ended&& looks_ended;
}

void ConnectionWatch::set_members(health::ServiceIndex service, std::span<const membership::Member> members) {
    if (!observes(service)) members = {};
    std::set<std::uint16_t> ports;
    for (const membership::Member& member : members) {
        if (member.address.port != 0) ports.insert(member.address.port);
    }
    unprobed_.forget(service, [members](const SocketAddress& endpoint) {
        return std::ranges::binary_search(members, endpoint, {}, &membership::Member::address);
    });
    std::vector<std::uint16_t> now(ports.begin(), ports.end());
    if (service >= ports_.size()) ports_.resize(service + 1);
    if (now == ports_[service]) return;
    ports_[service] = std::move(now);
    std::set<std::uint16_t> all;
    for (const std::vector<std::uint16_t>& some : ports_) all.insert(some.begin(), some.end());
    observer_.set_ports({all.begin(), all.end()});
}

void ConnectionWatch::note_demand(bool asked, bool in_use, TimePoint now) {
    observer_.set_in_use(in_use);
    suspicions_.forget_old(now);
    if (asked) asked_since_ = std::min(asked_since_, now);
    if (!in_use) asked_since_ = never;
    if (!running_ || said_that_nothing_is_seen_ || observer_.seen_any()) return;
    if (asked_since_ == never || now - asked_since_ < patience) return;
    said_that_nothing_is_seen_ = true;
    log::info(
        "health",
        "no connection of the application is seen, though it asks: if it is in another network namespace, or uses "
        "UDP, probes alone decide");
}

bool ConnectionWatch::observes(health::ServiceIndex service) const {
    const config::Service* const configured = callbacks_.find_service(service);
    return configured != nullptr && configured->health.observe == config::Observe::automatic;
}

http_server::ObserveStatus ConnectionWatch::status(health::ServiceIndex service) const {
    if (!observes(service)) return {"off", "health.observe is off"};
    if (!running_) return {"unavailable", cannot_};
    if (!observer_.works()) return {"unavailable", "the kernel has stopped telling of connections"};
    if (said_that_nothing_is_seen_ && !observer_.seen_any()) {
        return {"nothing_seen", "asked for, but no connection of the application is seen in this network namespace"};
    }
    return {"on", ""};
}

/// Called for each event: whether anybody who is observed has such an endpoint. Port 0: one with any port.
bool ConnectionWatch::is_endpoint(const SocketAddress& endpoint) {
    if (endpoint.port == 0) {
        at_.clear();
        callbacks_.find_at(endpoint.address, at_);
        return std::ranges::any_of(at_, [this](const auto& holding) { return observes(holding.service); });
    }
    found_.clear();
    callbacks_.find_services(endpoint, found_);
    return std::ranges::any_of(found_, [this](health::ServiceIndex service) { return observes(service); });
}

void ConnectionWatch::on_evidence(const health::ConnectionEvidence& evidence) {
    if (evidence.is_suspicion) return suspect(evidence.endpoint);
    std::vector<health::ServiceIndex> services;  // not `found_`: a callback may lead back here
    callbacks_.find_services(evidence.endpoint, services);
    for (const health::ServiceIndex service : services) {
        if (observes(service)) callbacks_.on_evidence(service, evidence);
    }
}

/// It was refused, perhaps; with port 0 something at that address was.
void ConnectionWatch::suspect(const SocketAddress& suspected) {
    const TimePoint now = Clock::now();
    std::vector<membership::Claims::Holding> holdings;
    callbacks_.find_at(suspected.address, holdings);
    for (const auto& [service, endpoint] : holdings) {
        const bool is_known = endpoint == suspected;
        if (!is_known && (suspected.port != 0 || may_not_be_tried(service, endpoint))) continue;
        if (!observes(service) || callbacks_.is_down(service, endpoint)) continue;
        if (tasks_.running() >= most_looks) return;
        if (suspicions_.begin(endpoint, now)) tasks_.spawn("look", look_at(endpoint, is_known));
    }
}

/// Not even for the sake of another port: nobody wants it checked.
bool ConnectionWatch::may_not_be_tried(health::ServiceIndex service, const SocketAddress& endpoint) const {
    const config::Service* const configured = callbacks_.find_service(service);
    const bool is_unchecked = configured == nullptr || configured->health.check == config::CheckKind::none;
    return endpoint.port == 0 || (is_unchecked && config::is_mysql_port(endpoint.port));
}

asio::awaitable<void> ConnectionWatch::look_at(SocketAddress endpoint, bool is_counted) {
    health::Target target{.address = endpoint, .kind = config::CheckKind::tcp};
    const health::Outcome outcome = co_await probe_(std::move(target), look_timeout);
    const bool refused = outcome.observed == health::Observed::refused;
    suspicions_.end(endpoint, refused, Clock::now());
    if (refused && !is_counted) observer_.count_refused(endpoint);
    if (refused) on_evidence({.endpoint = endpoint, .observed = outcome.observed, .since = Clock::now()});
}

}  // namespace taskdns::app
