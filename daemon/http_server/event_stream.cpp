// Server-Sent Events on one connection. Layer: http_server.
#include "http_server/event_stream.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "http_server/render.hpp"

namespace taskdns::http_server {
namespace {

// A reader that does not read holds one batch, with the blocks of the log that its texts lie in, and what the kernel
// has taken.
constexpr std::size_t batch_octets = 8 * 1024;
constexpr std::size_t batch_events = 32;

void start_present(const Shared& shared, EventCursor& cursor) {
    cursor.position = shared.events.end();
    cursor.present = shared.model.index();
    cursor.last_present = {};
}

/// The next services by (index, name): those that change meanwhile have an event in the log.
std::string next_present(const Shared& shared, EventCursor& cursor) {
    std::string out;
    if (cursor.last_present.second.empty()) out = reset_event(*cursor.present);
    std::vector<ServiceStatus> services = shared.model.services();
    const auto order = [](const ServiceStatus& service) { return std::pair(service.index, service.name); };
    std::sort(services.begin(), services.end(),
              [&order](const ServiceStatus& a, const ServiceStatus& b) { return order(a) < order(b); });
    for (const ServiceStatus& service : services) {
        if (order(service) <= cursor.last_present || service.index > *cursor.present) continue;
        if (out.size() > batch_octets) return out;
        out += present_event(service);
        cursor.last_present = order(service);
    }
    out += present_end(*cursor.present);
    cursor.present.reset();
    return out;
}

asio::awaitable<bool> send_batch(std::shared_ptr<Connection> connection, EventBatch batch, bool chunked,
                                 milliseconds limit) {
    std::size_t size = batch.own.size();
    for (const auto& event : batch.events) size += event.text.size();
    const std::string head = chunked ? fmt::format("{:x}\r\n", size) : "";
    std::vector<asio::const_buffer> octets{asio::buffer(head), asio::buffer(batch.own)};
    for (const auto& event : batch.events) octets.push_back(asio::buffer(event.text));
    if (chunked) octets.push_back(asio::buffer("\r\n", 2));
    const bool sent = co_await Connection::send(connection, std::move(octets), limit);
    co_return sent;
}

/// Counted as long as it lives.
class OpenStream {
public:
    explicit OpenStream(Shared& shared) : shared_(shared) {
        shared_.events.open(shared_.model.index());
        shared_.counters.event_streams.add();
    }
    ~OpenStream() {
        shared_.events.close(Clock::now());
        shared_.counters.event_streams.subtract();
    }
    OpenStream(const OpenStream&) = delete;
    OpenStream& operator=(const OpenStream&) = delete;

private:
    Shared& shared_;
};

milliseconds until(TimePoint time) {
    return std::max(milliseconds(1), std::chrono::ceil<milliseconds>(time - Clock::now()));
}

}  // namespace

EventCursor begin_events(const Shared& shared, std::optional<std::uint64_t> after) {
    EventCursor cursor;
    const bool ours = after && *after <= shared.model.index();
    const auto position = ours ? shared.events.find(*after) : std::nullopt;
    if (position) {
        cursor.position = *position;
    } else {
        start_present(shared, cursor);
    }
    return cursor;
}

EventBatch next_events(const Shared& shared, EventCursor& cursor) {
    EventBatch batch;
    if (cursor.present) {
        batch.own = next_present(shared, cursor);
        return batch;
    }
    while (cursor.position < shared.events.end() && batch.events.size() < batch_events) {
        auto event = shared.events.at(cursor.position);
        if (!event) {  // too slow: the log has gone on without it
            if (!batch.events.empty()) break;
            start_present(shared, cursor);
            batch.own = next_present(shared, cursor);
            break;
        }
        batch.events.push_back(std::move(*event));
        ++cursor.position;
    }
    return batch;
}

asio::awaitable<void> stream_events(std::shared_ptr<Connection> connection, Shared& shared, Plan plan,
                                    Framing framing) {
    const OpenStream open(shared);
    const Watchers::Place place(shared.watchers, connection, nullptr);
    EventCursor cursor = begin_events(shared, plan.after);
    bool taken = co_await write_endless(connection, std::move(plan.response), framing, shared.limits.request_time);
    const bool chunked = framing.version >= 11;
    EventBatch batch;
    batch.own = "retry: 2000\n\n";  // milliseconds until a browser comes back
    TimePoint heartbeat = Clock::now() + shared.limits.heartbeat;
    while (taken && !shared.stopping) {
        if (!batch.own.empty() || !batch.events.empty()) {
            taken = co_await send_batch(connection, std::move(batch), chunked, shared.limits.slow_reader);
            heartbeat = Clock::now() + shared.limits.heartbeat;
            if (!taken) break;
        }
        batch = next_events(shared, cursor);
        if (!batch.own.empty() || !batch.events.empty()) continue;
        taken = co_await Connection::pause(connection, until(heartbeat));
        if (taken && Clock::now() >= heartbeat) batch.own = ": nothing has happened\n\n";
    }
    if (!taken) {
        shared.counters.broken_connections.add();
        co_return;
    }
    static constexpr std::string_view last_chunk = "0\r\n\r\n";
    std::vector<asio::const_buffer> end;
    if (chunked) end.push_back(asio::buffer(last_chunk));
    co_await Connection::send(connection, std::move(end), shared.limits.crowded_time);
}

}  // namespace taskdns::http_server
