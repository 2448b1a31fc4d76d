// What this process knows of its task. Layer: app.
#include "app/task_metadata.hpp"

#include <cstdlib>
#include <utility>

#include <boost/asio/steady_timer.hpp>

#include "base/log.hpp"

namespace taskdns::app {

TaskMetadata::TaskMetadata(asio::any_io_executor executor, Settings settings, Attempted attempted)
    : executor_(executor), settings_(std::move(settings)), attempted_(std::move(attempted)), tasks_(executor) {}

std::string TaskMetadata::uri_from_environment() {
    const char* const uri = std::getenv(task::metadata_variable);
    return uri == nullptr ? "" : uri;
}

void TaskMetadata::start() {
    if (in_ecs()) tasks_.keep("learn of the task", [this] { return learn(); });
}

asio::awaitable<Result<task::Learned>> TaskMetadata::ask(milliseconds timeout) {
    const auto endpoint = task::MetadataEndpoint::parse(settings_.uri);
    if (!endpoint) {
        ++figures_.failed;
        co_return Error{Errc::invalid_config, std::string(task::metadata_variable) + "=" + settings_.uri +
                                                  " is no URI of the form http://ADDRESS/PATH"};
    }
    Result<task::Learned> learned = co_await task::ask_metadata(*endpoint, own_id_, timeout);
    ++(learned ? figures_.answered : figures_.failed);
    if (learned) own_id_ = learned->own_id;
    co_return learned;
}

asio::awaitable<void> TaskMetadata::learn() {
    asio::steady_timer timer(executor_);
    milliseconds pause = settings_.first_retry;
    for (unsigned attempt = 1; attempt <= settings_.attempts; ++attempt) {
        const Result<task::Learned> learned = co_await ask(settings_.timeout);
        if (learned) {
            attempted_(&*learned);
            co_return;
        }
        attempted_(nullptr);
        if (attempt == settings_.attempts) {
            log::warning("task", "metadata cannot be read: not asked for any more until the stop",
                         {{"reason", learned.error().message}, {"attempts", attempt}});
            co_return;
        }
        if (attempt == 1) {
            log::warning("task", "metadata cannot be read yet: going on without them",
                         {{"reason", learned.error().message}});
        }
        timer.expires_after(pause);
        co_await timer.async_wait(as_result);
        pause *= 2;
    }
}

http_server::TaskStatus task_status(const task::Metadata& metadata) {
    return {.id = std::string(task::task_id(metadata.arn)),
            .family = metadata.family,
            .cluster = metadata.cluster,
            .service = metadata.service,
            .zone = metadata.zone_id.empty() ? metadata.zone_name : metadata.zone_id};
}

view::Home home_of(const task::Learned& learned) {
    return {.zone_id = learned.metadata.zone_id,
            .zone_name = learned.metadata.zone_name,
            .subnets = task::subnets(learned.metadata, learned.own_id)};
}

std::vector<IpAddress> known_name_servers(const std::optional<task::Learned>& learned) {
    if (!learned) return {};
    return task::name_servers(learned->metadata, learned->own_id);
}

}  // namespace taskdns::app
