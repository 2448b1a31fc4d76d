// One question of a poll over time. Layer: discovery (may include base, dns, config). Pure (given the time).
#include "discovery/tracked_question.hpp"

#include <algorithm>

#include "discovery/poller.hpp"

namespace taskdns::discovery {

void TrackedQuestion::take(const Result<Answer>& result, TimePoint asked, TimePoint received,
                           const config::Poll& policy) {
    if (!result) {
        ++failures_;
        failure_ = result.error().message;
        // The shortest that the poller may wait after as many failures: it must not come before we are due.
        due_ = received + failure_delay(failures_, 0);
        return;
    }
    updated_ = true;
    // A resolver that rounds what is left of a TTL down still has the old answer for up to a second: it shows.
    const bool still_cached =
        last_ && result->ttl <= seconds(1) && last_->ttl > seconds(1) && asked < expires_ + seconds(1);
    fresh_ = !last_ || (asked >= expires_ && !still_cached);
    last_ = *result;
    answered_ = received;
    expires_ = received + last_->ttl;
    due_ = received + std::clamp<milliseconds>(last_->ttl, policy.min, policy.max);
    failures_ = 0;
    failure_.clear();
}

}  // namespace taskdns::discovery
