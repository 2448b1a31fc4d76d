// One seed from its beginning to its end.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace taskdns::simulation {

/// Receives one line per event: virtual time and what happened.
using EventLog = std::function<void(const std::string& line)>;

/// Null if every promise was kept; else what was broken, when, and for which service.
std::optional<std::string> run_seed(std::uint64_t seed, const EventLog& log);

}  // namespace taskdns::simulation
