// Keeps resolv.conf naming us while we run. Layer: app.
#include "app/resolv_conf_keeper.hpp"

#include <atomic>
#include <map>
#include <string>
#include <utility>

#include <boost/asio/steady_timer.hpp>

#include "app/resolv_conf_naming.hpp"
#include "base/log.hpp"
#include "base/way_back.hpp"

namespace taskdns::app {
namespace {

constexpr const char* no_thread = ": no thread to write it with, or an earlier look at it hangs";

using Outcome = Result<task::ResolvConfChange>;

/// On the file thread. Never throws.
template <class Rewrite>
Outcome rewrite_safely(Rewrite rewrite) {
    try {
        return rewrite();
    } catch (const std::exception& e) {  // no memory for it
        return Error{Errc::internal, e.what()};
    }
}

Outcome manage(const std::string& path, const task::Naming& naming) {
    return rewrite_safely([&] { return task::manage_resolv_conf(path, naming); });
}

/// On the file thread.
Outcome restore(const std::string& path) {
    return rewrite_safely([&] { return task::restore_resolv_conf(path); });
}

void say_put_back(const std::string& path, const task::ResolvConfChange& change) {
    if (!change.written) return;
    log::info("resolv_conf", "put back",
              {{"path", path}, {"names", name_servers(change.servers)}, {"edits_kept", change.edits_kept}});
}

void say_not_put_back(const std::string& why) { log::warning("resolv_conf", "not put back", {{"reason", why}}); }

}  // namespace

struct ResolvConfKeeper::State : std::enable_shared_from_this<ResolvConfKeeper::State> {
    State(const asio::any_io_executor& executor, milliseconds every_)
        : every(every_), timer(executor), way_back(std::make_shared<WayBack>(executor)) {}

    void go_on(FileThread& files);
    void look(FileThread& files);
    void look_later(FileThread& files);
    void put_back(FileThread& files);
    void put_back_ended(const std::string& path, const Outcome& outcome, FileThread& files);
    void looked(const Outcome& outcome);
    void fail(const std::string& why);

    const milliseconds every;
    asio::steady_timer timer;
    std::shared_ptr<WayBack> way_back;
    config::ResolvConf settings;  // `manage` is false: nothing is to be done
    std::optional<task::Naming> naming;
    std::uint64_t turn = 0;  // of set(): what an earlier one began is not heard
    std::string touched;     // the file that may have been written, and is to be; empty: none
    // The files that may have been written and are to be put back, and why that has not been possible so far.
    std::map<std::string, std::string> owed;
    bool quiet = true;  // the last look found the file as we had left it
    http_server::ResolvConfStatus status;
    ResolvConfFigures figures;
};

void ResolvConfKeeper::State::fail(const std::string& why) {
    ++figures.failures;
    if (status.last_error != why) log::warning("resolv_conf", "not managed", {{"reason", why}});
    figures.failing = true;
    status.state = "failing";
    status.last_error = why;
}

void ResolvConfKeeper::State::looked(const Outcome& outcome) {
    if (!outcome) return fail(outcome.error().message);
    const bool first = status.state != "managed";
    if (outcome->written) ++figures.writes;
    if (first) {
        log::info("resolv_conf", "managed",
                  {{"path", settings.path},
                   {"names", name_servers(outcome->servers)},
                   {"saved", name_servers(outcome->before)},
                   {"written", outcome->written}});
        if (outcome->rotates_to_fallback) log::warning("resolv_conf", rotate_warning, {{"path", settings.path}});
    } else if (outcome->written && quiet) {
        log::warning("resolv_conf", "another program had written it: written again", {{"path", settings.path}});
    }
    quiet = first || !outcome->written;
    if (outcome->edits_kept) {
        log::info("resolv_conf", "what others have written into it is kept", {{"path", settings.path}});
    }
    figures.failing = false;
    status.state = "managed";
    status.servers = outcome->servers;
    status.saved = outcome->before;
    status.last_error.clear();
}

void ResolvConfKeeper::State::look(FileThread& files) {
    const bool begun = files.submit(
        [self = weak_from_this(), way = way_back, path = settings.path, wanted = *naming, now = turn, &files] {
            way->post([self, now, outcome = manage(path, wanted), &files] {
                const auto alive = self.lock();
                if (!alive || alive->turn != now) return;
                alive->looked(outcome);
                alive->look_later(files);
            });
        });
    if (begun) {
        touched = settings.path;
        owed.erase(touched);
    } else {
        fail(settings.path + no_thread);
        look_later(files);
    }
}

void ResolvConfKeeper::State::look_later(FileThread& files) {
    timer.expires_after(every);
    timer.async_wait([self = weak_from_this(), &files](const boost::system::error_code& error) {
        const auto alive = self.lock();
        if (error || !alive || (alive->owed.empty() && !alive->settings.manage)) return;
        alive->look_later(files);  // whatever becomes of this look, and in this wait's memory
        alive->go_on(files);
    });
}

void ResolvConfKeeper::State::go_on(FileThread& files) {
    if (!owed.empty()) put_back(files);
    if (settings.manage && naming) look(files);
}

void ResolvConfKeeper::State::put_back(FileThread& files) {
    bool begun = true;
    for (const auto& [path, why] : owed) {
        begun = files.submit([self = weak_from_this(), way = way_back, path = path, &files] {
            way->post([self, path, outcome = restore(path), &files] {
                if (const auto alive = self.lock()) alive->put_back_ended(path, outcome, files);
            });
        }) && begun;
    }
    if (!begun) look_later(files);
}

void ResolvConfKeeper::State::put_back_ended(const std::string& path, const Outcome& outcome, FileThread& files) {
    if (path == touched) return;  // it is managed again
    if (outcome) {
        owed.erase(path);
        return say_put_back(path, *outcome);
    }
    std::string& why = owed[path];
    if (why != outcome.error().message) say_not_put_back(outcome.error().message);
    why = outcome.error().message;
    look_later(files);
}

ResolvConfKeeper::ResolvConfKeeper(asio::any_io_executor executor, milliseconds every)
    : state_(std::make_shared<State>(executor, every)) {}

ResolvConfKeeper::~ResolvConfKeeper() {
    state_->way_back->close();
    state_->timer.cancel();
}

void ResolvConfKeeper::set(const config::ResolvConf& settings, const std::vector<SocketAddress>& listeners,
                           const std::vector<SocketAddress>& upstream) {
    State& state = *state_;
    config::Upstream servers;
    servers.servers = upstream;
    auto naming = find_naming(listeners, servers, settings.path, settings.fallback);
    const bool known = naming && state.naming == *naming;
    if (settings == state.settings && (known || !settings.manage)) return;
    ++state.turn;
    state.timer.cancel();
    const bool other = !settings.manage || !naming || settings.path != state.settings.path;
    if (other && !state.touched.empty()) state.owed[std::exchange(state.touched, {})];
    if (!state.owed.empty()) state.put_back(files_);
    state.figures.failing = false;
    state.settings = settings;
    state.status = {};
    if (!settings.manage) return;
    state.status.path = settings.path;
    state.status.state = "pending";
    state.naming.reset();
    if (!naming) return state.fail(naming.error().message);
    state.naming = std::move(*naming);
    state.look(files_);
}

bool ResolvConfKeeper::stop(milliseconds limit) {
    ++state_->turn;
    state_->timer.cancel();
    std::map<std::string, std::string> paths = std::exchange(state_->owed, {});
    if (!state_->touched.empty()) paths[std::exchange(state_->touched, {})];
    const auto left = std::make_shared<std::atomic<std::size_t>>(paths.size());
    for (const auto& [path, why] : paths) {
        // What it does is said there: when it comes to it, nobody may be here any more to hear of it.
        const bool begun = files_.submit([path = path, left] {
            const Outcome outcome = restore(path);
            if (!outcome) return say_not_put_back(outcome.error().message);
            say_put_back(path, *outcome);
            --*left;
        });
        if (!begun) say_not_put_back(path + no_thread);
    }
    if (paths.empty()) return true;
    if (!files_.stop(limit)) log::warning("resolv_conf", "not put back in time", {{"path", paths.begin()->first}});
    return *left == 0;
}

std::optional<http_server::ResolvConfStatus> ResolvConfKeeper::status() const {
    if (!state_->settings.manage) return std::nullopt;
    return state_->status;
}

const ResolvConfFigures& ResolvConfKeeper::figures() const { return state_->figures; }

}  // namespace taskdns::app
