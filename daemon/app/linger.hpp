// After SIGTERM answers go on while the application drains: ECS stops all containers of a task at once, and one that
// still has requests to finish still has names to look up.
// Layer: app (may include config, task). Threads: the control thread's executor.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <boost/asio/steady_timer.hpp>

#include "app/task_metadata.hpp"
#include "base/asio.hpp"
#include "base/task_group.hpp"
#include "base/time.hpp"
#include "config/config.hpp"
#include "task/other_containers.hpp"

namespace taskdns::app {

/// `auto`: 5 s less than ECS leaves by default between SIGTERM and SIGKILL.
inline constexpr milliseconds automatic_linger{25'000};

/// How long answers go on at most.
milliseconds longest_linger(const config::Shutdown& settings, bool in_ecs);

/// Whether there is nobody left to be answered: only a list with ourselves in it tells. A duration that the user
/// wrote is waited for whole where there have never been other containers: then it is meant for somebody whom
/// metadata do not show.
bool is_nobody_left(const task::OtherContainers& others, const config::Shutdown& settings);

class Linger {
public:
    enum class End { others_stopped, time_over, asked };

    /// `metadata` outlives it.
    Linger(asio::any_io_executor executor, TaskMetadata& metadata);

    /// Whether wait() would take any time.
    bool lingers(const config::Shutdown& settings) const;
    /// Until nobody is left, the time is over, or end().
    asio::awaitable<End> wait(config::Shutdown settings);
    /// It ends now; false if it does not go on.
    bool end();

private:
    asio::awaitable<void> watch(config::Shutdown settings);
    void say_who_runs(const std::vector<std::string>& running);
    void say_that_it_fails(const std::string& reason);

    TaskMetadata& metadata_;
    asio::steady_timer over_;
    std::optional<End> ended_;  // null: not yet
    bool waiting_ = false;
    std::vector<std::string> said_;  // to be running
    bool said_that_it_fails_ = false;
    TaskGroup tasks_;
};

/// For log lines: "all other containers have stopped".
const char* to_string(Linger::End end);

}  // namespace taskdns::app
