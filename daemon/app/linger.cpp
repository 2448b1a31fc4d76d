// After SIGTERM answers go on while the application drains. Layer: app.
#include "app/linger.hpp"

#include <utility>

#include <fmt/format.h>

#include "base/log.hpp"

namespace taskdns::app {
namespace {

using namespace std::chrono_literals;

constexpr auto period = 500ms;   // of 40 requests a second that the endpoint takes
constexpr auto patience = 2s;    // with one request
constexpr auto farewell = 50ms;  // for a request that is being made at the end

}  // namespace

milliseconds longest_linger(const config::Shutdown& settings, bool in_ecs) {
    return settings.linger.value_or(in_ecs ? automatic_linger : 0ms);
}

bool is_nobody_left(const task::OtherContainers& others, const config::Shutdown& settings) {
    return others.with_us && others.running.empty() && (others.any || !settings.linger);
}

const char* to_string(Linger::End end) {
    switch (end) {
        case Linger::End::others_stopped:
            return "all other containers have stopped";
        case Linger::End::time_over:
            return "the time is over";
        case Linger::End::asked:
            break;
    }
    return "a second signal";
}

Linger::Linger(asio::any_io_executor executor, TaskMetadata& metadata)
    : metadata_(metadata), over_(executor), tasks_(executor) {}

bool Linger::lingers(const config::Shutdown& settings) const {
    return longest_linger(settings, metadata_.in_ecs()) > 0ms;
}

asio::awaitable<Linger::End> Linger::wait(config::Shutdown settings) {
    const milliseconds longest = longest_linger(settings, metadata_.in_ecs());
    log::info("app", "lingering: answers go on while others stop", {{"at_most", format_duration(longest)}});
    waiting_ = true;
    over_.expires_after(longest);
    if (metadata_.in_ecs()) tasks_.keep("watch the other containers", [this, settings] { return watch(settings); });
    if (!ended_) co_await over_.async_wait(as_result);
    waiting_ = false;
    tasks_.cancel_all();
    co_await tasks_.join(farewell);
    co_return ended_.value_or(End::time_over);
}

bool Linger::end() {
    if (!waiting_ || ended_) return false;
    ended_ = End::asked;
    over_.cancel();
    return true;
}

void Linger::say_who_runs(const std::vector<std::string>& running) {
    if (running.empty() || running == said_) return;
    said_ = running;
    log::info("app", "lingering for containers that still run",
              {{"containers", fmt::format("{}", fmt::join(running, ","))}});
}

void Linger::say_that_it_fails(const std::string& reason) {
    if (std::exchange(said_that_it_fails_, true)) return;
    log::warning("task", "metadata cannot be read: lingering until they can, or the time is over",
                 {{"reason", reason}});
}

asio::awaitable<void> Linger::watch(config::Shutdown settings) {
    asio::steady_timer timer(over_.get_executor());
    while (true) {
        const Result<task::Learned> learned = co_await metadata_.ask(patience);
        if (learned) {
            const task::OtherContainers others =
                task::find_other_containers(learned->metadata, learned->own_id, settings.linger_ignore);
            if (is_nobody_left(others, settings)) break;
            say_who_runs(others.running);
            if (!others.with_us) say_that_it_fails("they do not list this container");
        } else {
            say_that_it_fails(learned.error().message);
        }
        timer.expires_after(period);
        co_await timer.async_wait(as_result);
    }
    ended_ = End::others_stopped;
    over_.cancel();
}

}  // namespace taskdns::app
