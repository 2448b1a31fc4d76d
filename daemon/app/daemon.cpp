// The running daemon: binds, starts, serves until a signal, stops. Layer: app.
#include "app/daemon.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <exception>
#include <functional>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>

#include "app/control_plane.hpp"
#include "app/describe.hpp"
#include "app/forwarded_names.hpp"
#include "app/metrics.hpp"
#include "app/own_listeners.hpp"
#include "base/log.hpp"
#include "base/version.hpp"
#include "dns_server/chaos.hpp"
#include "dns_server/server.hpp"
#include "http_server/listener.hpp"
#include "task/identity.hpp"
#include "task/resolv_conf.hpp"

namespace taskdns::app {
namespace {

using namespace std::chrono_literals;

constexpr auto stop_limit = 300ms;  // for each of the loops; together they stay below a second

/// Probes need descriptors: the soft limit is often 1,024 where the hard one is far higher.
void raise_descriptor_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/// A quarter of the descriptors, and no more than the checker's own bound: listeners, forwarded queries and HTTP need
/// theirs.
unsigned probes_at_once() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return health::Checker::max_in_flight;
    return static_cast<unsigned>(std::clamp<rlim_t>(limit.rlim_cur / 4, 1, health::Checker::max_in_flight));
}

/// Runs `context` until it is stopped. An exception that reaches this loop is a bug, but not the end of the task.
void run_loop(asio::io_context& context, const char* thread_name) {
    for (;;) {
        try {
            context.run();
            return;
        } catch (const std::exception& e) {
            log::error("app", "exception reached the event loop", {{"thread", thread_name}, {"what", e.what()}});
        }
    }
}

/// The dns thread, for as long as this object lives, however its scope is left.
class DnsThread {
public:
    explicit DnsThread(asio::io_context& context) : context_(context), thread_(run_loop, std::ref(context), "dns") {}
    DnsThread(const DnsThread&) = delete;
    DnsThread& operator=(const DnsThread&) = delete;
    ~DnsThread() {
        context_.stop();
        thread_.join();
    }

private:
    asio::io_context& context_;
    std::thread thread_;
};

std::string joined(const std::vector<std::string>& parts) {
    std::string out;
    for (const std::string& part : parts) out += (out.empty() ? "" : ",") + part;
    return out;
}

/// All parts of the daemon, in the order of their construction; destroyed in reverse.
class Daemon {
public:
    explicit Daemon(const config::Config& config);

    Result<void> bind();
    void run();
    const std::vector<SocketAddress>& upstream_servers() const { return upstream_servers_; }

private:
    void await_signal();
    asio::awaitable<void> stop();
    void on_published();
    dns_server::Settings dns_settings();
    Figures figures() const;

    const config::Config& config_;
    asio::io_context control_{1};
    asio::io_context dns_{1};
    asio::executor_work_guard<asio::io_context::executor_type> dns_work_{
        dns_.get_executor()};  // listen.dns may be []
    asio::signal_set signals_{control_, SIGTERM, SIGINT, SIGHUP};
    upstream::QueryBudget budget_;
    std::vector<SocketAddress> upstream_servers_;
    std::unique_ptr<ControlPlane> control_plane_;
    std::unique_ptr<ForwardedNames> forwarded_names_;
    std::unique_ptr<dns_server::Server> dns_server_;
    std::unique_ptr<http_server::Server> http_server_;
    const WallTime started_ = std::chrono::system_clock::now();
    bool stopping_ = false;
};

Daemon::Daemon(const config::Config& config) : config_(config), budget_(config.upstream.max_qps) {}

Result<void> Daemon::bind() {
    // Whom to ask depends on what we listen on: never on ourselves.
    const std::vector<SocketAddress> own = heard_addresses(config_.listen.dns, local_addresses());
    if (auto loop = find_own_listener(config_.upstream, own)) return std::move(*loop);
    upstream_servers_ = config_.upstream.servers.empty() ? task::find_upstream_servers("/etc/resolv.conf", own)
                                                         : config_.upstream.servers;
    control_plane_ = std::make_unique<ControlPlane>(
        control_.get_executor(), config_,
        ControlPlane::Surroundings{upstream_servers_, task::identity(), probes_at_once()}, budget_,
        [this] { on_published(); });
    if (config_.forward.enabled) {
        forwarded_names_ = std::make_unique<ForwardedNames>(dns_.get_executor(), upstream_servers_, config_, budget_);
    }
    dns_server_ = std::make_unique<dns_server::Server>(dns_, control_plane_->publisher(), dns_settings(),
                                                       forwarded_names_.get());
    for (const SocketAddress& address : config_.listen.dns) {
        const Result<SocketAddress> bound = dns_server_->listen(address);
        if (bound) {
            log::info("app", "listening", {{"dns", bound->to_string()}});
        } else if (config_.listen.dns_is_default && address.address.is_v6()) {
            log::warning("app", "no IPv6 listener",
                         {{"dns", address.to_string()}, {"reason", bound.error().message}});
        } else {
            return bound.error();
        }
    }
    http_server::Model model = control_plane_->model();
    model.metrics = [this] { return metrics_text(figures()); };
    http_server_ = std::make_unique<http_server::Server>(
        control_.get_executor(), std::move(model),
        http_server::ServerSettings{config_.listen.hosts, config_.listen.allow, config_.listen.allow_admin, {}});
    for (const SocketAddress& address : config_.listen.http) {
        const Result<SocketAddress> bound = http_server_->listen(address);
        if (!bound) return bound.error();
        log::info("app", "listening", {{"http", bound->to_string()}});
    }
    return {};
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
    out.dropped_log_lines = log::dropped();
    out.process = ProcessFigures::read();
    return out;
}

dns_server::Settings Daemon::dns_settings() {
    dns_server::Settings settings;
    settings.allow = config_.listen.allow;
    settings.demand = &control_plane_->demand();
    settings.identity = task::identity();
    // The endpoints' states live on the control thread: there and back.
    settings.describe = [this](std::uint32_t service, std::function<void(std::vector<std::string>)> done) {
        asio::post(control_, [this, service, done = std::move(done)]() mutable {
            const auto status = control_plane_->model().service(config_.services[service].name.to_string());
            const WallTime now = std::chrono::system_clock::now();
            auto lines = status ? describe(*status, now, dns_server::most_described) : std::vector<std::string>{};
            asio::post(dns_,
                       [done = std::move(done), lines = std::move(lines)]() mutable { done(std::move(lines)); });
        });
    };
    return settings;
}

void Daemon::run() {
    await_signal();
    dns_server_->start();
    http_server_->start();
    control_plane_->start();
    if (forwarded_names_) forwarded_names_->forwarder().start();
    const DnsThread dns_thread(dns_);
    run_loop(control_, "control");
}

void Daemon::await_signal() {
    signals_.async_wait([this](const boost::system::error_code& error, int signal) {
        if (error) return;
        await_signal();
        if (signal == SIGHUP) {
            log::warning("app", "SIGHUP changes nothing: the configuration is read at start");
            return;
        }
        if (stopping_) std::_Exit(128 + signal);  // a second signal: at once
        stopping_ = true;
        log::info("app", "stopping", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
        asio::co_spawn(control_, stop(), asio::detached);
    });
}

void Daemon::on_published() {
    asio::post(dns_, [server = dns_server_.get()] { server->on_published(); });
}

asio::awaitable<void> stop_dns(dns_server::Server& server, ForwardedNames* forwarded, asio::io_context& context) {
    if (forwarded != nullptr) co_await forwarded->forwarder().stop(stop_limit);
    server.stop();
    context.stop();
}

asio::awaitable<void> Daemon::stop() {
    control_plane_->announce_shutdown();
    asio::co_spawn(dns_, stop_dns(*dns_server_, forwarded_names_.get(), dns_), asio::detached);
    const bool loops_ended = co_await control_plane_->stop(stop_limit);
    const bool sessions_ended = co_await http_server_->stop(stop_limit);
    log::info("app", "stopped", {{"cleanly", loops_ended && sessions_ended}});
    control_.stop();
}

void log_start(const config::Config& config, const std::vector<SocketAddress>& upstream_servers) {
    std::vector<std::string> servers;
    servers.reserve(upstream_servers.size());
    for (const SocketAddress& server : upstream_servers) servers.push_back(server.to_string());
    log::info("app", "started",
              {{"version", version},
               {"services", config.services.size()},
               {"upstream", joined(servers)},
               {"configuration", joined(config.origins)}});
    for (const std::string& note : config.notes) log::warning("config", note);
}

}  // namespace

Result<void> run_daemon(const config::Config& config) {
    std::signal(SIGPIPE, SIG_IGN);
    raise_descriptor_limit();
    log::start({config.log.level, config.log.format, 1});
    Result<void> outcome;
    try {
        Daemon daemon(config);
        outcome = daemon.bind();
        if (outcome) {
            log_start(config, daemon.upstream_servers());
            daemon.run();
        }
    } catch (const std::exception& e) {  // out of memory or descriptors while starting
        outcome = Error{Errc::internal, std::string("cannot start: ") + e.what()};
    }
    log::stop();
    return outcome;
}

}  // namespace taskdns::app
