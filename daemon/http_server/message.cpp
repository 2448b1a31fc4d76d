// A response on its way out. Layer: http_server. The only file that instantiates Beast's serializer.
#include "http_server/message.hpp"

#include <array>
#include <ctime>

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

namespace taskdns::http_server {
namespace {

namespace http = boost::beast::http;

/// RFC 9110, section 5.6.7: `Sun, 22 Nov 2026 16:10:11 GMT`.
std::string http_date() {
    const std::time_t now = std::time(nullptr);
    std::tm broken_down{};
    gmtime_r(&now, &broken_down);
    std::array<char, 32> text{};
    return {text.data(), std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &broken_down)};
}

template <class Body>
http::response<Body> make_message(const Response& response, const Framing& framing) {
    http::response<Body> message(http::int_to_status(response.status), framing.version);
    message.set(http::field::date, http_date());
    if (!response.content_type.empty()) message.set(http::field::content_type, response.content_type);
    for (const auto& [name, value] : response.headers) message.insert(name, value);
    message.keep_alive(framing.keep_alive);
    return message;
}

}  // namespace

asio::awaitable<bool> write(std::shared_ptr<Connection> connection, Response response, Framing framing,
                            milliseconds limit) {
    auto message = make_message<http::string_body>(response, framing);
    const bool has_body = response.status != 204 && response.status != 304;
    const bool length_known = !framing.head || !response.body.empty();
    if (has_body && length_known) message.content_length(response.body.size());
    if (!framing.head) message.body() = std::move(response.body);
    connection->limit_time(limit);
    const auto [error, size] = co_await http::async_write(connection->socket, message, as_result);
    co_return !error;
}

asio::awaitable<bool> write_endless(std::shared_ptr<Connection> connection, Response response, Framing framing,
                                    milliseconds limit) {
    auto message = make_message<http::empty_body>(response, framing);
    message.chunked(framing.version >= 11);
    http::response_serializer<http::empty_body> serializer(message);
    connection->limit_time(limit);
    const auto [error, size] = co_await http::async_write_header(connection->socket, serializer, as_result);
    co_return !error;
}

}  // namespace taskdns::http_server
