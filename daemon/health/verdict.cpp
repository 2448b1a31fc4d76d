// One endpoint's state from the evidence about it. Layer: health (pure).
#include "health/verdict.hpp"

#include <algorithm>

namespace taskdns::health {
namespace {

using namespace std::chrono_literals;

// After a deployment the first task to boot must not carry all for long, so a down endpoint is looked at often for
// as long as a boot may take; then seldom, for it may be gone for good.
constexpr milliseconds boot_time = 5min;
constexpr milliseconds longest_delay = 30s;
constexpr unsigned most_needed_successes = 8;  // of damping; a larger `rise` stays as it is

}  // namespace

const char* to_string(Observed observed) {
    switch (observed) {
        case Observed::nothing:
            return "nothing";
        case Observed::connected:
            return "connected";
        case Observed::answered:
            return "answered";
        case Observed::refused:
            return "refused";
        case Observed::timeout:
            return "timeout";
        case Observed::reset:
            return "reset";
        case Observed::unreachable:
            return "unreachable";
        case Observed::bad_status:
            return "status";
        case Observed::unavailable:
            return "unavailable";
        case Observed::bad_response:
            return "response";
        case Observed::bad_body:
            return "body";
        case Observed::bad_tls:
            return "tls";
        case Observed::late_timeout:
            return "late_timeout";
        case Observed::local_fault:
            return "local_fault";
    }
    return "nothing";
}

Evidence evidence(Observed observed) {
    switch (observed) {
        case Observed::connected:
        case Observed::answered:
            return Evidence::success;
        case Observed::refused:
        case Observed::unavailable:
            return Evidence::certain;
        case Observed::timeout:
        case Observed::reset:
        case Observed::unreachable:
        case Observed::bad_status:
        case Observed::bad_response:
        case Observed::bad_body:
        case Observed::bad_tls:
            return Evidence::doubtful;
        case Observed::nothing:
        case Observed::late_timeout:
        case Observed::local_fault:
            return Evidence::none;
    }
    return Evidence::none;
}

const char* to_string(Status status) {
    switch (status) {
        case Status::pending:
            return "pending";
        case Status::healthy:
            return "healthy";
        case Status::unhealthy:
            return "unhealthy";
    }
    return "pending";
}

void Flaps::add(TimePoint now) {
    if (!recent(now)) *this = Flaps{};
    std::rotate(at.begin(), at.begin() + 1, at.end());
    at.back() = now;
    ++uncounted;
    if (uncounted < counted || now - at.front() > window) return;
    uncounted = 0;
    ++doublings;
}

bool Flaps::recent(TimePoint now) const { return at.back() != TimePoint{} && now - at.back() < window; }

bool Verdict::apply(const Outcome& outcome, const config::Health& policy, TimePoint now) {
    last = outcome;
    last_at = now;
    local_fault = outcome.observed == Observed::local_fault;
    const bool is_late = outcome.observed == Observed::late_timeout;
    if (is_late && excuse(policy)) return false;
    if (is_late) last.observed = Observed::timeout;  // for all that follows, and for people
    const Evidence found = evidence(last.observed);
    if (found == Evidence::none) return local_fault && let_back_in_time(now);
    if (!is_late) excused = 0;
    checked = true;
    return found == Evidence::success ? succeed(last, policy, now) : fail(found, last, policy, now);
}

/// Whether a late timeout is still one of those that count for nothing.
bool Verdict::excuse(const config::Health& policy) {
    if (excused >= policy.fall) return false;
    ++excused;
    return true;
}

/// What only a connection has taken out, only probes bring back: where none can be made from here, time does.
bool Verdict::let_back_in_time(TimePoint now) {
    if (status != Status::unhealthy || witness != Witness::connection || now - since < unprobed_ejection)
        return false;
    let_back(now);
    failures = 0;
    return true;
}

void Verdict::let_back(TimePoint now) {
    move_to(Status::pending, now);
    against = Evidence::none;
}

bool Verdict::apply_connection(Observed observed, const config::Health& policy, TimePoint from, TimePoint now) {
    const Outcome outcome{.observed = observed, .witness = Witness::connection};
    const Evidence found = evidence(observed);
    if (found == Evidence::none) return false;
    if (found != Evidence::success) {
        checked = true;
        return fail(found, outcome, policy, now);
    }
    const bool asks_for_more = policy.check == config::CheckKind::http || policy.check == config::CheckKind::https;
    const bool began_before_the_doubt = failures > 0 && from < first_failed;
    if (status == Status::unhealthy || asks_for_more || began_before_the_doubt) return false;
    checked = true;
    answered_since = std::max(answered_since, from);
    excused = 0;
    return succeed(outcome, policy, now);
}

bool Verdict::succeed(const Outcome& outcome, const config::Health& policy, TimePoint now) {
    failures = 0;
    ++successes;
    if (status == Status::unhealthy && successes < needed_successes(policy, now)) return false;
    last_healthy = now;
    if (status == Status::healthy) return false;
    recovered = status == Status::unhealthy;
    move_to(Status::healthy, now);
    against = Evidence::none;
    reason = outcome.observed;
    witness = outcome.witness;
    return true;
}

bool Verdict::fail(Evidence found, const Outcome& outcome, const config::Health& policy, TimePoint now) {
    const bool already_failing = failures > 0 || (status == Status::unhealthy && successes == 0);
    if (!already_failing) first_failed = now;
    successes = 0;
    failures = found == Evidence::doubtful ? failures + 1 : 0;
    const bool conclusive = found == Evidence::certain || failures >= policy.fall;
    if (conclusive || status == Status::pending) {
        const bool is_known = status == Status::unhealthy && reason == outcome.observed;
        if (!is_known) witness = outcome.witness;  // who saw it first
        reason = outcome.observed;
    }
    if (!conclusive) return false;
    const bool changed = status != Status::unhealthy || against != found;
    if (status == Status::healthy) flaps.add(now);
    if (status != Status::unhealthy) move_to(Status::unhealthy, now);
    against = found;
    if (changed) against_since = now;
    return changed;
}

void Verdict::move_to(Status next, TimePoint now) {
    status = next;
    since = now;
}

unsigned Verdict::needed_successes(const config::Health& policy, TimePoint now) const {
    unsigned needed = policy.rise;
    if (!flaps.recent(now)) return needed;
    const unsigned most = std::max(policy.rise, most_needed_successes);
    for (unsigned i = 0; i < flaps.doublings && needed < most; ++i) needed = std::min(2 * needed, most);
    return needed;
}

milliseconds Verdict::next_delay(const config::Health& policy, TimePoint now, bool idle) const {
    const bool down = status == Status::unhealthy;
    const bool in_doubt = down ? successes > 0 : failures > 0 || (excused > 0 && !local_fault);
    if (in_doubt) return std::min(policy.fast_interval, policy.interval);
    const milliseconds interval = idle ? std::max(policy.interval, policy.idle_interval) : policy.interval;
    if (!down) return interval;
    const auto down_for = std::chrono::duration_cast<milliseconds>(now - std::max(first_seen, first_failed));
    if (down_for < boot_time) return interval;
    // As long as it has already been seldom: so each delay is twice the one before.
    const milliseconds doubling = policy.interval + (down_for - boot_time);
    return std::clamp(doubling, interval, std::max(interval, longest_delay));
}

}  // namespace taskdns::health
