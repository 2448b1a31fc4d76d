// Who this task is, as told from all other tasks: what the subset's rendezvous hash draws with.
// Layer: task (may include base).
#pragma once

#include <string>

namespace taskdns::task {

/// The task's and container's id as ECS puts it into ECS_CONTAINER_METADATA_URI_V4, else the host's name, else
/// something random. The same after a restart of the container, as far as the first two go.
std::string identity();

}  // namespace taskdns::task
