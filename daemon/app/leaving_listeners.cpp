// How long listeners that a reload has taken away still answer. Layer: app.
#include "app/leaving_listeners.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "base/reaches.hpp"
#include "base/whole_file.hpp"
#include "task/resolv_conf_text.hpp"

namespace taskdns::app {
namespace {

/// A file that may send look-ups to us.
struct Sender {
    std::string path;
    bool managed = false;  // by the configuration
};

/// Whom they send to. Null: one of them cannot be read.
using Named = std::optional<std::vector<SocketAddress>>;

/// On the file thread.
Named read_named(const std::vector<Sender>& senders) try {
    std::vector<SocketAddress> out;
    for (const Sender& sender : senders) {
        const auto text = read_whole_file(sender.path, task::longest_resolv_conf);
        if (!text) return std::nullopt;
        if (!*text) continue;
        if (!sender.managed && !task::find_managed(**text)) continue;
        const auto servers = task::parse_name_servers(**text);
        out.insert(out.end(), servers.begin(), servers.end());
    }
    return out;
} catch (const std::exception&) {  // no memory for it
    return std::nullopt;
}

}  // namespace

struct LeavingListeners::State : std::enable_shared_from_this<State> {
    State(const asio::any_io_executor& executor, Close close_, Pace pace_)
        : pace(pace_), close(std::move(close_)), timer(executor), way_back(std::make_shared<WayBack>(executor)) {}

    void look_later(FileThread& files);
    void look(FileThread& files);
    void looked(const Named& named);

    const Pace pace;
    const Close close;
    asio::steady_timer timer;
    std::shared_ptr<WayBack> way_back;
    std::vector<Sender> senders;
    std::map<SocketAddress, TimePoint> leaving;  // and when each was last named
    std::uint64_t turn = 0;                      // of watch(): what an earlier one began is not heard
};

void LeavingListeners::State::look_later(FileThread& files) {
    if (leaving.empty()) return;
    timer.expires_after(pace.every);
    timer.async_wait([self = weak_from_this(), &files](const boost::system::error_code& error) {
        const auto alive = self.lock();
        if (error || !alive) return;
        alive->look_later(files);  // whatever becomes of this look, and in this wait's memory
        alive->look(files);
    });
}

void LeavingListeners::State::look(FileThread& files) {
    files.submit([self = weak_from_this(), way = way_back, wanted = senders, now = turn, &files] {
        way->post([self, now, named = read_named(wanted), &files] {
            const auto alive = self.lock();
            if (!alive || alive->turn != now) return;
            alive->looked(named);
        });
    });
}

void LeavingListeners::State::looked(const Named& named) {
    const TimePoint now = Clock::now();
    for (auto at = leaving.begin(); at != leaving.end();) {
        const SocketAddress& listener = at->first;
        const auto reached = [&](const SocketAddress& server) { return reaches(server, listener); };
        if (!named || std::any_of(named->begin(), named->end(), reached)) at->second = now;
        if (now - at->second < pace.after) {
            ++at;
            continue;
        }
        close(listener);
        at = leaving.erase(at);
    }
}

LeavingListeners::LeavingListeners(const asio::any_io_executor& executor, Close close)
    : LeavingListeners(executor, std::move(close), Pace{}) {}

LeavingListeners::LeavingListeners(const asio::any_io_executor& executor, Close close, Pace pace)
    : state_(std::make_shared<State>(executor, std::move(close), pace)) {}

LeavingListeners::~LeavingListeners() {
    state_->way_back->close();
    state_->timer.cancel();
}

void LeavingListeners::watch(const std::vector<SocketAddress>& leaving, const config::ResolvConf& before,
                             const config::ResolvConf& now) {
    State& state = *state_;
    ++state.turn;
    state.timer.cancel();
    state.senders = {{now.path, now.manage}};
    if (before.path != now.path) state.senders.push_back({before.path, false});
    state.leaving.clear();
    for (const SocketAddress& listener : leaving) state.leaving.emplace(listener, Clock::now());
    state.look_later(files_);
}

}  // namespace taskdns::app
