// What the tests of one endpoint's verdict share: a moment to begin at, a policy, and short words for what was seen.
#pragma once

#include "health/verdict.hpp"

namespace taskdns::health::testing_verdicts {

inline constexpr TimePoint start{std::chrono::hours(1)};

inline config::Health policy_with(unsigned rise, unsigned fall) {
    config::Health policy;
    policy.check = config::CheckKind::tcp;
    policy.rise = rise;
    policy.fall = fall;
    return policy;
}

inline constexpr Observed ok = Observed::connected;
inline constexpr Observed refused = Observed::refused;
inline constexpr Observed timeout = Observed::timeout;
inline constexpr Observed late = Observed::late_timeout;
inline constexpr Observed local = Observed::local_fault;

}  // namespace taskdns::health::testing_verdicts
