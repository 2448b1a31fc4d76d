// Who this task is, as told from all other tasks: what the subset's rendezvous hash draws with.
// Layer: task (may include base).
#pragma once

#include <string>
#include <string_view>

namespace taskdns::task {

/// What the last part of a metadata URI tells: on Fargate the task's id, without the container's number behind it, so
/// that it is what the TaskARN says later; elsewhere an id of the container. Empty if there is none.
std::string_view identity_in(std::string_view metadata_uri);

/// Before any metadata are known: identity_in() of ECS_CONTAINER_METADATA_URI_V4, else the host's name, else
/// something random. The same after a restart of the container, as far as the first two go.
std::string identity();

}  // namespace taskdns::task
