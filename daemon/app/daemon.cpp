// The running daemon: binds, starts, serves until a signal, stops. Layer: app.
#include "app/daemon.hpp"

#include <csignal>
#include <exception>
#include <functional>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>

#include "app/control_plane.hpp"
#include "app/describe.hpp"
#include "app/descriptors.hpp"
#include "app/emf_writer.hpp"
#include "app/event_loop.hpp"
#include "app/forwarded_names.hpp"
#include "app/listeners.hpp"
#include "app/metrics.hpp"
#include "app/reading.hpp"
#include "app/reloader.hpp"
#include "app/upstream_status.hpp"
#include "base/log.hpp"
#include "base/version.hpp"
#include "dns_server/chaos.hpp"
#include "dns_server/server.hpp"
#include "http_server/listener.hpp"
#include "task/identity.hpp"
#include "task/service_manager.hpp"

namespace taskdns::app {
namespace {

using namespace std::chrono_literals;

constexpr auto stop_limit = 300ms;  // for each of the loops; together they stay below a second

std::string joined(const std::vector<std::string>& parts) {
    std::string out;
    for (const std::string& part : parts) out += (out.empty() ? "" : ",") + part;
    return out;
}

std::string joined(const std::vector<SocketAddress>& addresses) {
    std::vector<std::string> texts;
    texts.reserve(addresses.size());
    for (const SocketAddress& address : addresses) texts.push_back(address.to_string());
    return joined(texts);
}

void log_start(const config::Config& config, const UpstreamChoice& upstream) {
    log::info("app", "started",
              {{"version", version},
               {"services", config.services.size()},
               {"upstream", joined(upstream.servers)},
               {"upstream_from", to_string(upstream.origin)},
               {"configuration", joined(config.origins)}});
    for (const std::string& note : config.notes) log::warning("config", note);
}

/// All parts of the daemon, in the order of their construction; destroyed in reverse.
class Daemon {
public:
    Daemon(config::Config config, config::Sources sources);

    Result<void> bind();
    void run();

private:
    Result<bool> apply(Reading reading);
    void replace_forwarding();
    void await_signal();
    asio::awaitable<void> stop();
    ControlPlane::Events events();
    dns_server::Settings dns_settings();
    http_server::Model model();
    http_server::DaemonStatus status();
    Figures figures() const;

    config::Config config_;
    const config::Sources sources_;
    const WallTime started_ = std::chrono::system_clock::now();
    asio::io_context control_{1};
    asio::io_context dns_{1};
    asio::executor_work_guard<asio::io_context::executor_type> dns_work_{
        dns_.get_executor()};  // listen.dns may be []
    asio::signal_set signals_{control_, SIGTERM, SIGINT, SIGHUP};
    upstream::QueryBudget budget_;
    UpstreamChoice upstream_;
    std::unique_ptr<ControlPlane> control_plane_;
    std::shared_ptr<ForwardedNames> forwarded_names_;
    std::unique_ptr<dns_server::Server> dns_server_;
    std::unique_ptr<http_server::Server> http_server_;
    std::unique_ptr<Listeners> listeners_;
    std::unique_ptr<Reloader> reloader_;
    EmfWriter emf_{control_.get_executor(), [this] { return figures(); },
                   [](const std::string& line) { log::raw(line); }};
    const task::ServiceManager service_manager_;
    bool stopping_ = false;
};

Daemon::Daemon(config::Config config, config::Sources sources)
    : config_(std::move(config)), sources_(std::move(sources)), budget_(config_.upstream.max_qps) {}

std::shared_ptr<ForwardedNames> make_forwarding(asio::io_context& context, const config::Config& config,
                                                const std::vector<SocketAddress>& servers,
                                                upstream::QueryBudget& budget) {
    if (!config.forward.enabled) return nullptr;
    return std::make_shared<ForwardedNames>(context.get_executor(), servers, config, budget);
}

http_server::ServerSettings http_settings(const config::Listen& listen) {
    return {listen.hosts, listen.allow, listen.allow_admin, {}};
}

Result<void> Daemon::bind() {
    Result<Reading> reading = read_surroundings(config_);
    if (!reading) return reading.error();
    upstream_ = choose_upstream(*reading, {});
    control_plane_ = std::make_unique<ControlPlane>(
        control_.get_executor(), config_,
        ControlPlane::Surroundings{upstream_.servers, task::identity(), probes_at_once()}, budget_, events());
    forwarded_names_ = make_forwarding(dns_, config_, upstream_.servers, budget_);
    dns_server_ = std::make_unique<dns_server::Server>(dns_, control_plane_->publisher(), dns_settings(),
                                                       forwarded_names_.get());
    http_server_ =
        std::make_unique<http_server::Server>(control_.get_executor(), model(), http_settings(config_.listen));
    listeners_ = std::make_unique<Listeners>(dns_, *dns_server_, *http_server_);
    reloader_ = std::make_unique<Reloader>(
        control_.get_executor(), Reloader::Settings{.file = config::find_file(sources_).value_or("")},
        [sources = sources_]() -> Result<Reading> {
            Result<config::Config> config = config::load(sources);
            if (!config) return config.error();
            return read_surroundings(std::move(*config));
        },
        [this](Reading next) { return apply(std::move(next)); });
    return listeners_->bind(config_.listen);
}

ControlPlane::Events Daemon::events() {
    ControlPlane::Events out;
    out.published = [this] { asio::post(dns_, [server = dns_server_.get()] { server->on_published(); }); };
    out.changed = [this](const http_server::ServiceStatus& summary) { http_server_->changed(summary); };
    out.removed = [this](const std::string& name, std::uint64_t index) { http_server_->removed(name, index); };
    return out;
}

dns_server::Settings Daemon::dns_settings() {
    dns_server::Settings settings;
    settings.allow = config_.listen.allow;
    settings.identity = task::identity();
    // The endpoints' states live on the control thread: there and back.
    settings.describe = [this](const dns::Name& name, std::function<void(std::vector<std::string>)> done) {
        asio::post(control_, [this, name = name.to_string(), done = std::move(done)]() mutable {
            const auto status = control_plane_->model().service(name);
            const WallTime now = std::chrono::system_clock::now();
            auto lines = status ? describe(*status, now, dns_server::most_described) : std::vector<std::string>{};
            asio::post(dns_,
                       [done = std::move(done), lines = std::move(lines)]() mutable { done(std::move(lines)); });
        });
    };
    return settings;
}

http_server::Model Daemon::model() {
    http_server::Model model = control_plane_->model();
    model.daemon = [this] { return status(); };
    model.metrics = [this] { return metrics_text(figures()); };
    model.reload = [this](Reloader::Done done) { reloader_->request("http", std::move(done)); };
    return model;
}

Figures Daemon::figures() const {
    Figures out;
    out.now = Clock::now();
    out.wall_now = std::chrono::system_clock::now();
    out.started = started_;
    control_plane_->collect(out);
    out.budget_used = budget_.used(out.now);
    out.dns_server = &dns_server_->counters();
    if (forwarded_names_) {
        const forward::Forwarder& forwarder = forwarded_names_->forwarder();
        out.forward = &forwarder.counters();
        out.upstream.push_back(
            {"forward", &forwarder.servers(), &forwarder.server_counters(), forwarder.counters().ignored.value()});
    }
    out.http_server = &http_server_->counters();
    out.reload = reloader_->figures();
    out.dropped_log_lines = log::dropped();
    out.process = ProcessFigures::read();
    return out;
}

http_server::DaemonStatus Daemon::status() {
    http_server::DaemonStatus out;
    out.version = version;
    out.identity = task::identity();
    out.started = started_;
    out.now = std::chrono::system_clock::now();
    out.ready = control_plane_->ready();
    out.configuration = config_.origins;
    out.last_reload = reloader_->last();
    out.dns_listeners = listeners_->dns();
    out.http_listeners = listeners_->http();
    out.upstream = upstream_status(control_plane_->resolver(), WallAnchor::take());
    out.index = control_plane_->last_index();
    return out;
}

/// All of it, or nothing: what can fail comes first.
Result<bool> Daemon::apply(Reading reading) {
    const config::Config& next = reading.config;
    UpstreamChoice upstream = choose_upstream(reading, {});
    if (stopping_ || (next == config_ && upstream == upstream_)) return false;
    const Result<void> bound = listeners_->bind(next.listen);
    if (!bound) return bound.error();

    const config::Config before = std::exchange(config_, std::move(reading.config));
    const bool other_servers = upstream.servers != upstream_.servers;
    upstream_ = std::move(upstream);
    log::change(config_.log.level, config_.log.format);
    emf_.set(config_.metrics);
    for (const std::string& note : config_.notes) log::warning("config", note);
    budget_.set_max_qps(config_.upstream.max_qps);
    control_plane_->reload(before, config_, upstream_.servers);
    if (other_servers || before.forward != config_.forward || !before.upstream.asks_like(config_.upstream)) {
        replace_forwarding();
    }
    http_server_->set(http_settings(config_.listen));
    listeners_->commit(config_.listen);
    return true;
}

asio::awaitable<void> end_forwarding(std::shared_ptr<ForwardedNames> names) {
    co_await names->forwarder().stop(stop_limit);
}

/// Another forwarder, with an empty cache; who waits for the old one gets SERVFAIL, and asks again.
void Daemon::replace_forwarding() {
    auto old = std::exchange(forwarded_names_, make_forwarding(dns_, config_, upstream_.servers, budget_));
    asio::post(dns_, [this, old = std::move(old), now = forwarded_names_] {
        dns_server_->set_forwarding(now.get());
        if (now) now->forwarder().start();
        if (old) asio::co_spawn(dns_, end_forwarding(old), asio::detached);
    });
}

void Daemon::run() {
    log_start(config_, upstream_);
    await_signal();
    listeners_->commit(config_.listen);
    control_plane_->start();
    reloader_->start();
    emf_.set(config_.metrics);
    if (forwarded_names_) forwarded_names_->forwarder().start();
    const LoopThread dns_thread(dns_, "dns");
    service_manager_.tell_ready(config_.services.size());
    run_loop(control_, "control");
}

void Daemon::await_signal() {
    signals_.async_wait([this](const boost::system::error_code& error, int signal) {
        if (error) return;
        await_signal();
        if (signal == SIGHUP) {
            if (stopping_) return;
            service_manager_.tell_reloading();
            reloader_->request("signal", [this](const http_server::ReloadStatus& status) {
                service_manager_.tell_reloaded(config_.services.size(), status.outcome != "failed");
            });
            return;
        }
        if (stopping_) std::_Exit(128 + signal);  // a second signal: at once
        stopping_ = true;
        service_manager_.tell_stopping();
        log::info("app", "stopping", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
        asio::co_spawn(control_, stop(), asio::detached);
    });
}

asio::awaitable<void> stop_dns(dns_server::Server& server, ForwardedNames* forwarded, asio::io_context& context) {
    if (forwarded != nullptr) co_await forwarded->forwarder().stop(stop_limit);
    server.stop();
    context.stop();
}

asio::awaitable<void> Daemon::stop() {
    control_plane_->announce_shutdown();
    reloader_->stop(0ms);
    emf_.stop();
    asio::co_spawn(dns_, stop_dns(*dns_server_, forwarded_names_.get(), dns_), asio::detached);
    const bool loops_ended = co_await control_plane_->stop(stop_limit);
    const bool sessions_ended = co_await http_server_->stop(stop_limit);
    log::info("app", "stopped", {{"cleanly", loops_ended && sessions_ended}});
    control_.stop();
}

}  // namespace

Result<void> run_daemon(config::Config config, config::Sources sources) {
    std::signal(SIGPIPE, SIG_IGN);
    raise_descriptor_limit();
    log::start({config.log.level, config.log.format, 1});
    Result<void> outcome;
    try {
        Daemon daemon(std::move(config), std::move(sources));
        outcome = daemon.bind();
        if (outcome) daemon.run();
    } catch (const std::exception& e) {  // out of memory or descriptors while starting
        outcome = Error{Errc::internal, std::string("cannot start: ") + e.what()};
    }
    log::stop();
    return outcome;
}

}  // namespace taskdns::app
