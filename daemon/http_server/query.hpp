// What the query of a target asks for: to wait for a change, and the fragment of the page.
// Layer: http_server (may include base). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.hpp"
#include "base/time.hpp"

namespace taskdns::http_server {

inline constexpr milliseconds usual_wait{30'000};
inline constexpr milliseconds longest_wait{600'000};

struct Query {
    std::optional<std::uint64_t> index;  ///< the client knows what was so then
    milliseconds wait = usual_wait;
    bool fragment = false;
};

/// `text` is what follows the `?`. Parameters that mean nothing here are ignored; of one that comes twice, the last
/// counts. Error: which parameter, and what is expected.
Result<Query> parse_query(std::string_view text);

}  // namespace taskdns::http_server
