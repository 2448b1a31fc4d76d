// One probe of one endpoint: a TCP connect, or an HTTP GET, plain or over TLS.
// Layer: health (may include base, config, Asio). Threads: the control thread's executor.
#pragma once

#include <compare>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/asio.hpp"
#include "config/config.hpp"
#include "health/verdict.hpp"

namespace taskdns::health {

class OwnSockets;

/// What is probed and how: equal targets are probed once, however many services share them.
struct Target {
    SocketAddress address;
    config::CheckKind kind = config::CheckKind::tcp;
    std::string path;                                ///< http, https; so the following
    std::string host;                                ///< the Host header
    std::vector<config::StatusRange> expect_status;  ///< other statuses are failures
    std::string expect_body;                         ///< empty: the body is not read
    config::Tls tls;                                 ///< https only; `server_name` is what it comes to, never empty

    bool operator==(const Target&) const = default;
    bool operator<(const Target& other) const;
};

/// The target that `policy` makes of an endpoint of the service called `service_name`.
Target make_target(const SocketAddress& address, const config::Health& policy, const std::string& service_name);

/// Probes once; never throws, never takes longer than `timeout`. One that is cancelled ends at once and has observed
/// `nothing`.
using Probe = std::function<asio::awaitable<Outcome>(Target target, milliseconds timeout)>;

/// The real one: tcp, http or https by the target's kind. It holds the TLS contexts, which the first https target
/// makes: make one and copy it. A bare TCP probe closes with a normal FIN. An HTTP probe follows no redirect; a 503
/// is `unavailable` unless it is expected. Check `none` observes `nothing`. `own`, if any, is told of each socket
/// before it is connected.
Probe make_probe(std::shared_ptr<OwnSockets> own = nullptr);

/// What a failed connect, handshake or read says of the endpoint. Pure.
Observed observe(const boost::system::error_code& error);
/// The outcome that it is, with the error's text where the word alone leaves a question. Pure.
Outcome failure(const boost::system::error_code& error);
/// A timeout that is noticed so much later than its time was noticed by a process that stood still: stopped, frozen,
/// starved. Nobody was here to take the answer then, so it is a late timeout. Pure.
inline constexpr milliseconds late_notice{500};  // a busy host is late by a tenth of it
Outcome unless_we_stood_still(Outcome outcome, milliseconds timeout);

}  // namespace taskdns::health
