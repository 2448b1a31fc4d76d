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
    fresh_ = !last_ || asked >= expires_;
    last_ = *result;
    answered_ = received;
    expires_ = received + last_->ttl;
    due_ = received + std::clamp<milliseconds>(last_->ttl, policy.min, policy.max);
    failures_ = 0;
    failure_.clear();
}

}  // namespace taskdns::discovery
