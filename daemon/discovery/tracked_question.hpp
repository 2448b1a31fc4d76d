// One question of a poll over time: what it brought last, and when it may be asked again.
// Layer: discovery (may include base, dns, config). Pure (given the time).
#pragma once

#include <optional>
#include <string>

#include "base/result.hpp"
#include "base/time.hpp"
#include "config/config.hpp"
#include "discovery/look_up.hpp"

namespace taskdns::discovery {

class TrackedQuestion {
public:
    /// Takes in what came of asking at `asked`. A failure leaves the last answer as it is.
    void take(const Result<Answer>& result, TimePoint asked, TimePoint received, const config::Poll& policy);
    /// A poll begins: until take(), what is known is a repetition.
    void begin_poll() { updated_ = fresh_ = false; }

    /// The first moment at which asking can bring something new: the TTL's end, within the policy's bounds; after a
    /// failure, the back-off's end. At once for a new one.
    TimePoint due() const { return due_; }
    /// The last good answer, null before the first. Kept through failures.
    const Answer* last() const { return last_ ? &*last_ : nullptr; }
    TimePoint answered() const { return answered_; }  ///< when last() came
    bool failing() const { return failures_ > 0; }
    const std::string& failure() const { return failure_; }
    bool updated() const { return updated_; }  ///< last() came in this poll
    /// last() came in this poll, and was asked for after the one before had run out.
    bool fresh() const { return fresh_; }

private:
    std::optional<Answer> last_;
    TimePoint answered_;
    TimePoint expires_;  // the real TTL's end, not clamped
    TimePoint due_ = TimePoint::min();
    unsigned failures_ = 0;
    std::string failure_;
    bool updated_ = false;
    bool fresh_ = false;
};

}  // namespace taskdns::discovery
