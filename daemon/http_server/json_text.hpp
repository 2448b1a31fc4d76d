// JSON as people read it: two spaces a level, one member a line, lists of plain values on one line.
// Layer: http_server (may include Boost.JSON). Pure.
#pragma once

#include <string>

#include <boost/json/value.hpp>

namespace taskdns::http_server {

/// Ends with a newline. Members keep the order they were put in.
std::string format_json(const boost::json::value& value);
/// All on one line, without a newline at the end.
std::string format_json_line(const boost::json::value& value);

}  // namespace taskdns::http_server
