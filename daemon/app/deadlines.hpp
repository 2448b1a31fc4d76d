// Who is to be looked at next because time alone changes something: one deadline for each place.
// Layer: app (may include base). Pure.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/time.hpp"

namespace taskdns::app {

class Deadlines {
public:
    /// `never`: it has none any more.
    void set(std::size_t place, TimePoint deadline) {
        const auto known = of_.find(place);
        if (known != of_.end() && deadline != never) {  // in the memory that it has
            auto node = in_order_.extract({known->second, place});
            known->second = deadline;
            if (node) {
                node.value().first = deadline;
                in_order_.insert(std::move(node));
            } else {
                in_order_.emplace(deadline, place);
            }
            return;
        }
        if (known != of_.end()) {
            in_order_.erase({known->second, place});
            of_.erase(known);
        }
        if (deadline == never) return;
        of_.emplace(place, deadline);
        in_order_.emplace(deadline, place);
    }
    /// `never`: there is none.
    TimePoint first() const { return in_order_.empty() ? never : in_order_.begin()->first; }
    /// One whose deadline has come; null: none.
    std::optional<std::size_t> find_due(TimePoint now) const {
        if (first() > now) return std::nullopt;
        return in_order_.begin()->second;
    }

private:
    std::map<std::size_t, TimePoint> of_;
    std::set<std::pair<TimePoint, std::size_t>> in_order_;
};

}  // namespace taskdns::app
