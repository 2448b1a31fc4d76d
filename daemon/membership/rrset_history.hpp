// What the answers for one type have looked like: complete or sample, shrinking or not, how much of it all is known.
// Layer: membership. Pure: given `now`.
#pragma once

#include <algorithm>
#include <optional>
#include <vector>

#include "base/time.hpp"
#include "config/config.hpp"
#include "discovery/observation.hpp"

namespace taskdns::membership {

/// How an answer is to be read.
enum class Reading {
    complete,  ///< it shows all there are: the absent are withdrawn
    sample,    ///< absence means nothing
    guarded    ///< it would be complete, but leaves too few: wait for its confirmation
};

class RrsetHistory {
public:
    /// Judges one answer. `known`: members of this type that are not withdrawn, before it. `remaining`: how many of
    /// them the answer names, plus those it adds. `newcomers`: of the latter, those that were not known.
    Reading read(const discovery::Rrset& rrset, std::size_t known, std::size_t remaining, std::size_t newcomers,
                 const config::Membership& policy, TimePoint now);
    /// The last one.
    Reading reading() const { return reading_; }

    /// When the guard expires by itself; `never` if it does not wait.
    TimePoint guard_ends() const { return guard_ends_; }
    /// It has expired: the answer that it waited with stands.
    void end_guard();
    /// The upstream fails: the guard does not expire, and what comes next is judged anew.
    void suspend_guard();
    /// The upstream says that there are none, of any type: that ends a run of equal answers as well.
    void interrupt();

    /// The longer one of the last two answers': one that comes out of the resolver's cache has been counted down.
    milliseconds ttl() const { return std::max(ttl_, previous_ttl_); }
    /// See Registry::coverage().
    std::optional<double> coverage() const;

private:
    Reading judge_full(const discovery::Rrset& rrset, bool same, std::size_t known, std::size_t newcomers,
                       unsigned limit);
    Reading judge_complete(bool fresh, std::size_t known, std::size_t remaining, unsigned shrink_guard,
                           TimePoint now);
    void start_guard(std::size_t known, TimePoint now);
    void count_sample(std::size_t known, std::size_t shown, std::size_t newcomers);

    Reading reading_ = Reading::complete;
    std::optional<std::vector<SocketAddress>> last_;  // of the last answer, sorted
    unsigned unchanged_ = 0;                          // fresh answers in a row with the same `sample_limit` members
    bool proven_ = false;                             // ... enough of them: the set is complete
    unsigned shrunk_ = 0;                             // fresh answers in a row that leave too few
    std::size_t guarded_set_ = 0;                     // how many were known before the first of them
    TimePoint guard_ends_ = never;
    milliseconds ttl_{0};
    milliseconds previous_ttl_{0};
    unsigned samples_ = 0;    // fresh ones
    unsigned shares_ = 0;     // of them, those that known_share_ is made of
    double known_share_ = 0;  // of the records of recent samples, smoothed
};

/// How many fresh answers in a row with the same `limit` members prove that there are no others: as many as would
/// show the same ones of `known` members by chance with a probability of at most 2e-4, at least 5. Null for a limit
/// of 1: WEIGHTED routing may show one member far more often than the others.
std::optional<unsigned> unchanged_answers_needed(std::size_t known, unsigned limit);

/// How long an absent member of a sample is kept: long enough to see each of `members` with probability 0.9999 once
/// in `limit` of them at random per `period`; at least 10 min, at most 60 min (design.md, section 5).
milliseconds absent_max(std::size_t members, unsigned limit, milliseconds period);

}  // namespace taskdns::membership
