// One probe of one endpoint over a real socket. Layer: health (may include base, config, Asio, Beast).
#include "health/probe.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <string_view>
#include <tuple>

#include <boost/asio/ssl/error.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/tcp_stream.hpp>

#include "health/connection_ledger.hpp"
#include "health/http_probe.hpp"
#include "health/tls_contexts.hpp"

namespace taskdns::health {
namespace {

namespace beast = boost::beast;
using boost::system::error_code;

/// The kernel may give a connect to a local port of the ephemeral range that very port as its own, and then the
/// socket is connected to itself: nobody listens there.
bool is_connected_to_itself(const asio::ip::tcp::socket& socket) {
    error_code failed;
    const auto local = socket.local_endpoint(failed);
    const auto remote = socket.remote_endpoint(failed);
    return !failed && local == remote;
}

/// Closes with a FIN. What has come in by now is read first: bytes left unread (a greeting, a short body) would turn
/// the FIN into a reset, which some servers count against their client. Failures do not matter any more here.
void close(asio::ip::tcp::socket& socket) {
    error_code ignored;
    socket.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    std::array<char, 4096> rest;
    constexpr int most_reads = 16;  // one that sends without end gets its reset
    for (int i = 0; i < most_reads && socket.available(ignored) > 0; ++i) {
        socket.read_some(asio::buffer(rest), ignored);
    }
    socket.close(ignored);
}

/// The name by which the kernel's reports will call the socket. A kernel before 4.12 has none: then the probes count
/// as the application's connections, and agree with themselves.
void note_own(asio::ip::tcp::socket& socket, OwnSockets& own) {
    std::uint64_t cookie = 0;
    socklen_t length = sizeof(cookie);
    if (::getsockopt(socket.native_handle(), SOL_SOCKET, SO_COOKIE, &cookie, &length) == 0) own.add(cookie);
}

/// Connects and asks; the latency is that of what it saw, without the end of the connection.
asio::awaitable<Outcome> look(Target target, milliseconds timeout, std::shared_ptr<TlsContexts> contexts,
                              std::shared_ptr<OwnSockets> own) {
    const TimePoint begin = Clock::now();
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    const auto executor = co_await asio::this_coro::executor;
    Outcome outcome;
    beast::tcp_stream stream(executor);
    stream.expires_after(timeout);  // for all that follows together
    const asio::ip::tcp::endpoint remote = to_tcp(target.address);
    if (own) {
        error_code ignored;  // the connect will say it again
        stream.socket().open(remote.protocol(), ignored);
        if (stream.socket().is_open()) note_own(stream.socket(), *own);
    }
    const auto [error] = co_await stream.async_connect(remote, as_result);
    if (cancellation.cancelled() != asio::cancellation_type::none) co_return outcome;
    if (error) {
        outcome = failure(error);
    } else if (is_connected_to_itself(stream.socket())) {
        outcome.observed = Observed::refused;
    } else if (target.kind == config::CheckKind::tcp) {
        outcome.observed = Observed::connected;
    } else if (target.kind == config::CheckKind::http) {
        const Outcome seen = co_await get(&stream, std::move(target));
        outcome = seen;
    } else {
        const Outcome seen = co_await get_over_tls(&stream, std::move(contexts), std::move(target), begin);
        outcome = seen;
    }
    if (outcome.latency == std::chrono::microseconds::zero()) outcome.latency = elapsed_since(begin);
    close(stream.socket());
    co_return unless_we_stood_still(std::move(outcome), timeout);
}

/// A host without its port, for TLS: `orders.example:8443`, `[fd00::1]:443`. A lone IPv6 address is left as it is.
std::string_view without_port(std::string_view host) {
    if (host.starts_with('[')) return host.substr(1, host.find(']') - 1);
    const auto colon = host.find(':');
    const bool one_colon = colon != std::string_view::npos && host.find(':', colon + 1) == std::string_view::npos;
    return one_colon ? host.substr(0, colon) : host;
}

/// Whom the endpoint's certificate must be for.
std::string tls_name(const config::Health& policy, const std::string& service_name) {
    std::string_view name = policy.tls.server_name;
    if (name.empty()) name = without_port(policy.host.empty() ? service_name : policy.host);
    if (name.ends_with('.')) name.remove_suffix(1);  // as SNI has it, RFC 6066 section 3
    return std::string(name);
}

asio::awaitable<Outcome> probe(Target target, milliseconds timeout, std::shared_ptr<TlsContexts> contexts,
                               std::shared_ptr<OwnSockets> own) {
    Outcome outcome;
    if (target.kind == config::CheckKind::none) co_return outcome;
    try {
        const Outcome seen = co_await look(std::move(target), timeout, std::move(contexts), std::move(own));
        outcome = seen;
    } catch (const boost::system::system_error& e) {  // cancelled between two steps
        outcome = failure(e.code());
    } catch (const std::exception& e) {  // no memory, or a header that Beast does not take: not the endpoint's fault
        outcome.observed = Observed::local_fault;
        outcome.detail = e.what();
    }
    co_return outcome;
}

}  // namespace

std::chrono::microseconds elapsed_since(TimePoint begin) {
    return std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin);
}

bool Target::operator<(const Target& other) const {
    const auto key = [](const Target& t) {
        return std::tie(t.address, t.kind, t.path, t.host, t.expect_body, t.tls.verify, t.tls.ca_file,
                        t.tls.server_name);
    };
    if (key(*this) != key(other)) return key(*this) < key(other);
    return std::ranges::lexicographical_compare(expect_status, other.expect_status,
                                                [](const config::StatusRange& a, const config::StatusRange& b) {
                                                    return std::tie(a.first, a.last) < std::tie(b.first, b.last);
                                                });
}

Target make_target(const SocketAddress& address, const config::Health& policy, const std::string& service_name) {
    Target target{.address = address, .kind = policy.check};
    const bool is_https = policy.check == config::CheckKind::https;
    if (policy.check == config::CheckKind::http || is_https) {
        target.path = policy.path;
        target.host = policy.host.empty() ? service_name : policy.host;
        target.expect_status = policy.expect_status;
        target.expect_body = policy.expect_body;
    }
    if (is_https) {
        target.tls.verify = policy.tls.verify;
        if (policy.tls.verify) target.tls.ca_file = policy.tls.ca_file;
        target.tls.server_name = tls_name(policy, service_name);
    }
    return target;
}

Observed observe(const error_code& error) {
    if (!error) return Observed::connected;
    if (error == beast::error::timeout) return Observed::timeout;
    if (error == asio::error::operation_aborted) return Observed::nothing;
    if (error.category() == asio::error::get_ssl_category()) return Observed::bad_tls;
    if (error.category() != boost::system::system_category()) return Observed::bad_response;  // what Beast rejects
    switch (error.value()) {
        case ECONNREFUSED:
            return Observed::refused;
        case ETIMEDOUT:
            return Observed::timeout;
        case ECONNRESET:
        case ECONNABORTED:
        case EPIPE:
            return Observed::reset;
        case ENETUNREACH:  // no route: to EHOSTUNREACH belongs a router, or a neighbour that is silent
        case EADDRNOTAVAIL:
        case EAFNOSUPPORT:  // a kernel without IPv6
        case EACCES:
        case EPERM:
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM:
            return Observed::local_fault;
        default:
            return Observed::unreachable;  // EHOSTUNREACH and what else a network may say
    }
}

Outcome failure(const error_code& error) {
    Outcome outcome;
    outcome.observed = observe(error);
    switch (outcome.observed) {
        case Observed::local_fault:
        case Observed::unreachable:
        case Observed::bad_response:
        case Observed::bad_tls:
            outcome.detail = error.message();
            break;
        default:  // the word says it all
            break;
    }
    return outcome;
}

Outcome unless_we_stood_still(Outcome outcome, milliseconds timeout) {
    if (outcome.observed != Observed::timeout || outcome.latency < timeout + late_notice) return outcome;
    outcome.observed = Observed::late_timeout;
    outcome.detail = "this process stood still meanwhile";
    return outcome;
}

Probe make_probe(std::shared_ptr<OwnSockets> own) {
    return [contexts = std::make_shared<TlsContexts>(), own = std::move(own)](Target target, milliseconds timeout) {
        return probe(std::move(target), timeout, contexts, own);
    };
}

}  // namespace taskdns::health
