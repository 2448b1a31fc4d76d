// What the application's own connections say of the endpoints: evidence, and how many there are (design.md, section
// 6a). Layer: health (may include base). Pure: given `now`, no clock, no I/O, no logging. One thread. The shell:
// connection_observer.cpp.
//
// The kernel names each socket twice: in the dumps, about one a second, while it lives, and once when it is
// destroyed. A socket that no dump has named has begun since the last one: only such a new connection proves anything
// about the endpoint of today. One that has been open for long goes on receiving data after its endpoint has closed
// its listener.
//
// It may be destroyed long after it has left the dumps: one that was reset is in none of them, but lives until the
// application closes it. So what was named once stays known until its end is seen, or for some minutes. (One that
// began and was reset between two dumps, and is closed after the second, is taken for younger than it is: nothing
// tells.)
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/ip_address.hpp"
#include "base/time.hpp"
#include "health/own_sockets.hpp"
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
    unsigned open = 0;         ///< being opened or established, in the last complete dump
    double smoothed_open = 0;  ///< over the last complete dumps, for `least_connections`
    /// The mean of those that are established; while there are none, the average of what has closed since. 0: never
    /// measured.
    std::chrono::microseconds rtt{0};
    std::uint64_t retransmits = 0;  ///< of all that have been seen, those that are open included
    std::uint64_t answered = 0;     ///< closed connections that had received data
    std::uint64_t refused = 0;
    std::uint64_t unanswered = 0;  ///< that counted as a failure while they lived, or were closed unanswered
    TimePoint last_seen{};         ///< of any connection; the epoch: never
};

/// Evidence about one endpoint.
struct ConnectionEvidence {
    SocketAddress endpoint;
    /// `answered`: a new connection has received data; `refused`: certain; `timeout`: unanswered, doubtful.
    /// With port 0: of the endpoints at that address one, or none.
    Observed observed = Observed::nothing;
    /// The endpoint was like this at that time or later. For a success the start of the last dump (or of the one
    /// before), which is before the connection began: what is spared for its sake is never spared too long. For a
    /// failure `now`.
    TimePoint since{};
    /// Refused, but by whom (port 0), or when (others have been accepted since about a second ago, and the
    /// application may close a refused socket late), is not known: whoever looks will know. See suspicions.hpp.
    bool is_suspicion = false;

    bool operator==(const ConnectionEvidence&) const = default;
};

/// Who is new is told by a reference: the last complete dump, and what earlier ones have named.
class ConnectionLedger {
public:
    /// `is_endpoint`: whether a member of an observed service has this address and port; asked for port 0, whether
    /// one has the address. Dumps should name all sockets towards the ports of members, also those of other
    /// addresses: when such an address becomes a member, its connections are known to be old. Where the ports
    /// themselves change, pause().
    using IsEndpoint = std::function<bool(const SocketAddress&)>;
    /// `own` outlives the ledger.
    ConnectionLedger(IsEndpoint is_endpoint, const OwnSockets& own);

    /// An event, at most 100 ms after the socket's end. Appends to `out` what follows from it: nothing or one. A
    /// refusal is always evidence; what goes unanswered is only while there is a reference (see end_dump), a success
    /// only once in an endpoint's turn of the reference, and never if the connection may have begun before the
    /// endpoint's last refusal.
    void destroyed(const TcpSocket& socket, TimePoint now, std::vector<ConnectionEvidence>& out);

    /// A refusal without a port was that of `endpoint`, as somebody who has looked says.
    void count_refused(const SocketAddress& endpoint, TimePoint now);

    /// A dump: begin (before it is asked for), each of its sockets, end. `complete`: it named all sockets. Of one
    /// that did not, nothing is concluded and nobody counts as gone. Events may come in between.
    ///
    /// Evidence is appended at the end, the successes last. One success for each endpoint, one failure for each
    /// socket, once in its life. But where some SYNs go unanswered and others that were sent later do not, packets
    /// are lost, and no endpoint has failed; so until two complete dumps, a SYN's timeout apart, show what was sent
    /// later, nothing that is unanswered is evidence.
    void begin_dump(TimePoint now);
    void living(const TcpSocket& socket);
    void end_dump(bool complete, std::vector<ConnectionEvidence>& out);
    /// No dumps for a while, or others than before: nothing is known of who is new until the next but one. One in
    /// progress is given up.
    void pause() {
        reference_.reset();
        before_.reset();
        dump_.reset();
    }

    /// Null if none has been seen towards it.
    const EndpointConnections* find(const SocketAddress& endpoint) const;
    template <class Visit>
    void each(const Visit& visit) const {
        for (const auto& [address, endpoint] : endpoints_) visit(address, endpoint.figures);
    }
    /// Whether any connection of the application's has ever been seen.
    bool seen_any() const { return seen_any_; }
    std::size_t endpoints() const { return endpoints_.size(); }

    /// Connections that the dumps remember; with more, those beyond are not told from new ones, so nothing but
    /// refusals is concluded until there are fewer. As many may end during a dump; with more, it is not complete.
    static constexpr std::size_t most_remembered = 16 * 1024;

private:
    struct Endpoint {
        SocketAddress address;
        EndpointConnections figures;
        TimePoint accepted_since = TimePoint::min();  ///< the latest SYN known to be answered: at that time or later
        TimePoint accepted_at = TimePoint::min();     ///< when that became known
        TimePoint refused_at = TimePoint::min();
        TimePoint told_since = TimePoint::min();  ///< of the last success from an event
        bool averaged = false;                    ///< smoothed_open has a first value
        bool success = false;                     ///< to be told at the end of this dump
        /// A new connection's SYN was answered at `since` or later.
        void accept(TimePoint since, TimePoint now) {
            accepted_since = since;
            accepted_at = now;
        }
        // In this dump:
        unsigned open = 0;
        unsigned measured = 0;  ///< established ones whose rtt is known
        std::chrono::microseconds rtt_sum{0};
        bool measured_last = false;  ///< the last complete dump had any
    };
    /// What is known of a socket that a complete dump has named.
    struct Known {
        TimePoint named{};  ///< by the dump that began then, the last one that named it
        std::uint32_t total_retransmits = 0;
        bool opening = false;  ///< its SYN was not answered yet
        bool counted = false;  ///< as unanswered
    };
    /// A line of the dump in progress.
    struct Line {
        std::uint64_t cookie = 0;
        Endpoint* endpoint = nullptr;  ///< null: it is only remembered
        std::uint32_t total_retransmits = 0;
        ConnectionFate fate = ConnectionFate::unknown;
    };
    struct Dump {
        TimePoint begin{};
        bool truncated = false;  ///< not all of its sockets could be remembered
    };

    Endpoint& see(const SocketAddress& address, TimePoint now);
    bool is_new(const Known* known) const;
    std::optional<TimePoint> reference_of_event(TimePoint now) const;
    void end_answered(Endpoint& endpoint, bool with_data, TimePoint now, std::vector<ConnectionEvidence>& out);
    /// Whether a SYN that nobody has answered is a failure of the endpoint's. `as_of`: when all sockets were last
    /// seen.
    bool is_failure(const Endpoint& endpoint, TimePoint as_of, TimePoint now) const;

    bool drop_ended_lines();
    void learn(Line& line);
    void append_unanswered(std::vector<ConnectionEvidence>& out);
    void append_successes(std::vector<ConnectionEvidence>& out);
    void conclude_figures();
    void forget_strangers();
    void forget_gone();
    void become_reference();

    IsEndpoint is_endpoint_;
    const OwnSockets& own_;
    std::unordered_map<SocketAddress, Endpoint> endpoints_;  // its elements stay where they are: lines point to them
    std::unordered_map<std::uint64_t, Known> known_;         // by cookie
    bool seen_any_ = false;

    std::optional<TimePoint> reference_;  // when the last complete dump began
    std::optional<TimePoint> before_;     // and the one before
    // The latest complete dump that began a SYN's timeout after the one before; and that one. A dump more than one a
    // second makes no difference to them.
    TimePoint spaced_{};
    std::optional<TimePoint> spaced_before_;

    std::optional<Dump> dump_;  // the one in progress
    std::vector<Line> lines_;
    std::vector<std::uint64_t> ended_;  // cookies destroyed during it
};

}  // namespace taskdns::health
