// Server-Sent Events on one connection (HTML Living Standard, section 9.2).
// Layer: http_server (may include base, Asio, Beast). Threads: the control thread's executor.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/asio.hpp"
#include "http_server/message.hpp"
#include "http_server/session.hpp"

namespace taskdns::http_server {

/// Where a stream has got to: the present state of all services first, by index and name, then the log.
struct EventCursor {
    std::uint64_t position = 0;            ///< of the next event in the log
    std::optional<std::uint64_t> present;  ///< the state as of this index is being sent
    std::pair<std::uint64_t, std::string> last_present;
};

/// A cursor behind `after`, or at the present state if `after` is null, from another daemon, or no longer in the log.
EventCursor begin_events(const Shared& shared, std::optional<std::uint64_t> after);

/// What is sent next; the texts are those of the log. `own` goes before them.
struct EventBatch {
    std::string own;
    std::vector<Event> events;
};

/// Moves the cursor over a bounded number of events; an empty batch: it has got to the end.
EventBatch next_events(const Shared& shared, EventCursor& cursor);

/// Until the peer is gone or takes nothing for too long, or the server stops.
asio::awaitable<void> stream_events(std::shared_ptr<Connection> connection, Shared& shared, Plan plan,
                                    Framing framing);

}  // namespace taskdns::http_server
