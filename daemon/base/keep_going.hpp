// Loops that go on after an exception, mostly for want of memory.
// Layer: base (may include Asio). Threads: the executor's one thread.
#pragma once

#include <cstdint>
#include <functional>

#include "base/asio.hpp"

namespace taskdns {

/// Awaits what `make` makes until that returns, or we are cancelled; what an exception ends is made again after a
/// pause of 100 ms that grows to 5 s. For TaskGroup::spawn().
asio::awaitable<void> keep_going(std::function<asio::awaitable<void>()> make);

/// Times that something was made again, of all loops of this process.
std::uint64_t loops_begun_again();

}  // namespace taskdns
