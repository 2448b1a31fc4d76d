// Sockets of an application, and stories of dumps and events, for the tests of the ledger.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "health/connection_ledger.hpp"
#include "unit/health_endpoints.hpp"

namespace taskdns::health::testing_story {

inline constexpr TimePoint start = TimePoint{} + std::chrono::hours(1);

inline TcpSocket socket_to(int number, std::uint64_t cookie, TcpState state = TcpState::established) {
    TcpSocket out;
    out.remote = endpoint(number);
    out.cookie = cookie;
    out.state = state;
    out.segments_out = 1;
    return out;
}

// To endpoint 1, unless another is named. What a living socket and a destroyed one have in common is in both.
inline TcpSocket opening(std::uint64_t cookie, int number = 1) {
    return socket_to(number, cookie, TcpState::syn_sent);
}
inline TcpSocket refused(std::uint64_t cookie, int number = 1) {
    TcpSocket out = socket_to(number, cookie, TcpState::closed);
    out.segments_in = 1;
    return out;
}
inline TcpSocket unanswered(std::uint64_t cookie, int number = 1) {
    TcpSocket out = opening(cookie, number);
    out.segments_out = 2;
    out.retransmits = 1;
    out.total_retransmits = 1;
    return out;
}
inline TcpSocket accepted(std::uint64_t cookie, int number = 1) {
    TcpSocket out = socket_to(number, cookie);
    out.segments_in = 1;
    out.bytes_acked = 1;
    return out;
}
inline TcpSocket answered(std::uint64_t cookie, int number = 1) {
    TcpSocket out = accepted(cookie, number);
    out.segments_in = 3;
    out.bytes_acked = 100;
    out.bytes_received = 1000;
    return out;
}

using Sockets = std::vector<TcpSocket>;

/// One step of a story, at so many milliseconds after its start.
struct Step {
    enum class Kind { dump, partial_dump, event, pause };
    Kind kind = Kind::pause;
    int at = 0;
    Sockets sockets;
    Sockets ended_meanwhile;  ///< events between a dump's first line and its end
};

inline Step dump(int at, Sockets sockets = {}, Sockets ended_meanwhile = {}) {
    return {Step::Kind::dump, at, std::move(sockets), std::move(ended_meanwhile)};
}
inline Step partial_dump(int at, Sockets sockets = {}) {
    return {Step::Kind::partial_dump, at, std::move(sockets), {}};
}
inline Step event(int at, TcpSocket socket) { return {Step::Kind::event, at, {socket}, {}}; }
inline Step pause_dumps() { return {}; }

/// A ledger with the endpoints 1 to 9.
class Ledger {
public:
    OwnSockets own;
    int last_endpoint = 9;
    ConnectionLedger ledger{[this](const SocketAddress& address) { return number_of(address) <= last_endpoint; },
                            own};
    std::vector<ConnectionEvidence> evidence;

    static int number_of(const SocketAddress& address) {
        return address.port == 8080 || address.port == 0
                   ? address.address.bytes()[2] * 256 + address.address.bytes()[3]
                   : 1'000'000;
    }

    Ledger& play(const Step& step) {
        const TimePoint now = start + milliseconds(step.at);
        if (step.kind == Step::Kind::pause) ledger.pause();
        if (step.kind == Step::Kind::event) ledger.destroyed(step.sockets.front(), now, evidence);
        if (step.kind == Step::Kind::dump || step.kind == Step::Kind::partial_dump) {
            ledger.begin_dump(now);
            for (const TcpSocket& socket : step.sockets) ledger.living(socket);
            for (const TcpSocket& socket : step.ended_meanwhile) ledger.destroyed(socket, now, evidence);
            ledger.end_dump(step.kind == Step::Kind::dump, evidence);
        }
        return *this;
    }
    Ledger& play(const std::vector<Step>& story) {
        for (const Step& step : story) play(step);
        return *this;
    }
    /// `1 refused 1500`: endpoint, what was observed, since when; `1? refused 1500` without a port.
    std::vector<std::string> words() const {
        std::vector<std::string> out;
        for (const ConnectionEvidence& one : evidence) {
            const auto since = std::chrono::duration_cast<milliseconds>(one.since - start).count();
            out.push_back(std::to_string(number_of(one.endpoint)) + (one.is_suspicion ? "? " : " ") +
                          to_string(one.observed) + " " + std::to_string(since));
        }
        return out;
    }
    EndpointConnections figures(int number = 1) const {
        const EndpointConnections* const found = ledger.find(endpoint(number));
        return found == nullptr ? EndpointConnections{} : *found;
    }
};

}  // namespace taskdns::health::testing_story
