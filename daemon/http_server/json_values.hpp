// What every JSON answer writes alike: null rather than 0, "" or 1970, since "not known" and "none" are not values.
// Layer: http_server (may include base, Boost.JSON). Pure.
#pragma once

#include <cmath>
#include <string>

#include <boost/json/value.hpp>

#include "base/time.hpp"

namespace taskdns::http_server {

inline boost::json::value text_or_null(const std::string& text) {
    return text.empty() ? boost::json::value() : boost::json::value(text);
}

inline boost::json::value time_or_null(WallTime time) {
    if (time == WallTime{} || time == WallTime::max()) return nullptr;
    return boost::json::value(format_wall_time(time));
}

/// To three decimals: an estimate that shows more would pretend.
inline boost::json::value rounded(double number) { return std::round(number * 1000) / 1000; }

}  // namespace taskdns::http_server
