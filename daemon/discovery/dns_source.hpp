// The source `dns`: a service's records in Route 53, asked of the VPC resolver.
// Layer: discovery (may include base, dns, config, upstream, Asio). Threads: the control thread's executor.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <tuple>
#include <vector>

#include "discovery/combine.hpp"
#include "discovery/source.hpp"
#include "discovery/tracked_question.hpp"
#include "dns/message.hpp"

namespace taskdns::discovery {

/// Each question is asked again only when its own TTL has run out (earlier ones would reread the resolver's cache),
/// so a poll asks those that are due and repeats the rest. One observe() at a time.
///
/// Until anything is known, a family that is silent holds up one that has records for `patience` at most; it is asked
/// again in the next poll.
class DnsSource final : public Source {
public:
    using Now = std::function<TimePoint()>;

    static constexpr milliseconds patience{250};

    /// `resolver` outlives it.
    DnsSource(const config::Service& service, upstream::Resolver& resolver, Now now = Clock::now);

    asio::awaitable<Observation> observe() override;

    std::uint64_t unusable_addresses() const override { return unusable_addresses_; }

private:
    using Questions = std::vector<dns::Question>;
    struct Before {
        bool operator()(const dns::Question& left, const dns::Question& right) const {
            return std::tie(left.name, left.type) < std::tie(right.name, right.type);
        }
    };

    asio::awaitable<Observation> look_once();
    asio::awaitable<void> refresh(Questions questions);
    bool anything_known() const;
    Questions due_of(const Questions& questions) const;
    Questions target_questions() const;
    Result<Answer> usable(Answer answer);
    void count_unusable(const IpAddress& address);
    void take_additional(const Questions& targets);
    void forget_all_but(const Questions& questions);

    const Answer* usable_answer(const TrackedQuestion& tracked) const;
    Part part_of(dns::RrType type) const;
    Part address_part(dns::RrType type) const;
    Part srv_part() const;
    milliseconds until_due() const;

    dns::Name name_;
    config::RecordKind record_;
    std::uint16_t port_;  // A and AAAA; SRV records bring their own
    config::Poll poll_;
    milliseconds keep_failed_for_;
    upstream::Resolver& resolver_;
    Now now_;
    std::map<dns::Question, TrackedQuestion, Before> tracked_;  // SRV: its targets as well
    std::uint64_t unusable_addresses_ = 0;
    std::set<IpAddress> named_unusable_;  // in the log
};

}  // namespace taskdns::discovery
