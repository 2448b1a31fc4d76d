// One request from a connection. Layer: http_server. The only file that instantiates Beast's parser.
#include "http_server/receive.hpp"

#include <algorithm>
#include <string>
#include <string_view>

#include <boost/asio/write.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "base/time.hpp"

namespace taskdns::http_server {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;

using RequestParser = http::request_parser<http::string_body>;
using RequestMessage = http::request<http::string_body>;

constexpr std::size_t read_size = 4096;
constexpr std::size_t smallest_chunk = 8;  // octets on the wire for one of a body, chunk framing included

/// Looks at a header as it comes for what two readers may read in two ways (request smuggling), where Beast is
/// lenient or would wait: RFC 9112, sections 2.2 and 5.2.
class HeaderScan {
public:
    /// `octets`: all that has come and was not consumed. Null: nothing is wrong yet.
    const char* find_fault(std::string_view octets) {
        for (; !ended_ && seen_ < octets.size(); ++seen_) {
            const char c = octets[seen_];
            if (c == '\0') return "a NUL octet";
            if (last_ == '\r' && c != '\n') return "a CR without LF";
            if (c == '\n' && last_ != '\r') return "a line that ends without CR";
            if (last_ == '\n' && (c == ' ' || c == '\t')) return "a field that is folded over two lines";
            ended_ = last_ == '\n' && c == '\r';
            last_ = c;
        }
        return nullptr;
    }
    /// The first so many octets are gone.
    void consumed(std::size_t octets) { seen_ -= std::min(seen_, octets); }

private:
    std::size_t seen_ = 0;
    char last_ = 0;
    bool ended_ = false;
};

std::string_view view_of(const beast::flat_buffer& buffer) {
    return {static_cast<const char*>(buffer.data().data()), buffer.size()};
}

/// All lines of a list-valued field as one (RFC 9110, section 5.3).
template <class Name>
std::string join_fields(const RequestMessage& message, Name name) {
    std::string out;
    const auto [first, last] = message.equal_range(name);
    for (auto field = first; field != last; ++field) {
        if (!out.empty()) out += ", ";
        out += std::string_view(field->value());
    }
    return out;
}

Request make_request(const RequestMessage& message) {
    Request request;
    request.method = message.method_string();
    request.target = message.target();
    request.host = message[http::field::host];
    request.accept = join_fields(message, http::field::accept);
    request.version = message.version();
    request.content_type = join_fields(message, http::field::content_type);
    if (message.count(http::field::origin) > 0) request.origin = join_fields(message, http::field::origin);
    request.fetch_site = join_fields(message, "Sec-Fetch-Site");
    request.if_none_match = join_fields(message, http::field::if_none_match);
    request.last_event_id = message["Last-Event-ID"];
    return request;
}

Response bad_request(const std::string& why) {
    return problem(400, "Bad Request", "this is not an HTTP/1.1 request: " + why);
}

/// A header from which it is not certain where the body ends: RFC 9112, section 6.
std::optional<Response> find_framing_fault(const RequestMessage& message) {
    const std::string length = join_fields(message, http::field::content_length);
    if (length.find_first_not_of("0123456789") != std::string::npos) {
        return bad_request("a Content-Length that is not one number");
    }
    if (message.count(http::field::transfer_encoding) == 0) return std::nullopt;
    if (message.version() < 11) return bad_request("Transfer-Encoding, which HTTP/1.0 does not have");
    const std::string codings = join_fields(message, http::field::transfer_encoding);
    if (beast::iequals(codings, "chunked")) return std::nullopt;
    const std::size_t last = codings.find_last_of(", \t");
    const bool chunked_last = last != std::string::npos && beast::iequals(codings.substr(last + 1), "chunked") &&
                              !beast::iequals(codings.substr(0, 7), "chunked");
    if (!chunked_last) return bad_request("a Transfer-Encoding that is not chunked once, and last");
    return problem(501, "Not Implemented", "no Transfer-Encoding but chunked is understood here");
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
    if (error == http::error::buffer_overflow && parser.is_header_done()) {
        return bad_request("a chunk's extensions are too long");
    }
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
        return bad_request(error.message());
    }
    return std::nullopt;
}

bool expects_continue(const RequestMessage& message) {
    return message.version() >= 11 && beast::iequals(message[http::field::expect], "100-continue");
}

/// Waits for more octets. The reader's coroutine waits for this one.
asio::awaitable<beast::error_code> read_more(std::shared_ptr<Connection> connection) {
    const std::size_t room = connection->buffer.max_size() - connection->buffer.size();
    if (room == 0) co_return make_error_code(http::error::buffer_overflow);
    const auto space = connection->buffer.prepare(std::min(room, read_size));
    const auto [error, size] = co_await connection->socket.async_read_some(space, as_result);
    connection->buffer.commit(size);
    co_return error;
}

/// The error with which the parser sees that nothing more comes.
beast::error_code at_end(const RequestParser& parser, const beast::error_code& error) {
    if (error != asio::error::eof) return error;
    return make_error_code(parser.got_some() ? http::error::partial_message : http::error::end_of_stream);
}

/// Gives the parser what has come.
beast::error_code parse(Connection& connection, RequestParser& parser) {
    beast::error_code error;
    connection.buffer.consume(parser.put(connection.buffer.data(), error));
    if (error == http::error::need_more) error = {};
    return error;
}

/// Up to the end of the header; a fault that Beast does not see goes to `fault`. The caller waits: references hold.
asio::awaitable<beast::error_code> read_header(std::shared_ptr<Connection> connection, RequestParser& parser,
                                               const char*& fault) {
    HeaderScan scan;
    while (true) {
        // An empty line before a request means nothing (RFC 9112, section 2.2).
        while (!parser.got_some() && view_of(connection->buffer).starts_with("\r\n")) {
            connection->buffer.consume(2);
            scan = {};
        }
        fault = scan.find_fault(view_of(connection->buffer));
        if (fault != nullptr) co_return make_error_code(http::error::bad_value);
        const bool only_cr = view_of(connection->buffer) == "\r";
        if (connection->buffer.size() > 0 && !only_cr) {
            const std::size_t before = connection->buffer.size();
            const beast::error_code error = parse(*connection, parser);
            if (error || parser.is_header_done()) co_return error;
            scan.consumed(before - connection->buffer.size());
        }
        const beast::error_code error = co_await read_more(connection);
        if (error) co_return at_end(parser, error);
    }
}

asio::awaitable<beast::error_code> read_body(std::shared_ptr<Connection> connection, RequestParser& parser,
                                             std::size_t most) {
    parser.eager(true);
    std::size_t received = connection->buffer.size();
    while (!parser.is_done()) {
        const std::size_t before = connection->buffer.size();
        const beast::error_code error = parse(*connection, parser);
        if (error || parser.is_done()) co_return error;
        if (connection->buffer.size() < before) continue;  // it may go on with what it has
        const beast::error_code read_error = co_await read_more(connection);
        if (read_error) co_return at_end(parser, read_error);
        received += connection->buffer.size() - before;
        if (received > most) co_return make_error_code(http::error::body_limit);
    }
    co_return beast::error_code{};
}

/// The answer to HEAD has no body, whatever it says (RFC 9110 section 9.3.2). What the parser has not taken, since
/// the fault was seen before, is still there.
Received refused(std::optional<Response> refusal, Connection& connection, const RequestParser& parser) {
    Received out;
    out.refusal = std::move(refusal);
    const http::verb method = parser.get().method();
    out.head = method == http::verb::head ||
               (method == http::verb::unknown && view_of(connection.buffer).starts_with("HEAD "));
    return out;
}

asio::awaitable<bool> send_continue(std::shared_ptr<Connection> connection) {
    static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    const auto [error, written] = co_await asio::async_write(connection->socket, asio::buffer(go_on), as_result);
    co_return !error;
}

}  // namespace

asio::awaitable<Received> receive(std::shared_ptr<Connection> connection, Limits limits) {
    Received out;
    RequestParser parser;
    parser.header_limit(static_cast<std::uint32_t>(limits.header_bytes));
    parser.body_limit(limits.body_bytes);
    connection->limit_time(limits.request_time);
    const char* fault = nullptr;
    beast::error_code error = co_await read_header(connection, parser, fault);
    if (fault != nullptr) co_return refused(bad_request(std::string(fault) + " in the header"), *connection, parser);
    Request request;
    if (!error) {  // what a trailer says later is not what the header says
        request = make_request(parser.get());
        std::optional<Response> framing_fault = find_framing_fault(parser.get());
        if (framing_fault) co_return refused(std::move(framing_fault), *connection, parser);
        if (parser.get().count(http::field::host) > 1) {  // RFC 9112, section 3.2
            co_return refused(problem(400, "Bad Request", "there is more than one Host header"), *connection, parser);
        }
        out.keep_alive = parser.keep_alive();
        if (!parser.is_done()) {
            if (expects_continue(parser.get()) && connection->buffer.size() == 0) {
                const bool sent = co_await send_continue(connection);
                out.broken = !sent;
                if (!sent) co_return out;
            }
            error = co_await read_body(connection, parser, limits.body_bytes * smallest_chunk);
        }
    }
    if (error) {
        out = refused(refusal(error, *connection, parser, limits), *connection, parser);
        out.broken = !out.refusal && error != http::error::end_of_stream;
        co_return out;
    }
    request.body = std::move(parser.get().body());
    out.request = std::move(request);
    co_return out;
}

}  // namespace taskdns::http_server
