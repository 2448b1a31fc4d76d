// The source `dns`. Layer: discovery (may include base, dns, config, upstream, Asio).
#include "discovery/dns_source.hpp"

#include <algorithm>

#include <boost/asio/this_coro.hpp>

#include "base/log.hpp"
#include "discovery/chain.hpp"
#include "discovery/look_up.hpp"

namespace taskdns::discovery {
namespace {

constexpr std::size_t max_targets = 1000;    // Cloud Map's limit of instances in a service
constexpr std::size_t lookups_at_once = 16;  // far below the query budget's burst

std::vector<dns::RrType> types_of(config::RecordKind record) {
    switch (record) {
        case config::RecordKind::a:
            return {dns::RrType::a};
        case config::RecordKind::aaaa:
            return {dns::RrType::aaaa};
        case config::RecordKind::srv:
            return {dns::RrType::srv};
        case config::RecordKind::automatic:
            break;
    }
    return {dns::RrType::a, dns::RrType::aaaa};
}

}  // namespace

DnsSource::DnsSource(const config::Service& service, upstream::Resolver& resolver, Now now)
    : name_(service.name),
      record_(service.record),
      port_(service.port),
      poll_(service.poll),
      keep_failed_for_(service.health.check == config::CheckKind::none ? service.membership.stale_max_unchecked
                                                                       : service.membership.stale_max),
      resolver_(resolver),
      now_(std::move(now)) {}

asio::awaitable<Observation> DnsSource::observe() {
    const bool throws = co_await asio::this_coro::throw_if_cancelled();
    co_await asio::this_coro::throw_if_cancelled(false);
    Observation observation = co_await look_once();
    co_await asio::this_coro::throw_if_cancelled(throws);
    co_return observation;
}

asio::awaitable<Observation> DnsSource::look_once() {
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    for (auto& [key, tracked] : tracked_) tracked.begin_poll();
    Questions questions;
    for (const dns::RrType type : types_of(record_)) questions.push_back({name_, type});
    co_await refresh(questions);
    if (record_ == config::RecordKind::srv) {
        Questions targets = target_questions();
        take_additional(targets);
        questions.insert(questions.end(), targets.begin(), targets.end());
        forget_all_but(questions);
        co_await refresh(std::move(targets));
    }
    if (cancellation.cancelled() != asio::cancellation_type::none) co_return Failed{"cancelled"};

    std::vector<Part> parts;
    for (const dns::RrType type : types_of(record_)) {
        parts.push_back(type == dns::RrType::srv ? srv_part() : address_part(type));
    }
    co_return combine(std::move(parts), until_due());
}

/// Asks those that are due, at the same time.
asio::awaitable<void> DnsSource::refresh(Questions questions) {
    const Questions due = due_of(questions);
    const TimePoint asked = now_();
    const std::optional<milliseconds> wait = anything_known() ? std::nullopt : std::optional(patience);
    std::vector<Result<Answer>> answers = co_await look_up_all(resolver_, due, lookups_at_once, wait);
    const TimePoint received = now_();
    for (std::size_t i = 0; i < due.size(); ++i) {
        Result<Answer>& answer = answers[i];
        TrackedQuestion& tracked = tracked_[due[i]];
        if (answer.has_error() && answer.error().code == Errc::cancelled) continue;  // our own doing
        tracked.take(answer ? usable(*std::move(answer)) : answer, asked, received, poll_);
    }
}

bool DnsSource::anything_known() const {
    return std::any_of(tracked_.begin(), tracked_.end(),
                       [](const auto& entry) { return entry.second.last() != nullptr; });
}

/// Without addresses that cannot be endpoints. An answer of nothing else is a failure: who lists only these has made
/// a mistake, or lies, and "nobody is there" is not what it says.
Result<Answer> DnsSource::usable(Answer answer) {
    std::string first;
    const auto unusable = [this, &first](const dns::Rdata& rdata) {
        const auto* address = std::get_if<IpAddress>(&rdata);
        if (address == nullptr || can_be_endpoint(*address)) return false;
        if (first.empty()) first = address->to_string();
        count_unusable(*address);
        return true;
    };
    answer.unusable = std::erase_if(answer.records, unusable);
    if (answer.unusable > 0 && answer.records.empty()) {
        return Error{Errc::malformed, "no address in the answer can be an endpoint, such as " + first};
    }
    std::erase_if(answer.additional, [&unusable](const dns::Record& record) { return unusable(record.rdata); });
    return answer;
}

/// Each address is named once: a record that stays wrong is wrong in every poll.
void DnsSource::count_unusable(const IpAddress& address) {
    constexpr std::size_t most_named = 64;
    ++unusable_addresses_;
    if (named_unusable_.size() >= most_named || !named_unusable_.insert(address).second) return;
    log::warning("discovery", "an address that no endpoint can have is left out",
                 {{"service", name_.to_string()}, {"address", address.to_string()}});
}

/// If none is due, those that fail: the poller has counted fewer failures than we have, and comes earlier.
DnsSource::Questions DnsSource::due_of(const Questions& questions) const {
    const TimePoint now = now_();
    Questions due;
    Questions failing;
    for (const dns::Question& question : questions) {
        const auto found = tracked_.find(question);
        if (found == tracked_.end() || found->second.due() <= now) {
            due.push_back(question);
        } else if (found->second.failing()) {
            failing.push_back(question);
        }
    }
    return due.empty() ? failing : due;
}

DnsSource::Questions DnsSource::target_questions() const {
    const auto found = tracked_.find(dns::Question{name_, dns::RrType::srv});
    if (found == tracked_.end() || found->second.last() == nullptr) return {};
    std::set<dns::Name> targets;
    for (const dns::Rdata& rdata : found->second.last()->records) {
        const dns::Name& target = std::get<dns::Srv>(rdata).target;
        if (target.is_root()) continue;  // RFC 2782: decidedly no such service
        if (targets.size() < max_targets) targets.insert(target);
    }
    Questions questions;
    for (const dns::Name& target : targets) {
        questions.push_back({target, dns::RrType::a});
        questions.push_back({target, dns::RrType::aaaa});
    }
    return questions;
}

/// Addresses that came with a new SRV answer stand for a look-up of their target, in both families.
void DnsSource::take_additional(const Questions& targets) {
    const TrackedQuestion& srv = tracked_[dns::Question{name_, dns::RrType::srv}];
    if (!srv.updated()) return;
    std::map<dns::Name, seconds> ttls;
    for (const dns::Record& record : srv.last()->additional) {
        const auto [entry, is_new] = ttls.try_emplace(record.owner, record.ttl);
        if (!is_new) entry->second = std::min(entry->second, record.ttl);
    }
    const TimePoint now = now_();
    for (const dns::Question& target : targets) {
        const auto ttl = ttls.find(target.name);
        if (ttl == ttls.end()) continue;
        Answer answer;
        answer.ttl = std::min(ttl->second, longest_ttl);
        for (const dns::Record& record : srv.last()->additional) {
            const bool is_v4 = std::get<IpAddress>(record.rdata).is_v4();
            if (record.owner == target.name && is_v4 == (target.type == dns::RrType::a)) {
                answer.records.push_back(record.rdata);
            }
        }
        tracked_[target].take(answer, now, now, poll_);
    }
}

void DnsSource::forget_all_but(const Questions& questions) {
    const std::set<dns::Question, Before> wanted(questions.begin(), questions.end());
    std::erase_if(tracked_, [&wanted](const auto& entry) { return !wanted.contains(entry.first); });
}

/// The answer that may be used, now or once more: not one that has been failing for longer than members are kept.
const Answer* DnsSource::usable_answer(const TrackedQuestion& tracked) const {
    const bool too_old = tracked.failing() && now_() - tracked.answered() > keep_failed_for_;
    return too_old ? nullptr : tracked.last();
}

/// Without sightings: what the question `type` itself has brought.
Part DnsSource::part_of(dns::RrType type) const {
    const TrackedQuestion& tracked = tracked_.at(dns::Question{name_, type});
    Part part;
    part.rrset.type = type;
    part.rrset.fresh = tracked.fresh();
    part.rrset.answered = tracked.updated();
    part.failure = tracked.failure();
    const Answer* answer = usable_answer(tracked);
    if (answer == nullptr) {
        if (part.failure.empty()) part.failure = std::string("no answer for ") + dns::to_string(type) + " yet";
        return part;
    }
    part.known = true;
    part.nxdomain = answer->nxdomain;
    part.rrset.ttl = answer->ttl;
    return part;
}

Part DnsSource::address_part(dns::RrType type) const {
    Part part = part_of(type);
    if (!part.known) return part;
    for (const dns::Rdata& rdata : tracked_.at(dns::Question{name_, type}).last()->records) {
        part.rrset.sightings.push_back({.address = {std::get<IpAddress>(rdata), port_}});
    }
    sort_and_deduplicate(part.rrset.sightings);
    part.rrset.unusable = tracked_.at(dns::Question{name_, type}).last()->unusable;
    return part;
}

/// A target without an address is left out. Where that leaves none, and a look-up of a target failed, the part fails.
Part DnsSource::srv_part() const {
    Part part = part_of(dns::RrType::srv);
    if (!part.known) return part;
    std::string target_failure;
    for (const dns::Rdata& rdata : tracked_.at(dns::Question{name_, dns::RrType::srv}).last()->records) {
        const auto& srv = std::get<dns::Srv>(rdata);
        for (const dns::RrType family : {dns::RrType::a, dns::RrType::aaaa}) {
            const auto target = tracked_.find(dns::Question{srv.target, family});
            if (target == tracked_.end()) continue;
            if (target->second.failing()) target_failure = target->second.failure();
            const Answer* addresses = usable_answer(target->second);
            if (addresses == nullptr) continue;
            for (const dns::Rdata& address : addresses->records) {
                part.rrset.sightings.push_back({{std::get<IpAddress>(address), srv.port}, srv.priority, srv.weight});
            }
        }
    }
    if (part.rrset.sightings.empty() && part.failure.empty()) part.failure = target_failure;
    sort_and_deduplicate(part.rrset.sightings);
    return part;
}

/// Rounded up, so that a poll after it is never a moment too early.
milliseconds DnsSource::until_due() const {
    TimePoint first = never;
    for (const auto& [question, tracked] : tracked_) first = std::min(first, tracked.due());
    const TimePoint now = now_();
    return std::chrono::ceil<milliseconds>(std::max(first, now) - now);
}

}  // namespace taskdns::discovery
