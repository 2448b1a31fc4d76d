// Signals, and the daemon's end. Layer: app.
#include <csignal>
#include <cstdlib>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "app/daemon_parts.hpp"

namespace taskdns::app {

using namespace std::chrono_literals;

void Daemon::await_signal() {
    signals_.async_wait([this](const boost::system::error_code& error, int signal) {
        if (error) return;
        await_signal();
        on_signal(signal);
    });
}

void Daemon::reload_by_signal() {
    if (stopping_) return reloader_->request("signal", {});  // it is refused
    service_manager_.tell_reloading();
    reloader_->request("signal", [this](const http_server::ReloadStatus& status) {
        service_manager_.tell_reloaded(config_.services.size(), status.outcome != "failed");
    });
}

/// Ends the loops when the last of it is gone: after stop(), or in its midst for want of memory.
class EndOfLoop {
public:
    explicit EndOfLoop(asio::io_context& control) : control_(&control) {}
    EndOfLoop(EndOfLoop&& other) noexcept : control_(std::exchange(other.control_, nullptr)) {}
    EndOfLoop& operator=(EndOfLoop&&) = delete;
    EndOfLoop(const EndOfLoop&) = delete;
    EndOfLoop& operator=(const EndOfLoop&) = delete;
    ~EndOfLoop() {
        if (control_ != nullptr) control_->stop();  // the dns loop ends with its thread, in run()
    }
    void operator()(const std::exception_ptr&) const {}

private:
    asio::io_context* control_;
};

/// Again until it has begun.
void Daemon::begin_to_stop() {
    asio::awaitable<void> stopping = stop(stop_signal_);
    asio::co_spawn(control_, std::move(stopping), EndOfLoop(control_));
}

void Daemon::on_signal(int signal) {
    if (signal == SIGHUP) return reload_by_signal();
    if (!std::exchange(stopping_, true)) {
        service_manager_.tell_stopping();
        stop_signal_ = signal;
        stop_.set_now();
    } else if (!linger_.end()) {
        resolv_conf_.stop(ResolvConfKeeper::stop_limit);
        std::_Exit(128 + signal);  // one more while stopping: at once
    }
}

/// On the dns thread; the last that it does.
asio::awaitable<void> Daemon::stop_dns() {
    std::vector<std::shared_ptr<ForwardedNames>> all = former_names_;
    if (forwarded_names_) all.push_back(forwarded_names_);
    for (const auto& names : all) co_await names->forwarder().stop(stop_limit);
    dns_server_->stop();
    dns_.stop();
}

asio::awaitable<void> Daemon::stop(int signal) {
    const char* const name = signal == SIGTERM ? "SIGTERM" : "SIGINT";
    control_plane_->announce_shutdown();
    reloader_->stop(0ms);
    metadata_.stop();
    if (signal == SIGTERM && linger_.lingers(config_.shutdown)) {  // nobody drains after Ctrl-C
        const TimePoint begin = Clock::now();
        const Linger::End end = co_await linger_.wait(config_.shutdown);
        const auto lingered = std::chrono::duration_cast<milliseconds>(Clock::now() - begin);
        log::info("app", "stopping",
                  {{"signal", name}, {"lingered", format_duration(lingered)}, {"because", to_string(end)}});
    } else {
        log::info("app", "stopping", {{"signal", name}});
    }
    const bool put_back = resolv_conf_.stop(ResolvConfKeeper::stop_limit);  // while we still answer
    emf_.stop();
    asio::co_spawn(dns_, stop_dns(), asio::detached);
    const bool loops_ended = co_await control_plane_->stop(stop_limit);
    const bool sessions_ended = co_await http_server_->stop(stop_limit);
    stopped_ = true;
    log::info("app", "stopped", {{"cleanly", put_back && loops_ended && sessions_ended}});
    control_.stop();
}

}  // namespace taskdns::app
