// One GET and what its answer is worth. Layer: health (may include base, config, Asio, Beast, OpenSSL).
#include "health/http_probe.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include <boost/asio/ssl/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>

#include "base/version.hpp"
#include "health/tls_stream.hpp"

namespace taskdns::health {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using Parser = http::response_parser<http::buffer_body>;

constexpr std::size_t header_limit = 8'192;
constexpr unsigned service_unavailable = 503;

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

/// A text that is looked for in a body as it comes in.
class Search {
public:
    explicit Search(std::string text) : text_(std::move(text)) {}

    void add(const char* octets, std::size_t length) {
        const std::size_t already = seen_.size();
        seen_.append(octets, std::min(length, body_limit - already));
        const std::size_t from = already < text_.size() ? 0 : already - text_.size();  // it may lie across the seam
        found_ = found_ || seen_.find(text_, from) != std::string::npos;
    }
    bool found() const { return found_; }
    bool ended() const { return found_ || seen_.size() == body_limit; }

private:
    std::string text_;
    std::string seen_;
    bool found_ = false;
};

/// A body that ends with the connection may do so without TLS's goodbye: many servers are that rude.
bool is_end_of_body(const boost::system::error_code& error, const Parser& parser) {
    return error == asio::ssl::error::stream_truncated && parser.need_eof();
}

/// Whether `text` is in the body: `answered`, `bad_body`, or what went wrong.
template <class Stream>
asio::awaitable<Outcome> look_into_body(Stream* stream, beast::flat_buffer* buffer, Parser* parser,
                                        std::string text) {
    Search search(std::move(text));
    std::array<char, 4096> chunk;
    while (!parser->is_done() && !search.ended()) {
        auto& body = parser->get().body();
        body.data = chunk.data();
        body.size = chunk.size();
        const auto [error, length] = co_await http::async_read_some(*stream, *buffer, *parser, as_result);
        search.add(chunk.data(), chunk.size() - parser->get().body().size);
        if (search.found() || is_end_of_body(error, *parser)) break;
        if (error && error != http::error::need_buffer) co_return failure(error);
    }
    Outcome outcome;
    outcome.observed = search.found() ? Observed::answered : Observed::bad_body;
    co_return outcome;
}

}  // namespace

template <class Stream>
asio::awaitable<Outcome> get(Stream* stream, Target target) {
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    const auto request = request_for(target);
    const auto [write_error, written] = co_await http::async_write(*stream, request, as_result);
    if (write_error) co_return failure(write_error);

    Outcome outcome;
    beast::flat_buffer buffer(header_limit);  // a head that does not fit is an error
    std::optional<Parser> parser;
    do {
        if (cancellation.cancelled() != asio::cancellation_type::none) co_return outcome;
        parser.emplace();
        parser->body_limit(boost::none);  // we stop reading where we please
        const auto [read_error, length] = co_await http::async_read_header(*stream, buffer, *parser, as_result);
        if (read_error) co_return failure(read_error);
    } while (parser->get().result_int() / 100 == 1);  // interim answers, RFC 9110 section 15.2
    const unsigned status = parser->get().result_int();
    outcome.observed = judge(status, target.expect_status);
    if (outcome.observed == Observed::answered && !target.expect_body.empty()) {
        const Outcome seen = co_await look_into_body(stream, &buffer, &*parser, std::move(target.expect_body));
        outcome = seen;
    }
    outcome.http_status = status;
    co_return outcome;
}

template asio::awaitable<Outcome> get(beast::tcp_stream* stream, Target target);
template asio::awaitable<Outcome> get(TlsStream* stream, Target target);

}  // namespace taskdns::health
