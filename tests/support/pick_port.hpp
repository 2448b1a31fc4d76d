// A port for a server under test, below the range from which the kernel takes ports for outgoing traffic.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace taskdns::testing_support {

/// Free for UDP and TCP on every one of `addresses` (IPv4), and not given before in this process. Other test
/// processes begin their search elsewhere, so that two seldom meet; a server that must not fail tries again.
std::uint16_t pick_port(const std::vector<std::string>& addresses = {"127.0.0.1"});

}  // namespace taskdns::testing_support
