// One configured service on the control thread: its members. Layer: app.
#include <algorithm>

#include "app/service_state.hpp"
#include "base/log.hpp"

namespace taskdns::app {
namespace {

using namespace std::chrono_literals;
using membership::Presence;

constexpr auto recent_time = 60s;  // how long a former member's target name is still answered; design.md, section 8

ServiceState::Poll summary(const discovery::Observation& observation, milliseconds next_delay, TimePoint now) {
    ServiceState::Poll out{.at = now, .next = now + next_delay};
    if (const auto* records = std::get_if<discovery::Records>(&observation)) {
        out.outcome = "records";
        out.ttl = records->ttl;
    } else if (const auto* empty = std::get_if<discovery::Empty>(&observation)) {
        out.outcome = "empty";
        out.ttl = empty->ttl;
        out.reason = empty->reason;
    } else {
        out.outcome = "failed";
        out.reason = std::get<discovery::Failed>(observation).reason;
    }
    return out;
}

/// A line for each endpoint that came or went, but not hundreds at once: they would push others out of the queue.
class MembershipLog {
public:
    explicit MembershipLog(std::string service) : service_(std::move(service)) {}
    MembershipLog(const MembershipLog&) = delete;
    MembershipLog& operator=(const MembershipLog&) = delete;
    ~MembershipLog() {
        if (count_ <= most) return;
        log::info("membership", "further endpoints came or went",
                  {{"service", service_}, {"count", count_ - most}, {"see", "/v1/services/" + service_}});
    }

    std::size_t count() const { return count_; }
    void add(const char* fact, const SocketAddress& endpoint, const char* from = nullptr) {
        if (++count_ > most) return;
        if (from == nullptr) {
            log::info("membership", fact, {{"service", service_}, {"endpoint", endpoint.to_string()}});
        } else {
            log::info("membership", fact,
                      {{"service", service_}, {"endpoint", endpoint.to_string()}, {"from", from}});
        }
    }

private:
    static constexpr std::size_t most = 64;  // of one poll

    std::string service_;
    std::size_t count_ = 0;
};

}  // namespace

bool ServiceState::load(const std::vector<membership::Member>& members, TimePoint now) {
    if (registry_.answered_once()) return false;
    registry_.load(members, now);
    for (const membership::Member& member : registry_.members()) not_checked_since_loaded_.insert(member.address);
    targets_changed_ = true;
    return !registry_.members().empty();
}

bool ServiceState::observe(const discovery::Observation& observation, milliseconds next_delay, TimePoint now) {
    Poll poll = summary(observation, next_delay, now);
    log_poll(poll);
    last_poll_ = std::move(poll);
    count_poll(observation, now);
    const std::vector<membership::Member> before = registry_.members();
    const membership::Basis basis_before = registry_.basis();
    const bool changed = registry_.apply(observation, now);
    sampled_ = sampled_ || registry_.basis() == membership::Basis::sample;
    log_basis(basis_before);
    if (changed) note_membership(before, now);
    return changed;
}

void ServiceState::count_poll(const discovery::Observation& observation, TimePoint now) {
    if (const auto* failed = std::get_if<discovery::Failed>(&observation)) {
        last_error_ = failed->reason;
        ++tally_.failed;
        return;
    }
    last_answer_ = now;
    ++(std::holds_alternative<discovery::Records>(observation) ? tally_.records : tally_.empty);
}

void ServiceState::count_connection(health::Observed observed) {
    if (observed == health::Observed::answered) ++tally_.answered;
    if (observed == health::Observed::refused) ++tally_.refused;
    if (observed == health::Observed::timeout) ++tally_.unanswered;
}

bool ServiceState::release(const SocketAddress& endpoint, TimePoint now) {
    const std::vector<membership::Member> before = registry_.members();
    const bool was_member = registry_.release(endpoint);
    note_membership(before, now);
    return was_member;
}

ServiceState::Expired ServiceState::expire(TimePoint now) {
    const std::vector<membership::Member> before = registry_.members();
    const bool changed = registry_.expire(now);
    if (changed) note_membership(before, now);
    const bool forgot = std::erase_if(recent_, [now](const auto& entry) { return entry.second <= now; }) > 0;
    targets_changed_ = targets_changed_ || forgot;
    const bool due = decision_.next_change <= now;
    if (due) decision_.next_change = never;  // until decide() says when it is due again
    const bool over = expire_admin(now);
    return {.members = changed || (over && service_.subset > 0), .others = forgot || due || over};
}

TimePoint ServiceState::next_deadline() const {
    TimePoint next =
        std::min({registry_.next_expiry(), decision_.next_change, reports_.next_expiry(), drains_.next_expiry()});
    for (const auto& [address, forgotten_at] : recent_) next = std::min(next, forgotten_at);
    return next;
}

void ServiceState::log_poll(const Poll& poll) const {
    const std::string_view before = last_poll_ ? last_poll_->outcome : "";
    if (before == poll.outcome) return;  // log on change of state only
    const std::string name = service_.name.to_string();
    if (poll.outcome == std::string_view("failed")) {
        log::warning("discovery", "poll failed", {{"service", name}, {"reason", poll.reason}});
    } else if (poll.outcome == std::string_view("empty")) {
        log::warning("discovery", "poll came back empty", {{"service", name}, {"reason", poll.reason}});
    } else if (!before.empty()) {
        log::info("discovery", "poll succeeds again", {{"service", name}, {"after", before}});
    }
}

void ServiceState::note_membership(const std::vector<membership::Member>& before, TimePoint now) {
    MembershipLog lines(service_.name.to_string());
    std::map<SocketAddress, Presence> known;
    for (const membership::Member& member : before) known.emplace(member.address, member.presence);
    for (const membership::Member& member : registry_.members()) {
        const auto old = known.find(member.address);
        if (old == known.end()) {
            targets_changed_ = true;
            recent_.erase(member.address.address);
            lines.add("endpoint added", member.address);
            continue;
        }
        // Held by a failed or empty poll: that poll's own line says it for all of them.
        if (old->second != member.presence && member.presence == Presence::withdrawn) {
            lines.add("endpoint withdrawn", member.address);
        } else if (old->second == Presence::withdrawn && member.presence == Presence::present) {
            lines.add("endpoint returned", member.address);
        }
        known.erase(old);
    }
    for (const auto& [address, presence] : known) {  // what is left is no member any more
        targets_changed_ = true;
        recent_[address.address] = now + recent_time;
        not_checked_since_loaded_.erase(address);
        reports_.forget(address);
        lines.add("endpoint removed", address, membership::to_string(presence));
    }
    keep_half_in(now);
    came_or_went_ = came_or_went_ || lines.count() > 0;
}

void ServiceState::log_basis(membership::Basis before) {
    using membership::Basis;
    if (before == registry_.basis()) return;
    const std::string name = service_.name.to_string();
    if (registry_.basis() == Basis::guarded) {
        log::warning("membership", "so few endpoints are left that the next answer must confirm it",
                     {{"service", name}, {"shrink_guard", std::to_string(service_.membership.shrink_guard) + "%"}});
    } else if (registry_.basis() == Basis::sample && before != Basis::failed && before != Basis::empty) {
        log::info("membership", "answers are samples: endpoints are collected over several",
                  {{"service", name}, {"sample_limit", service_.membership.sample_limit}});
    }
}

}  // namespace taskdns::app
