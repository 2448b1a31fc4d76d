// A schedule under virtual time, and what its tests do with it again and again.
#pragma once

#include <algorithm>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "health/schedule.hpp"
#include "unit/health_endpoints.hpp"

namespace taskdns::health {

inline void PrintTo(const Event& event, std::ostream* out) {
    *out << "service " << event.service << ' ' << event.endpoint.to_string() << (event.changed ? " changed" : "");
}

inline constexpr TimePoint start{1h};
inline const std::string name = "orders.local";

inline const Outcome connected{.observed = Observed::connected};
inline const Outcome refused{.observed = Observed::refused};
inline const Outcome timed_out{.observed = Observed::timeout};

class Schedules : public testing::Test {
protected:
    /// Takes all that is due, in order.
    std::vector<Schedule::Job> take_all(TimePoint now) {
        std::vector<Schedule::Job> jobs;
        while (auto job = schedule.take_due(now)) jobs.push_back(std::move(*job));
        return jobs;
    }
    std::vector<SocketAddress> addresses_of(const std::vector<Schedule::Job>& jobs) {
        std::vector<SocketAddress> out;
        out.reserve(jobs.size());
        for (const auto& job : jobs) out.push_back(job.target.address);
        return out;
    }
    /// The only job that is due; a failure if there is none or another.
    Schedule::Job take_one(TimePoint now) {
        auto job = schedule.take_due(now);
        EXPECT_TRUE(job.has_value());
        EXPECT_FALSE(schedule.take_due(now).has_value());
        return job.value_or(Schedule::Job{});
    }

    Schedule schedule{256, 1};
};

}  // namespace taskdns::health
