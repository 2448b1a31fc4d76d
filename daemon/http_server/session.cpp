// One HTTP connection. Layer: http_server. The only file that instantiates Beast's parser and serializer.
#include "http_server/session.hpp"

#include <array>
#include <ctime>
#include <optional>

#include <boost/asio/write.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

namespace taskdns::http_server {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;

using RequestParser = http::request_parser<http::string_body>;
using RequestMessage = http::request<http::string_body>;
using ResponseMessage = http::response<http::string_body>;

// A peer that is told to go has this long to read why.
constexpr milliseconds farewell_time{1'000};
constexpr std::size_t farewell_bytes = 256 * 1024;
constexpr milliseconds reload_time{10'000};

/// RFC 9110, section 5.6.7: `Sun, 22 Nov 2026 16:10:11 GMT`.
std::string http_date() {
    const std::time_t now = std::time(nullptr);
    std::tm broken_down{};
    gmtime_r(&now, &broken_down);
    std::array<char, 32> text{};
    return {text.data(), std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &broken_down)};
}

ResponseMessage make_message(Response response, unsigned version, bool head, bool keep_alive) {
    ResponseMessage message(http::int_to_status(response.status), version);
    message.set(http::field::date, http_date());
    if (!response.content_type.empty()) message.set(http::field::content_type, response.content_type);
    for (const auto& [name, value] : response.headers) message.insert(name, value);
    message.keep_alive(keep_alive);
    const bool length_known = !head || !response.body.empty();
    if (response.status != 204 && response.status != 304 && length_known)
        message.content_length(response.body.size());
    if (!head) message.body() = std::move(response.body);
    return message;
}

/// All lines of a list-valued field as one (RFC 9110, section 5.3).
std::string join_fields(const RequestMessage& message, http::field name) {
    std::string out;
    const auto [first, last] = message.equal_range(name);
    for (auto field = first; field != last; ++field) {
        if (!out.empty()) out += ", ";
        out += std::string_view(field->value());
    }
    return out;
}

Request make_request(RequestMessage& message) {
    Request request;
    request.method = message.method_string();
    request.target = message.target();
    request.host = message[http::field::host];
    request.accept = join_fields(message, http::field::accept);
    request.version = message.version();
    request.content_type = message[http::field::content_type];
    if (message.count(http::field::origin) > 0) request.origin = message[http::field::origin];
    request.fetch_site = message["Sec-Fetch-Site"];
    request.if_none_match = join_fields(message, http::field::if_none_match);
    request.last_event_id = message["Last-Event-ID"];
    request.body = std::move(message.body());
    return request;
}

/// What the control plane and the coroutine that waits for it share.
struct Reloading {
    explicit Reloading(const asio::any_io_executor& executor) : timer(executor) {}

    asio::steady_timer timer;
    std::optional<ReloadStatus> status;
};

asio::awaitable<Response> reload(std::shared_ptr<Connection> connection, SessionContext context) {
    const auto reloading = std::make_shared<Reloading>(connection->socket.get_executor());
    reloading->timer.expires_after(reload_time);
    context.model.reload([reloading](const ReloadStatus& status) {
        reloading->status = status;
        reloading->timer.cancel();
    });
    if (!reloading->status) co_await reloading->timer.async_wait(as_result);
    co_return answer_reload(reloading->status);
}

asio::awaitable<Response> answer(std::shared_ptr<Connection> connection, SessionContext context,
                                 RequestMessage& message) {
    if (message.count(http::field::host) > 1) {  // RFC 9112, section 3.2
        co_return problem(400, "Bad Request", "there is more than one Host header");
    }
    const Request request = make_request(message);
    Plan planned = plan(request, context.access, context.model);
    if (planned.kind == Plan::Kind::reload) {
        Response response = co_await reload(connection, context);
        co_return response;
    }
    if (planned.kind == Plan::Kind::answer) co_return std::move(planned.response);
    co_return respond(request, context.access, context.model);
}

/// What a peer is told whose request could not be read; null where the connection is simply over.
std::optional<Response> refusal(const beast::error_code& error, const Connection& connection,
                                const RequestParser& parser, const Limits& limits) {
    if (connection.timed_out()) {
        if (!parser.got_some()) return std::nullopt;  // never asked for anything
        return problem(408, "Request Timeout",
                       "the request did not come within " + format_duration(limits.request_time));
    }
    if (error == http::error::end_of_stream) return std::nullopt;
    if (error == http::error::header_limit || error == http::error::buffer_overflow) {
        const std::string most = "; at most " + std::to_string(limits.header_bytes) + " octets are read";
        if (parser.get().target().empty()) return problem(414, "URI Too Long", "the request line is too long" + most);
        return problem(431, "Request Header Fields Too Large", "the header is too long" + most);
    }
    if (error == http::error::body_limit) {
        return problem(413, "Content Too Large",
                       "the body is too long; at most " + std::to_string(limits.body_bytes) + " octets are read");
    }
    if (error.category() == http::make_error_code(http::error::end_of_stream).category()) {
        return problem(400, "Bad Request", "this is not an HTTP/1.1 request: " + error.message());
    }
    return std::nullopt;
}

bool expects_continue(const RequestMessage& message) {
    return message.version() >= 11 && beast::iequals(message[http::field::expect], "100-continue");
}

/// False if the peer did not take it.
asio::awaitable<bool> write(std::shared_ptr<Connection> connection, ResponseMessage message, milliseconds limit) {
    connection->limit_time(limit);
    const auto [error, size] = co_await http::async_write(connection->socket, message, as_result);
    co_return !error;
}

/// Reads one request into `parser`; its coroutine waits for this one, so the reference holds.
asio::awaitable<beast::error_code> read(std::shared_ptr<Connection> connection, RequestParser& parser) {
    auto [error, size] = co_await http::async_read_header(connection->socket, connection->buffer, parser, as_result);
    if (error || parser.is_done()) co_return error;
    if (expects_continue(parser.get())) {
        static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
        auto [write_error, written] = co_await asio::async_write(connection->socket, asio::buffer(go_on), as_result);
        if (write_error) co_return write_error;
    }
    auto [body_error, body_size] =
        co_await http::async_read(connection->socket, connection->buffer, parser, as_result);
    co_return body_error;
}

/// One request and its answer; true if another may follow.
asio::awaitable<bool> exchange(std::shared_ptr<Connection> connection, SessionContext context) {
    RequestParser parser;
    parser.header_limit(static_cast<std::uint32_t>(context.limits.header_bytes));
    parser.body_limit(context.limits.body_bytes);
    connection->limit_time(context.limits.request_time);
    const beast::error_code error = co_await read(connection, parser);
    if (error) {
        auto response = refusal(error, *connection, parser, context.limits);
        if (!response) {
            if (error != http::error::end_of_stream) context.counters.broken_connections.add();
            co_return false;
        }
        context.counters.bad_requests.add();
        const bool taken =
            co_await write(connection, make_message(std::move(*response), 11, false, false), farewell_time);
        if (!taken) context.counters.broken_connections.add();
        co_return false;
    }
    context.counters.requests.add();
    RequestMessage& message = parser.get();
    const bool keep_alive = message.keep_alive();
    Response response = co_await answer(connection, context, message);
    auto written =
        make_message(std::move(response), message.version(), message.method() == http::verb::head, keep_alive);
    const bool taken = co_await write(connection, std::move(written), context.limits.request_time);
    if (!taken) context.counters.broken_connections.add();
    co_return taken&& keep_alive;
}

/// Waits for the first octet of the next request; false if there will be none.
asio::awaitable<bool> wait_for_request(std::shared_ptr<Connection> connection, milliseconds limit) {
    if (connection->buffer.size() > 0) co_return true;
    connection->buffer.shrink_to_fit();
    connection->limit_time(limit);
    const auto [error] = co_await connection->socket.async_wait(asio::ip::tcp::socket::wait_read, as_result);
    co_return !error;
}

/// Closes so that the last response arrives: closing with unread octets would send a reset, and that may overtake it.
asio::awaitable<void> close_gently(std::shared_ptr<Connection> connection) {
    beast::error_code ignored;
    connection->socket.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    connection->buffer.clear();
    connection->limit_time(farewell_time);
    std::size_t total = 0;
    while (connection->socket.is_open() && total < farewell_bytes) {
        const auto space = connection->buffer.prepare(512);
        const auto [error, size] = co_await connection->socket.async_read_some(space, as_result);
        if (error) break;
        total += size;
    }
    connection->close();
}

}  // namespace

Connection::Connection(asio::ip::tcp::socket accepted, std::size_t largest_buffer)
    : socket(std::move(accepted)), buffer(largest_buffer), timer_(socket.get_executor()) {}

void Connection::limit_time(milliseconds limit) {
    timed_out_ = false;
    const std::uint64_t number = ++limits_set_;
    timer_.expires_after(limit);
    timer_.async_wait([self = weak_from_this(), number](const beast::error_code& error) {
        const auto connection = self.lock();
        if (error || !connection || connection->limits_set_ != number) return;
        connection->timed_out_ = true;
        beast::error_code ignored;
        connection->socket.cancel(ignored);
    });
}

void Connection::close() {
    ++limits_set_;
    timer_.cancel();
    beast::error_code ignored;
    socket.close(ignored);
}

asio::awaitable<void> serve(std::shared_ptr<Connection> connection, SessionContext context) {
    bool more = true;
    while (more) {
        more = co_await exchange(connection, context);
        if (more) more = co_await wait_for_request(connection, context.limits.idle_time);
    }
    co_await close_gently(connection);
}

asio::awaitable<void> reject(std::shared_ptr<Connection> connection) {
    Response busy = problem(503, "Service Unavailable", "too many connections; close idle ones, or try again later");
    busy.headers.emplace_back("Retry-After", "1");
    co_await write(connection, make_message(std::move(busy), 11, false, false), farewell_time);
    co_await close_gently(connection);
}

}  // namespace taskdns::http_server
