// What this process knows of its task: asked for once at the start, again at growing intervals while that fails, and
// by whoever wants to know how things stand now.
// Layer: app (may include all). Threads: the control thread's executor. Nothing that answers waits for it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/asio.hpp"
#include "base/result.hpp"
#include "base/task_group.hpp"
#include "base/time.hpp"
#include "http_server/model.hpp"
#include "task/metadata_client.hpp"
#include "view/home.hpp"

namespace taskdns::app {

/// Requests to the endpoint, each for the task and, where we do not know ourselves yet, for our container.
struct TaskMetadataFigures {
    std::uint64_t answered = 0;
    std::uint64_t failed = 0;
};

class TaskMetadata {
public:
    struct Settings {
        std::string uri;                  ///< of ECS_CONTAINER_METADATA_URI_V4; empty: this is not ECS
        milliseconds timeout{5'000};      ///< of one attempt; the endpoint throttles, so it may well be slow
        milliseconds first_retry{1'000};  ///< then twice as long each time
        unsigned attempts = 10;           ///< the last one after 8.5 minutes
    };
    /// After each attempt of start()'s; null: it has failed.
    using Attempted = std::function<void(const task::Learned* learned)>;

    TaskMetadata(asio::any_io_executor executor, Settings settings, Attempted attempted);

    static std::string uri_from_environment();
    bool in_ecs() const { return !settings_.uri.empty(); }
    /// Begins to ask; nothing outside ECS.
    void start();
    /// How things stand now. Throws only what a cancelled coroutine throws.
    asio::awaitable<Result<task::Learned>> ask(milliseconds timeout);
    /// Ends asking, without waiting for it.
    void stop() { tasks_.cancel_all(); }

    const TaskMetadataFigures& figures() const { return figures_; }

private:
    asio::awaitable<void> learn();

    asio::any_io_executor executor_;
    Settings settings_;
    Attempted attempted_;
    std::string own_id_;  // once it is known
    TaskMetadataFigures figures_;
    TaskGroup tasks_;
};

/// What is shown of it.
http_server::TaskStatus task_status(const task::Metadata& metadata);
/// Where the task is.
view::Home home_of(const task::Learned& learned);
/// The name servers that ECS gave our network; none while nothing is known.
std::vector<IpAddress> known_name_servers(const std::optional<task::Learned>& learned);

}  // namespace taskdns::app
