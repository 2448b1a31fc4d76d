// The application's connections, from events and dumps to evidence.
// Layer: health. Pure. One thread. WARM PATH: destroyed() runs up to 20,000 times a second and allocates nothing but
// for an endpoint that it has not seen before.
#include "health/connection_ledger.hpp"

#include <algorithm>
#include <utility>

namespace taskdns::health {

namespace {

using std::chrono::microseconds;

// A SYN is sent again after one second (RFC 6298 section 2.1), so one that was is as old. Less than that by what a
// timer of one second may be early: else every other dump would be left out of account.
constexpr milliseconds syn_timeout{900};
// How long after a socket's end its event may come.
constexpr milliseconds event_delay{100};
// How long an answered SYN is held against others that go unanswered. Counts only where dumps fail to complete.
constexpr milliseconds accepted_lasts{2'000};
// How long a socket is remembered that is in no dump and whose end was not seen: the application still holds it, or
// the event was lost.
constexpr std::chrono::minutes remembers_gone{5};

constexpr double weight_of_new = 0.3;
constexpr double least_average = 0.01;
constexpr int rtt_share = 8;

// A socket that is connected once more (connect(2), AF_UNSPEC) keeps its cookie and counts from 0.
std::uint32_t growth(std::uint32_t before, std::uint32_t after) { return after < before ? after : after - before; }

}  // namespace

ConnectionFate fate(const TcpSocket& socket, bool destroyed) {
    if (socket.bytes_received > 0) return ConnectionFate::answered;
    if (socket.bytes_acked > 0) return ConnectionFate::accepted;
    if (socket.segments_in > 0) {
        return destroyed && !socket.was_connected ? ConnectionFate::refused : ConnectionFate::unknown;
    }
    // With no neighbour at the other end of the wire nothing leaves the machine, and only `retransmits` grows.
    const bool sent_again = destroyed ? socket.total_retransmits > 0 || socket.retransmits > 0
                                      : socket.state == TcpState::syn_sent && socket.retransmits > 0;
    return sent_again ? ConnectionFate::unanswered : ConnectionFate::unknown;
}

ConnectionLedger::ConnectionLedger(IsEndpoint is_endpoint, const OwnSockets& own)
    : is_endpoint_(std::move(is_endpoint)), own_(own) {}

const EndpointConnections* ConnectionLedger::find(const SocketAddress& endpoint) const {
    const auto found = endpoints_.find(endpoint);
    return found == endpoints_.end() ? nullptr : &found->second.figures;
}

ConnectionLedger::Endpoint& ConnectionLedger::see(const SocketAddress& address, TimePoint now) {
    Endpoint& endpoint = endpoints_[address];
    endpoint.address = address;
    endpoint.figures.last_seen = now;
    seen_any_ = true;
    return endpoint;
}

/// Whether its SYN was answered after the reference began. Also if the reference saw it without an answer.
bool ConnectionLedger::is_new(const Known* known) const {
    if (!reference_) return false;
    return known == nullptr || (known->opening && known->named == *reference_);
}

/// The complete dump before which a socket did not exist that no dump has named and whose end is told now. It may
/// have ended some time ago, so that a younger dump came not too early for it, but too late.
std::optional<TimePoint> ConnectionLedger::reference_of_event(TimePoint now) const {
    if (reference_ && now - *reference_ >= event_delay) return reference_;
    if (before_ && now - *before_ >= event_delay) return before_;
    return std::nullopt;
}

/// The SYN was sent a second or more before `now`. If another one has been answered since the last complete dump that
/// is as old as that, packets are lost. Without such a dump nobody knows what was answered.
bool ConnectionLedger::is_failure(const Endpoint& endpoint, TimePoint as_of, TimePoint now) const {
    const std::optional<TimePoint> dump = as_of - spaced_ >= syn_timeout ? spaced_ : spaced_before_;
    if (!dump) return false;
    return endpoint.accepted_since < *dump || now - endpoint.accepted_at > accepted_lasts;
}

void ConnectionLedger::destroyed(const TcpSocket& socket, TimePoint now, std::vector<ConnectionEvidence>& out) {
    const auto found = known_.find(socket.cookie);
    std::optional<Known> known;
    if (found != known_.end()) {
        known = found->second;
        known_.erase(found);
    }
    if (dump_ && ended_.size() <= most_remembered) ended_.push_back(socket.cookie);
    if (own_.contains(socket.cookie) || !is_endpoint_(socket.remote)) return;
    if (socket.remote.port == 0) {
        // With `retransmits` the kernel had waited for long: the dumps have seen it. What was accepted has been reset
        // by its application (SO_LINGER), or is a server's.
        const bool was_accepted = socket.was_connected || (known && !known->opening);
        if (socket.retransmits == 0 && !was_accepted) out.push_back({socket.remote, Observed::refused, now, true});
        return;
    }

    Endpoint& endpoint = see(socket.remote, now);
    EndpointConnections& figures = endpoint.figures;
    figures.retransmits += growth(known ? known->total_retransmits : 0, socket.total_retransmits);
    if (socket.rtt.count() > 0 && !endpoint.measured_last) {
        figures.rtt = figures.rtt.count() == 0 ? socket.rtt : figures.rtt + (socket.rtt - figures.rtt) / rtt_share;
    }

    const ConnectionFate its_fate = fate(socket, true);
    if (its_fate == ConnectionFate::refused) {
        ++figures.refused;
        const bool is_contradicted = reference_ && endpoint.accepted_since >= spaced_;
        endpoint.refused_at = now;
        out.push_back({socket.remote, Observed::refused, now, is_contradicted});
    } else if (its_fate == ConnectionFate::unanswered) {
        if (known && known->counted) return;
        ++figures.unanswered;
        if (reference_ && is_failure(endpoint, *reference_, now)) {
            out.push_back({socket.remote, Observed::timeout, now});
        }
    } else if (its_fate != ConnectionFate::unknown) {
        const bool with_data = its_fate == ConnectionFate::answered;
        if (with_data) ++figures.answered;
        if (is_new(known ? &*known : nullptr)) end_answered(endpoint, with_data, now, out);
    }
}

void ConnectionLedger::count_refused(const SocketAddress& endpoint, TimePoint now) {
    if (is_endpoint_(endpoint)) ++see(endpoint, now).figures.refused;
}

void ConnectionLedger::end_answered(Endpoint& endpoint, bool with_data, TimePoint now,
                                    std::vector<ConnectionEvidence>& out) {
    const std::optional<TimePoint> since = reference_of_event(now);
    if (!since) return;
    endpoint.accept(*since, now);
    if (!with_data || endpoint.told_since == *since || *since < endpoint.refused_at) return;
    endpoint.told_since = *since;
    out.push_back({endpoint.address, Observed::answered, *since});
}

void ConnectionLedger::begin_dump(TimePoint now) {
    dump_ = Dump{.begin = now};
    lines_.clear();
    ended_.clear();
    for (auto& [address, endpoint] : endpoints_) {
        endpoint.open = 0;
        endpoint.measured = 0;
        endpoint.rtt_sum = microseconds{0};
    }
}

void ConnectionLedger::living(const TcpSocket& socket) {
    if (!dump_ || own_.contains(socket.cookie)) return;
    Line line{.cookie = socket.cookie, .total_retransmits = socket.total_retransmits, .fate = fate(socket, false)};
    if (is_endpoint_(socket.remote)) {
        Endpoint& endpoint = see(socket.remote, dump_->begin);
        line.endpoint = &endpoint;
        const bool established = socket.state == TcpState::established;
        if (established || socket.state == TcpState::syn_sent) ++endpoint.open;
        if (established && socket.rtt.count() > 0) {
            ++endpoint.measured;
            endpoint.rtt_sum += socket.rtt;
        }
    }
    if (lines_.size() < most_remembered) {
        lines_.push_back(line);
    } else {
        dump_->truncated = true;
    }
}

void ConnectionLedger::end_dump(bool complete, std::vector<ConnectionEvidence>& out) {
    if (!dump_) return;
    if (complete && drop_ended_lines()) {
        for (Line& line : lines_) learn(line);
        if (reference_ && !dump_->truncated) append_unanswered(out);
        append_successes(out);
        conclude_figures();
        forget_gone();
        become_reference();
    }
    forget_strangers();
    dump_.reset();
}

/// Those that were destroyed since their line was written, whose event has told all. False if they are too many.
bool ConnectionLedger::drop_ended_lines() {
    if (ended_.size() > most_remembered) return false;
    std::sort(ended_.begin(), ended_.end());
    std::erase_if(lines_,
                  [this](const Line& line) { return std::binary_search(ended_.begin(), ended_.end(), line.cookie); });
    return true;
}

void ConnectionLedger::learn(Line& line) {
    auto found = known_.find(line.cookie);
    const bool first_named = found == known_.end();
    if (line.fate >= ConnectionFate::accepted && is_new(first_named ? nullptr : &found->second) &&
        line.endpoint != nullptr) {
        line.endpoint->accept(*reference_, dump_->begin);
        line.endpoint->success |= line.fate == ConnectionFate::answered && *reference_ >= line.endpoint->refused_at;
    }
    if (first_named) {
        if (known_.size() >= most_remembered) {
            dump_->truncated = true;
            return;
        }
        found = known_.try_emplace(line.cookie).first;
    }
    Known& known = found->second;
    if (line.endpoint != nullptr) {
        line.endpoint->figures.retransmits += growth(known.total_retransmits, line.total_retransmits);
    }
    known.total_retransmits = line.total_retransmits;
    known.named = dump_->begin;
    known.opening = line.fate < ConnectionFate::accepted;
}

void ConnectionLedger::append_unanswered(std::vector<ConnectionEvidence>& out) {
    for (const Line& line : lines_) {
        if (line.fate != ConnectionFate::unanswered || line.endpoint == nullptr) continue;
        Known& known = known_.at(line.cookie);
        if (known.counted || !is_failure(*line.endpoint, dump_->begin, dump_->begin)) continue;
        known.counted = true;
        ++line.endpoint->figures.unanswered;
        out.push_back({line.endpoint->address, Observed::timeout, dump_->begin});
    }
}

void ConnectionLedger::append_successes(std::vector<ConnectionEvidence>& out) {
    for (const Line& line : lines_) {
        if (line.endpoint == nullptr || !std::exchange(line.endpoint->success, false)) continue;
        out.push_back({line.endpoint->address, Observed::answered, *reference_});
    }
}

void ConnectionLedger::conclude_figures() {
    for (auto& [address, endpoint] : endpoints_) {
        EndpointConnections& figures = endpoint.figures;
        figures.open = endpoint.open;
        const double weight = std::exchange(endpoint.averaged, true) ? weight_of_new : 1;
        figures.smoothed_open += weight * (figures.open - figures.smoothed_open);
        if (figures.smoothed_open < least_average) figures.smoothed_open = 0;
        endpoint.measured_last = endpoint.measured > 0;
        if (endpoint.measured_last) figures.rtt = endpoint.rtt_sum / endpoint.measured;
    }
}

void ConnectionLedger::forget_strangers() {
    std::erase_if(endpoints_, [this](const auto& entry) { return !is_endpoint_(entry.first); });
}

void ConnectionLedger::forget_gone() {
    std::erase_if(known_, [this](const auto& entry) { return dump_->begin - entry.second.named > remembers_gone; });
}

void ConnectionLedger::become_reference() {
    if (dump_->truncated) return pause();
    before_ = reference_;
    if (!reference_) {
        spaced_ = dump_->begin;
        spaced_before_.reset();
    } else if (dump_->begin - spaced_ >= syn_timeout) {
        spaced_before_ = spaced_;
        spaced_ = dump_->begin;
    }
    reference_ = dump_->begin;
}

}  // namespace taskdns::health
