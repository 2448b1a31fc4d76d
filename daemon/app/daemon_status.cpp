// What the daemon shows of itself, and what its servers ask of it. Layer: app.
#include <boost/asio/post.hpp>

#include "app/daemon_parts.hpp"
#include "app/describe.hpp"
#include "app/upstream_status.hpp"
#include "base/version.hpp"
#include "dns_server/chaos.hpp"

namespace taskdns::app {

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
    settings.identity = identity_;
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
            {"forward", &forwarder.servers(), &forwarder.server_counters(), &forwarder.counters().ignored});
    }
    out.http_server = &http_server_->counters();
    out.reload = reloader_->figures();
    out.task_metadata = &metadata_.figures();
    out.resolv_conf = resolv_conf_.figures();
    out.dropped_log_lines = log::dropped();
    out.memory = MemoryFigures::read();
    out.process = ProcessFigures::read();
    out.confinement = read_confinement();
    return out;
}

http_server::DaemonStatus Daemon::status() {
    http_server::DaemonStatus out;
    out.version = version;
    out.identity = identity_;
    if (task_) out.task = task_status(task_->metadata);
    out.started = started_;
    out.now = std::chrono::system_clock::now();
    out.ready = control_plane_->ready();
    out.configuration = config_.origins;
    out.last_reload = reloader_->last();
    out.dns_listeners = listeners_->dns();
    out.http_listeners = listeners_->http();
    out.upstream = upstream_status(control_plane_->resolver(), WallAnchor::take());
    out.upstream_from = to_string(upstream_.origin);
    out.resolv_conf = resolv_conf_.status();
    out.index = control_plane_->last_index();
    return out;
}

}  // namespace taskdns::app
