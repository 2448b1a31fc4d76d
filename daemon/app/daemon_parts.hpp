// The daemon's parts and what joins them; only daemon*.cpp include this.
// Layer: app (may include all). Threads: the control thread, unless a member says otherwise.
//
// In daemon.cpp: how it begins, reloads and learns of its task; in daemon_status.cpp: what it shows of itself; in
// daemon_stop.cpp: signals, lingering, the end.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include "app/control_plane.hpp"
#include "app/emf_writer.hpp"
#include "app/forwarded_names.hpp"
#include "app/leaving_listeners.hpp"
#include "app/linger.hpp"
#include "app/listeners.hpp"
#include "app/metrics.hpp"
#include "app/reading.hpp"
#include "app/reloader.hpp"
#include "app/resolv_conf_keeper.hpp"
#include "app/sandbox_watch.hpp"
#include "app/task_metadata.hpp"
#include "base/alarm.hpp"
#include "base/log.hpp"
#include "config/load.hpp"
#include "dns_server/server.hpp"
#include "http_server/listener.hpp"
#include "task/bind_capability.hpp"
#include "task/identity.hpp"
#include "task/service_manager.hpp"

namespace taskdns::app {

/// For each of the loops when they end; together they stay below a second. resolv.conf has a limit of its own.
inline constexpr milliseconds stop_limit{300};

/// All parts of the daemon, in the order of their construction; destroyed in reverse.
class Daemon {
public:
    /// `at_start` is what this process had to bind with.
    Daemon(config::Config config, config::Sources sources, const task::BindRights& at_start);

    Result<void> bind();
    void run();

private:
    Result<bool> apply(Reading reading);
    void replace_forwarding();
    asio::awaitable<void> end_forwarding(std::shared_ptr<ForwardedNames> names);
    void keep_resolv_conf();
    UpstreamChoice choose_upstream() const;
    void on_metadata(const task::Learned* learned);
    void take_in(const task::Learned& learned);
    void await_signal();
    void reload_by_signal();
    void on_signal(int signal);
    void begin_to_stop();
    asio::awaitable<void> stop(int signal);
    asio::awaitable<void> stop_dns();
    ControlPlane::Events events();
    dns_server::Settings dns_settings();
    http_server::Model model();
    http_server::DaemonStatus status();
    Figures figures() const;

    config::Config config_;
    const config::Sources sources_;
    const task::BindRights bind_rights_at_start_;
    const WallTime started_ = std::chrono::system_clock::now();
    asio::io_context control_{1};
    asio::io_context dns_{1};
    asio::executor_work_guard<asio::io_context::executor_type> dns_work_{
        dns_.get_executor()};  // listen.dns may be []
    asio::signal_set signals_{control_, SIGTERM, SIGINT, SIGHUP};
    SandboxWatch sandbox_{control_.get_executor()};
    upstream::QueryBudget budget_;
    Reading::Resolvers resolvers_;
    UpstreamChoice upstream_;
    std::string identity_ = task::identity();
    std::optional<task::Learned> task_;  // null: not known
    TaskMetadata metadata_{control_.get_executor(),
                           {.uri = TaskMetadata::uri_from_environment()},
                           [this](const task::Learned* learned) { on_metadata(learned); }};
    Linger linger_{control_.get_executor(), metadata_};
    std::unique_ptr<ControlPlane> control_plane_;
    std::shared_ptr<ForwardedNames> forwarded_names_;
    std::vector<std::shared_ptr<ForwardedNames>> former_names_;  // who still answer somebody; of the dns thread
    std::unique_ptr<dns_server::Server> dns_server_;
    std::unique_ptr<http_server::Server> http_server_;
    std::unique_ptr<Listeners> listeners_;
    LeavingListeners leaving_{control_.get_executor(),
                              [this](const SocketAddress& bound) { listeners_->close_leaving(bound); }};
    std::unique_ptr<Reloader> reloader_;
    ResolvConfKeeper resolv_conf_{control_.get_executor()};
    EmfWriter emf_{control_.get_executor(), [this] { return figures(); },
                   [](const std::string& line) { log::raw(line); }};
    const task::ServiceManager service_manager_;
    bool stopping_ = false;
    bool half_applied_ = false;  // a reload ran out of memory on its way: the next is applied in any case
    int stop_signal_ = 0;
    bool stopped_ = false;  // stop() came to its end
    Alarm stop_{control_.get_executor(), "stop", [this] { begin_to_stop(); }};
};

}  // namespace taskdns::app
