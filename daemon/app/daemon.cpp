// The running daemon: binds, starts, serves until a signal, stops. Layer: app.
#include "app/daemon.hpp"

#include <malloc.h>

#include <algorithm>
#include <csignal>
#include <exception>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include "app/daemon_parts.hpp"
#include "app/descriptors.hpp"
#include "app/event_loop.hpp"
#include "base/room.hpp"
#include "base/version.hpp"
#include "task/privileges.hpp"

namespace taskdns::app {
namespace {

using namespace std::chrono_literals;

constexpr auto metadata_patience = 500ms;  // of the first polls; on its own link the endpoint takes some 10 ms

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
    const task::Confinement confinement = read_confinement();
    log::info("app", "confined",
              {{"capabilities", confinement.capabilities_text()},
               {"no_new_privs", confinement.no_new_privileges},
               {"sandbox", confinement.sandboxed}});
    for (const std::string& note : config.notes) log::warning("config", note);
}

std::shared_ptr<ForwardedNames> make_forwarding(asio::io_context& context, const config::Config& config,
                                                const std::vector<SocketAddress>& servers,
                                                upstream::QueryBudget& budget) {
    if (!config.forward.enabled) return nullptr;
    return std::make_shared<ForwardedNames>(context.get_executor(), servers, config, budget);
}

http_server::ServerSettings http_settings(const config::Listen& listen) {
    return {listen.hosts, listen.allow, listen.allow_admin, {}};
}

/// Whether metadata may change what the first polls do: whom they ask, or what is checked of what they find.
bool depends_on_metadata(const config::Config& config) {
    const auto draws = [](const config::Service& service) { return service.subset > 0; };
    return config.upstream.servers.empty() || std::ranges::any_of(config.services, draws);
}

/// What a reload takes at most, beyond what it replaces: it must not run out of memory half-way.
bool has_room_for(const config::Config& config) {
    constexpr std::size_t room = std::size_t{1} << 20;
    constexpr std::size_t room_per_service = std::size_t{32} << 10;
    return has_room(room + config.services.size() * room_per_service);
}

/// A response, a JSON document, a table: what is large comes and goes, and small things that stay would settle in the
/// hole that it leaves, so that the next one needs another. As a mapping of its own it leaves none.
void keep_large_blocks_out_of_the_heap() {
    constexpr int large = 32 * 1024;
    ::mallopt(M_MMAP_THRESHOLD, large);
}

}  // namespace

Daemon::Daemon(config::Config config, config::Sources sources, const task::BindRights& at_start)
    : config_(std::move(config)),
      sources_(std::move(sources)),
      bind_rights_at_start_(at_start),
      budget_(config_.upstream.max_qps) {}

Result<void> Daemon::bind() {
    sandbox_.set(config_.sandbox);  // before anything is heard
    Result<Reading> reading = read_surroundings(config_);
    if (!reading) return reading.error();
    resolvers_ = std::move(reading->resolvers);
    upstream_ = choose_upstream();
    control_plane_ = std::make_unique<ControlPlane>(
        control_.get_executor(), config_, ControlPlane::Surroundings{upstream_.servers, identity_, probes_at_once()},
        budget_, events());
    forwarded_names_ = make_forwarding(dns_, config_, upstream_.servers, budget_);
    dns_server_ = std::make_unique<dns_server::Server>(dns_, control_plane_->publisher(), dns_settings(),
                                                       forwarded_names_.get());
    http_server_ =
        std::make_unique<http_server::Server>(control_.get_executor(), model(), http_settings(config_.listen));
    listeners_ = std::make_unique<Listeners>(dns_, *dns_server_, *http_server_, bind_rights_at_start_);
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

/// All of it, or nothing: what can fail comes first.
Result<bool> Daemon::apply(Reading reading) {
    const config::Config& next = reading.config;
    UpstreamChoice upstream = app::choose_upstream(next.upstream, reading.resolvers, known_name_servers(task_));
    if (stopping_ || (next == config_ && upstream == upstream_ && !half_applied_)) return false;
    if (!has_room_for(next)) return Error{Errc::internal, "no memory to apply the configuration"};
    const Result<void> bound = listeners_->bind(next.listen);
    if (!bound) return bound.error();

    half_applied_ = true;
    const config::Config before = std::exchange(config_, std::move(reading.config));
    resolvers_ = std::move(reading.resolvers);
    const bool other_servers = upstream.servers != upstream_.servers;
    upstream_ = std::move(upstream);
    log::change(config_.log.level, config_.log.format);
    emf_.set(config_.metrics);
    sandbox_.set(config_.sandbox);
    for (const std::string& note : config_.notes) log::warning("config", note);
    budget_.set_max_qps(config_.upstream.max_qps);
    control_plane_->reload(before, config_, upstream_.servers);
    if (other_servers || before.forward != config_.forward || !before.upstream.asks_like(config_.upstream)) {
        replace_forwarding();
    }
    http_server_->set(http_settings(config_.listen));
    listeners_->commit(config_.listen);
    leaving_.watch(listeners_->leaving(), before.resolv_conf, config_.resolv_conf);
    keep_resolv_conf();
    half_applied_ = false;
    return true;
}

UpstreamChoice Daemon::choose_upstream() const {
    return app::choose_upstream(config_.upstream, resolvers_, known_name_servers(task_));
}

/// An attempt to read the task's metadata has ended.
void Daemon::on_metadata(const task::Learned* learned) {
    if (learned != nullptr) take_in(*learned);
    control_plane_->release_polls();
}

void Daemon::take_in(const task::Learned& learned) {
    task_ = learned;
    const std::string_view id = task::task_id(learned.metadata.arn);
    if (!id.empty()) identity_ = id;
    control_plane_->set_task(identity_, home_of(learned));
    asio::post(dns_, [this, identity = identity_] { dns_server_->set_identity(identity); });
    UpstreamChoice upstream = choose_upstream();
    const bool other_servers = upstream.servers != upstream_.servers;
    upstream_ = std::move(upstream);
    if (other_servers) {
        control_plane_->reload(config_, config_, upstream_.servers);
        replace_forwarding();
        keep_resolv_conf();
    }
    const http_server::TaskStatus status = task_status(learned.metadata);
    log::info("task", "metadata read",
              {{"task", identity_},
               {"family", status.family},
               {"zone", status.zone},
               {"upstream", joined(upstream_.servers)},
               {"upstream_from", to_string(upstream_.origin)}});
}

/// Another forwarder, with an empty cache; who waits for the old one is still answered by it.
void Daemon::replace_forwarding() {
    auto old = std::exchange(forwarded_names_, make_forwarding(dns_, config_, upstream_.servers, budget_));
    asio::post(dns_, [this, old = std::move(old), now = forwarded_names_] {
        dns_server_->set_forwarding(now.get());
        if (now) now->forwarder().start();
        if (old) asio::co_spawn(dns_, end_forwarding(old), asio::detached);
    });
}

asio::awaitable<void> Daemon::end_forwarding(std::shared_ptr<ForwardedNames> names) {
    former_names_.push_back(names);
    try {
        co_await names->forwarder().drain();
        co_await names->forwarder().stop(stop_limit);
    } catch (const std::exception&) {  // no memory to wait with: the destructor ends what is in flight
    }
    std::erase(former_names_, names);
}

/// Nobody is sent to us before we answer: first the dns thread has its turn.
void Daemon::keep_resolv_conf() {
    asio::post(dns_, [this] {
        asio::post(control_, [this] {
            if (!stopping_) resolv_conf_.set(config_.resolv_conf, listeners_->dns(), upstream_.servers);
        });
    });
}

void Daemon::run() {
    log_start(config_, upstream_);
    await_signal();
    listeners_->commit(config_.listen);
    keep_resolv_conf();
    metadata_.start();
    control_plane_->start(metadata_.in_ecs() && depends_on_metadata(config_) ? metadata_patience : 0ms);
    reloader_->start();
    emf_.set(config_.metrics);
    if (forwarded_names_) forwarded_names_->forwarder().start();
    const LoopThread dns_thread(dns_, "dns");
    service_manager_.tell_ready(config_.services.size());
    run_loop(control_, "control");
    if (!stopped_) resolv_conf_.stop(ResolvConfKeeper::stop_limit);  // there was no memory to stop in order
}

Result<void> run_daemon(config::Config config, config::Sources sources) {
    keep_large_blocks_out_of_the_heap();
    std::signal(SIGPIPE, SIG_IGN);
    raise_descriptor_limit();
    const task::BindRights at_start = task::read_bind_rights();
    task::give_up_privileges();  // of this thread, and so of all that it will make
    log::start({config.log.level, config.log.format, 1});
    Result<void> outcome;
    try {
        Daemon daemon(std::move(config), std::move(sources), at_start);
        outcome = daemon.bind();
        if (outcome) daemon.run();
    } catch (const std::exception& e) {  // out of memory or descriptors while starting
        outcome = Error{Errc::internal, std::string("cannot start: ") + e.what()};
    }
    log::stop();
    return outcome;
}

}  // namespace taskdns::app
