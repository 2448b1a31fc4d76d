// What the application's own connections say of the endpoints: evidence, and how many there are (design.md, section
// 6a). Layer: health (may include base). Pure: given `now`, no clock, no I/O, no logging. The shell:
// connection_observer.cpp.
//
// The kernel names each socket twice: in the dumps, about one a second, while it lives, and once when it is
// destroyed. A socket that the last dump does not name has begun since: only such a new connection proves anything
// about the endpoint of today. One that has been open for long goes on receiving data after its endpoint has closed
// its listener.
#pragma once

#include <cstdint>
#include <functional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/counter.hpp"
#include "base/ip_address.hpp"
#include "base/time.hpp"
#include "health/tcp_diag.hpp"
#include "health/verdict.hpp"

namespace taskdns::health {

/// What one socket says for itself. Pure.
enum class ConnectionFate : std::uint8_t {
    unknown,     ///< nothing: given up by the application before anything could be known, or still under way
    refused,     ///< its SYN was answered by a reset
    unanswered,  ///< its SYN was sent again, so it is at least one second old (RFC 6298 section 2.1), and nothing
                 ///< came
    accepted,    ///< its SYN was answered, but no data has come
    answered     ///< data has come
};

/// `destroyed`: it is an event, not a line of a dump. A living socket that has been refused is in no dump.
ConnectionFate fate(const TcpSocket& socket, bool destroyed);

/// The connections towards one endpoint.
struct EndpointConnections {
    unsigned open = 0;         ///< being opened or established, in the last dump
    double smoothed_open = 0;  ///< over the last dumps, for `least_connections`
    std::chrono::microseconds rtt{
        0};  ///< the mean of those that are open, or of the last ones that were; 0: never measured
    std::uint64_t retransmits = 0;  ///< of all that have been seen
    std::uint64_t answered = 0;     ///< closed connections that had received data
    std::uint64_t refused = 0;
    std::uint64_t unanswered = 0;
    TimePoint last_seen{};  ///< of any connection; the epoch: never
};

/// Evidence about one endpoint.
struct ConnectionEvidence {
    SocketAddress endpoint;
    /// `answered`: a new connection has received data; `refused`: certain; `timeout`: unanswered, doubtful.
    Observed observed = Observed::nothing;
    /// The endpoint was like this at that time or later. For a success the start of the last dump, which is before
    /// the connection began: what is spared for its sake is never spared too long.
    TimePoint since{};

    bool operator==(const ConnectionEvidence&) const = default;
};

/// Sockets that are our own probes: told by the cookie that the kernel gave them. Those of the last minutes.
class OwnSockets {
public:
    /// One that will be connected. Bounded: beyond `most` within one period the oldest are forgotten early.
    void add(std::uint64_t cookie);
    bool contains(std::uint64_t cookie) const { return young_.contains(cookie) || old_.contains(cookie); }
    /// Forgets those that were old at the last call; the others are old now. Call it once in a few minutes.
    void age();

    static constexpr std::size_t most = 8192;

private:
    std::unordered_set<std::uint64_t> young_;
    std::unordered_set<std::uint64_t> old_;
};

class ConnectionLedger {
public:
    /// `is_endpoint`: whether a member of an observed service has this address and port.
    using IsEndpoint = std::function<bool(const SocketAddress&)>;
    ConnectionLedger(IsEndpoint is_endpoint, const OwnSockets& own);

    /// An event. Appends to `out` what follows from it: nothing or one.
    void destroyed(const TcpSocket& socket, TimePoint now, std::vector<ConnectionEvidence>& out);

    /// A dump: begin, each of its sockets, end. `complete`: it named all sockets. Of one that did not, nothing is
    /// concluded and nobody counts as gone. Evidence is appended at the end, the successes last: where some SYNs go
    /// unanswered and others that were sent later do not, packets are lost, and no endpoint has failed.
    void begin_dump(TimePoint now);
    void living(const TcpSocket& socket);
    void end_dump(bool complete, std::vector<ConnectionEvidence>& out);
    /// No dumps for a while: nothing is known of who is new until the next but one.
    void pause();

    /// Null if none has been seen towards it.
    const EndpointConnections* find(const SocketAddress& endpoint) const;
    /// Whether any connection of the application's has ever been seen.
    bool seen_any() const { return seen_any_; }
    std::size_t endpoints() const { return endpoints_.size(); }

    /// Connections that a dump remembers; with more, those beyond are not told from new ones, so no success is
    /// concluded from events until there are fewer.
    static constexpr std::size_t most_remembered = 16 * 1024;
};

}  // namespace taskdns::health
