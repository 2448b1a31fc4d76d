// What an HTTP endpoint answers: one GET over a connection that stands, plain or TLS.
// Layer: health (may include base, config, Asio, Beast, OpenSSL). Threads: the control thread's executor.
#pragma once

#include <cstddef>
#include <memory>

#include <boost/beast/core/tcp_stream.hpp>

#include "health/probe.hpp"
#include "health/tls_contexts.hpp"

namespace taskdns::health {

/// Of a body no more than this is read.
inline constexpr std::size_t body_limit = 64 * 1024;

/// Asks over a connected stream whose deadline is set, and reads the head of the answer; the body only if something
/// is expected in it, until it is there. No latency is filled in. Throws only what a cancelled coroutine throws.
/// For boost::beast::tcp_stream and TlsStream.
template <class Stream>
asio::awaitable<Outcome> get(Stream* stream, Target target);

/// The handshake over a connected stream whose deadline is set, then as get(). Latency is filled in, from `begin`:
/// saying goodbye is not part of it. `stream` is left open.
asio::awaitable<Outcome> get_over_tls(boost::beast::tcp_stream* stream, std::shared_ptr<TlsContexts> contexts,
                                      Target target, TimePoint begin);

/// The time since `begin`, as outcomes have it.
std::chrono::microseconds elapsed_since(TimePoint begin);

}  // namespace taskdns::health
