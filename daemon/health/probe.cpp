// One probe of one endpoint over a real socket. Layer: health (may include base, config, Asio, Beast).
#include "health/probe.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <tuple>

#include <boost/beast/core/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>

#include "base/version.hpp"

namespace taskdns::health {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

constexpr std::size_t header_limit = 8'192;
constexpr unsigned service_unavailable = 503;

std::chrono::microseconds elapsed_since(TimePoint begin) {
    return std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin);
}

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

http::request<http::empty_body> request_for(const Target& target) {
    constexpr unsigned http_1_1 = 11;
    http::request<http::empty_body> request(http::verb::get, target.path, http_1_1);
    request.set(http::field::host, target.host);
    request.set(http::field::user_agent, "taskdns/" + std::string(version));
    request.set(http::field::accept, "*/*");
    request.set(http::field::connection, "close");
    return request;
}

Observed judge(unsigned status, const std::vector<config::StatusRange>& expected) {
    const auto holds = [status](const config::StatusRange& range) {
        return range.first <= status && status <= range.last;
    };
    if (std::ranges::any_of(expected, holds)) return Observed::answered;
    return status == service_unavailable ? Observed::unavailable : Observed::bad_status;
}

/// Asks and reads the head of the answer, over a connected stream whose deadline is set. `outcome` without latency.
asio::awaitable<Outcome> get(beast::tcp_stream* stream, Target target) {
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    const auto request = request_for(target);
    const auto [write_error, written] = co_await http::async_write(*stream, request, as_result);
    if (write_error) co_return Outcome{.observed = observe(write_error)};

    beast::flat_buffer buffer(header_limit);  // a head that does not fit is an error
    std::optional<http::response_parser<http::empty_body>> parser;
    do {
        if (cancellation.cancelled() != asio::cancellation_type::none) co_return Outcome{};
        parser.emplace();
        const auto [read_error, length] = co_await http::async_read_header(*stream, buffer, *parser, as_result);
        if (read_error) co_return Outcome{.observed = observe(read_error)};
    } while (parser->get().result_int() / 100 == 1);  // interim answers, RFC 9110 section 15.2
    const unsigned status = parser->get().result_int();
    co_return Outcome{.observed = judge(status, target.expect_status), .http_status = status};
}

asio::awaitable<Outcome> look(Target target, milliseconds timeout) {
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    const auto executor = co_await asio::this_coro::executor;
    beast::tcp_stream stream(executor);
    stream.expires_after(timeout);  // for all that follows together
    const auto [error] = co_await stream.async_connect(to_tcp(target.address), as_result);
    if (cancellation.cancelled() != asio::cancellation_type::none) co_return Outcome{};
    if (error) co_return Outcome{.observed = observe(error)};
    if (is_connected_to_itself(stream.socket())) co_return Outcome{.observed = Observed::refused};
    if (target.kind == config::CheckKind::tcp) {
        close(stream.socket());
        co_return Outcome{.observed = Observed::connected};
    }
    const Outcome outcome = co_await get(&stream, std::move(target));
    close(stream.socket());
    co_return outcome;
}

}  // namespace

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
    if (policy.check == config::CheckKind::http || policy.check == config::CheckKind::https) {
        target.expect_body = policy.expect_body;
        target.path = policy.path;
        target.host = policy.host.empty() ? service_name : policy.host;
        target.expect_status = policy.expect_status;
    }
    return target;
}

Observed observe(const error_code& error) {
    if (!error) return Observed::connected;
    if (error == beast::error::timeout) return Observed::timeout;
    if (error == asio::error::operation_aborted) return Observed::nothing;
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

namespace {

asio::awaitable<Outcome> probe(Target target, milliseconds timeout) {
    if (target.kind == config::CheckKind::none) co_return Outcome{};
    const TimePoint begin = Clock::now();
    Outcome outcome;
    try {
        const Outcome seen = co_await look(std::move(target), timeout);
        outcome = seen;
    } catch (const boost::system::system_error& e) {  // cancelled between two steps
        outcome.observed = observe(e.code());
    } catch (const std::exception&) {  // no memory, or a header that Beast does not take: not the endpoint's fault
        outcome.observed = Observed::local_fault;
    }
    outcome.latency = elapsed_since(begin);
    co_return outcome;
}

}  // namespace

Probe make_probe() {
    return [](Target target, milliseconds timeout) { return probe(std::move(target), timeout); };
}

}  // namespace taskdns::health
