// What happens when, under virtual time.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <string>
#include <vector>

#include "base/time.hpp"

namespace taskdns::simulation {

class Timeline {
public:
    /// `quiet`: changes nothing that a witness has to look at before.
    void at(TimePoint time, std::function<void()> act, bool quiet = false) {
        events_.push({time, next_++, quiet, std::move(act)});
    }
    void after(Duration delay, std::function<void()> act) { at(now + delay, std::move(act)); }
    TimePoint next() const { return events_.empty() ? never : events_.top().at; }
    bool next_is_quiet() const { return events_.top().quiet; }
    /// The first one; it is no longer there when it runs.
    void run_next() {
        const std::function<void()> act = std::move(const_cast<Event&>(events_.top()).act);
        events_.pop();
        act();
    }

    TimePoint now;

private:
    struct Event {
        TimePoint at;
        std::uint64_t number;  // those of one time keep their order
        bool quiet;
        std::function<void()> act;

        bool operator<(const Event& other) const { return at != other.at ? at > other.at : number > other.number; }
    };

    std::priority_queue<Event> events_;
    std::uint64_t next_ = 0;
};

}  // namespace taskdns::simulation
