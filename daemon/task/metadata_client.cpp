// Asks the task metadata endpoint. Layer: task (may include base, Asio, Beast).
#include "task/metadata_client.hpp"

#include <algorithm>

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include "base/version.hpp"

namespace taskdns::task {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

constexpr std::uint16_t http_port = 80;
constexpr std::uint32_t header_limit = 8'192;
constexpr std::size_t buffer_limit = 64 * 1024;
constexpr std::uint64_t body_limit = 1024 * 1024;  // ten containers take some 20 KB

http::request<http::empty_body> request_for(const MetadataEndpoint& endpoint, const std::string& path) {
    constexpr unsigned http_1_1 = 11;
    http::request<http::empty_body> request(http::verb::get, path, http_1_1);
    request.set(http::field::host, endpoint.host);
    request.set(http::field::user_agent, "taskdns/" + std::string(version));
    request.set(http::field::accept, "application/json");
    request.set(http::field::connection, "close");
    return request;
}

Error failure(const std::string& url, const boost::system::error_code& error) {
    if (error == beast::error::timeout) return {Errc::timeout, url + ": no whole answer in time"};
    const Errc code = error == asio::error::connection_refused ? Errc::refused : Errc::network;
    return {code, url + ": " + error.message()};
}

/// The body of an answer 200; chunked, as Go's net/http sends what is longer than 2 KB, or not.
asio::awaitable<Result<std::string>> get(MetadataEndpoint endpoint, std::string path, TimePoint deadline) {
    const std::string url = "http://" + endpoint.host + path;
    beast::tcp_stream stream(co_await asio::this_coro::executor);
    stream.expires_at(deadline);  // for all that follows
    const auto [connect_error] = co_await stream.async_connect(to_tcp(endpoint.address), as_result);
    if (connect_error) co_return failure(url, connect_error);
    const auto request = request_for(endpoint, path);
    const auto [write_error, written] = co_await http::async_write(stream, request, as_result);
    if (write_error) co_return failure(url, write_error);

    beast::flat_buffer buffer(buffer_limit);
    http::response_parser<http::string_body> parser;
    parser.header_limit(header_limit);
    parser.body_limit(body_limit);
    const auto [read_error, length] = co_await http::async_read(stream, buffer, parser, as_result);
    if (read_error) co_return failure(url, read_error);
    const unsigned status = parser.get().result_int();
    if (status != 200) {
        co_return Error{Errc::network, url + ": status " + std::to_string(status) + " (expected 200)"};
    }
    co_return std::move(parser.get().body());
}

/// The same failure, of the request that it came of.
template <class T>
Result<T> named(Result<T> result, const std::string& path) {
    if (result) return result;
    return Error{result.error().code, "the answer to " + path + " " + result.error().message};
}

}  // namespace

std::optional<MetadataEndpoint> MetadataEndpoint::parse(std::string_view uri) {
    constexpr std::string_view scheme = "http://";
    if (!uri.starts_with(scheme)) return std::nullopt;
    uri.remove_prefix(scheme.size());
    const std::string_view host = uri.substr(0, uri.find('/'));
    std::string_view path = uri.substr(host.size());
    while (path.ends_with('/')) path.remove_suffix(1);
    const auto address = SocketAddress::parse(host, http_port);
    const bool printable = std::ranges::all_of(path, [](char c) { return c > ' ' && c < '\x7F'; });
    if (!address || address->port == 0 || path.empty() || !printable) return std::nullopt;
    return MetadataEndpoint{*address, std::string(host), std::string(path)};
}

asio::awaitable<Result<Learned>> ask_metadata(MetadataEndpoint endpoint, std::string own_id, milliseconds limit) {
    const TimePoint deadline = Clock::now() + limit;
    Learned out;
    out.own_id = std::move(own_id);
    if (out.own_id.empty()) {
        const Result<std::string> own = co_await get(endpoint, endpoint.path, deadline);
        const Result<std::string> own_id_now = own ? parse_own_id(*own) : own.error();
        if (own_id_now) out.own_id = *own_id_now;
    }
    const std::string path = endpoint.path + "/task";
    const Result<std::string> body = co_await get(endpoint, path, deadline);
    if (!body) co_return body.error();
    Result<Metadata> metadata = named(parse_task(*body), path);
    if (!metadata) co_return metadata.error();
    out.metadata = std::move(*metadata);
    if (out.own_id.empty()) {
        const std::string last = endpoint.path.substr(endpoint.path.rfind('/') + 1);
        const bool is_ours = std::ranges::any_of(
            out.metadata.containers, [&last](const Container& container) { return container.id == last; });
        if (is_ours) out.own_id = last;
    }
    co_return out;
}

}  // namespace taskdns::task
