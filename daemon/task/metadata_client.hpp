// Asks the task metadata endpoint, version 4: HTTP on a link-local address that ECS puts into the environment.
// Layer: task (may include base, Asio, Beast). Threads: the executor of whoever awaits.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/asio.hpp"
#include "base/ip_address.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "task/metadata.hpp"

namespace taskdns::task {

inline constexpr const char* metadata_variable = "ECS_CONTAINER_METADATA_URI_V4";

/// Where our own container's metadata are; those of the task are at /task behind it.
struct MetadataEndpoint {
    SocketAddress address;
    std::string host;  ///< as the URI writes it
    std::string path;  ///< "/v4/ID"; no '/' at the end

    /// `http://169.254.170.2/v4/ID`. Null: not http, no address but a name (nothing here resolves one), or text that
    /// cannot stand in a request.
    static std::optional<MetadataEndpoint> parse(std::string_view uri);
};

/// What was learned by one pair of requests.
struct Learned {
    Metadata metadata;
    std::string own_id;  ///< our container's DockerId; empty: not known
};

/// The task's metadata and, unless `own_id` says it already, which of its containers we are, within `limit` for both.
/// One that says nothing of ourselves is no error: on Fargate our id is the path's last part. Error: what the
/// endpoint did instead of answering; its message names the request. Throws only what a cancelled coroutine throws.
asio::awaitable<Result<Learned>> ask_metadata(MetadataEndpoint endpoint, std::string own_id, milliseconds limit);

}  // namespace taskdns::task
