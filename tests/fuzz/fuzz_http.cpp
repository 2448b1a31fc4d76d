// Fuzz entry: what a client says to the HTTP interface, in whatever pieces it comes. Each request that can be read
// goes through the routes by itself, too: always an answer with a known status; GET changes nothing; who uses another
// host's name, or comes from another origin, changes nothing and learns nothing.
#include <map>
#include <set>
#include <string>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/json/parse.hpp>

#include "fuzz/http_model.hpp"
#include "fuzz/mutate.hpp"
#include "fuzz/streams.hpp"
#include "http_server/session.hpp"

namespace {

using namespace taskdns;
using namespace taskdns::fuzz;
using namespace taskdns::http_server;
namespace beast = boost::beast;
namespace http = boost::beast::http;

constexpr std::size_t header_bytes = 1'024;
constexpr std::size_t body_bytes = 256;

struct Said {
    std::string octets;
    unsigned changes = 0;
};

/// What a session says to `stream`.
Said converse(std::span<const std::uint8_t> stream, Pieces pieces, const Access& access) {
    asio::io_context context;
    FakeModel fake;
    Shared shared{.model = fake.model(), .limits = {}, .counters = {}, .watchers = {}, .events = {}};
    shared.limits.header_bytes = header_bytes;
    shared.limits.body_bytes = body_bytes;
    Peer peer;
    const auto connection =
        std::make_shared<Connection>(peer.socket(context.get_executor()), header_bytes + body_bytes);
    bool ended = false;
    asio::co_spawn(context, serve(connection, shared, access), [&](const std::exception_ptr& thrown) {
        require(!thrown, "it never throws");
        ended = true;
    });
    std::vector<std::uint8_t> heard;
    const auto listen = [&] {
        do context.poll();
        while (peer.listen(heard));
    };
    say_in_pieces(peer, stream, pieces, false, [&] {
        listen();
        return !ended;
    });
    listen();
    peer.end();
    listen();
    require(ended, "the end of the stream ends the session");
    return {std::string(heard.begin(), heard.end()), fake.changes};
}

/// One answer of a session.
struct Heard {
    unsigned status = 0;
    std::string octets;  ///< without what may be another every time
    bool whole = false;
};

/// Date is the time, a nonce is a number that nobody can guess.
std::string without_chance(std::string octets) {
    const std::size_t date = octets.find("Date: ");
    if (date != std::string::npos) octets.erase(date, octets.find("\r\n", date) - date);
    const std::size_t nonce = octets.find("'nonce-");
    if (nonce == std::string::npos) return octets;
    const std::string value = octets.substr(nonce + 7, octets.find('\'', nonce + 7) - nonce - 7);
    for (std::size_t at = 0; !value.empty() && (at = octets.find(value)) != std::string::npos;)
        octets.erase(at, value.size());
    return octets;
}

void check_fields(const http::fields& fields, unsigned status) {
    require(fields.count("Cache-Control") == 1 && fields["Cache-Control"] == "no-store", "nobody keeps it");
    require(fields.count("X-Content-Type-Options") == 1, "nobody guesses its type");
    require(fields.count("Cross-Origin-Resource-Policy") == 1, "no other origin reads it");
    require(fields.count("Date") == 1, "it has a date");
    require((status == 405) <= (fields.count("Allow") == 1), "405 says what is allowed");
}

/// The answers in what a session has said; `methods` are those of the requests, as far as they can be read.
std::vector<Heard> answers_in(std::string_view octets, const std::vector<std::string>& methods) {
    constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    std::vector<Heard> out;
    while (!octets.empty()) {
        if (octets.starts_with(go_on)) {  // sent only where the body does not come along
            octets.remove_prefix(go_on.size());
            continue;
        }
        http::response_parser<http::string_body> parser;
        parser.eager(true);
        parser.body_limit(boost::none);
        parser.header_limit(16'384);
        parser.skip(out.size() < methods.size() && methods[out.size()] == "HEAD");
        beast::error_code error;
        std::size_t at = 0;
        while (!error && !parser.is_done() && at < octets.size()) {
            const std::size_t used = parser.put(boost::asio::buffer(octets.data() + at, octets.size() - at), error);
            at += used;
            if (used == 0) break;
        }
        require(parser.is_header_done(), "an answer is one");
        require(!error || error == http::error::need_more, "that Beast reads");
        const unsigned status = parser.get().result_int();
        check_fields(parser.get(), status);
        out.push_back({status, without_chance(std::string(octets.substr(0, at))), parser.is_done()});
        if (!parser.is_done()) return out;  // a stream of events, or a HEAD that is refused before all of it is there
        octets.remove_prefix(at);
    }
    return out;
}

/// The requests in a stream, read by Beast alone, up to the first that cannot be read.
std::vector<Request> requests_in(std::span<const std::uint8_t> stream) {
    std::vector<Request> out;
    while (!stream.empty()) {
        // An empty line before a request means nothing (RFC 9112 section 2.2), which Beast does not know.
        if (stream.size() >= 2 && stream[0] == '\r' && stream[1] == '\n') {
            stream = stream.subspan(2);
            continue;
        }
        http::request_parser<http::string_body> parser;
        parser.eager(true);
        parser.body_limit(boost::none);
        beast::error_code error;
        std::size_t at = 0;
        while (!error && !parser.is_done() && at < stream.size()) {
            const std::size_t used = parser.put(boost::asio::buffer(stream.data() + at, stream.size() - at), error);
            at += used;
            if (used == 0) break;
        }
        if (error || !parser.is_done()) return out;
        const auto& message = parser.get();
        Request request;
        request.method = message.method_string();
        request.target = message.target();
        request.version = message.version();
        request.host = message[http::field::host];
        request.accept = message[http::field::accept];
        request.content_type = message[http::field::content_type];
        if (message.count(http::field::origin) > 0) request.origin = message[http::field::origin];
        request.fetch_site = message["Sec-Fetch-Site"];
        request.if_none_match = message[http::field::if_none_match];
        request.last_event_id = message["Last-Event-ID"];
        request.body = message.body();
        out.push_back(std::move(request));
        stream = stream.subspan(at);
    }
    return out;
}

/// A name that no rule lets pass: it has a letter that no address has, and is neither localhost nor one that is
/// allowed.
bool is_strange(std::string_view host) {
    std::string name;
    for (const char c : host.substr(0, host.find(':'))) name += static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    if (name.ends_with('.')) name.pop_back();
    if (name == "localhost" || name.ends_with(".localhost") || name == "allowed.example") return false;
    return std::any_of(name.begin(), name.end(), [](char c) { return c >= 'g' && c <= 'z'; });
}

void check_body(const Response& response) {
    const bool is_json =
        response.content_type == "application/json" || response.content_type == "application/problem+json";
    if (is_json && !response.body.empty()) {
        beast::error_code error;
        boost::json::parse(response.body, error);
        require(!error, "JSON is JSON");
    }
    if (response.status == 204 || response.status == 304) require(response.body.empty(), "no body where none may be");
    if (response.status >= 400) require(is_json || response.status == 503, "a refusal says why");
    for (const auto& [name, value] : response.headers) {
        require(value.find_first_of("\r\n") == std::string::npos && value.find('\0') == std::string::npos,
                "a header is a line");
    }
}

void check_routes(const Request& request, const Access& access) {
    static const std::set<unsigned> known{200, 204, 304, 400, 403, 404, 405, 409, 414, 415, 421, 422, 503};
    FakeModel fake;
    const Plan planned = plan(request, access, fake.model());
    require(known.contains(planned.response.status), "a known status");
    check_body(planned.response);
    const bool reads = request.method == "GET" || request.method == "HEAD" || request.method == "OPTIONS";
    const bool reloads = planned.kind == Plan::Kind::reload;
    const unsigned changes = fake.changes + (reloads ? 1U : 0U);
    if (reads) require(changes == 0, "who reads changes nothing");
    if (changes != 0) {
        require(changes == 1, "one request, one change");
        require(request.method == "POST" || request.method == "PUT" || request.method == "DELETE",
                "by a method for it");
        require(!request.origin || request.origin->starts_with("http://"), "from no other origin");
        require(request.fetch_site.empty() || request.fetch_site == "same-origin" || request.fetch_site == "none",
                "nor site");
        require(access.everything && !access.crowded, "where changes are possible");
        require(planned.response.status < 300 || reloads, "and it says so");
    }
    const bool absolute = request.target.starts_with("h") || request.target.starts_with("H");
    if (!absolute && is_strange(request.host)) {
        const unsigned status = planned.response.status;
        require(status == 421 || status == 414 || status == 400, "another host's name is refused");
        require(fake.calls == 0, "before anything is looked at");
    }
    if (!absolute && request.origin && *request.origin != "http://" + request.host)
        require(changes == 0, "from another origin: nothing");
    if (!access.everything && planned.response.status < 300 && request.method != "OPTIONS") {
        const std::string path = request.target.substr(0, request.target.find_first_of("?#"));
        require(path.find("ealthz") != std::string::npos || path.find("eadyz") != std::string::npos ||
                    path.find("etrics") != std::string::npos || path.find('%') != std::string::npos,
                "what is not loopback gets what is vital");
    }
    FakeModel again;
    const Response response = respond(request, access, again.model());
    require(known.contains(response.status), "a known status, without waiting");
    check_body(response);
    if (request.method != "GET" || planned.kind != Plan::Kind::answer) return;
    Request head = request;
    head.method = "HEAD";
    FakeModel third;
    const Response of_head = respond(head, access, third.model());
    require(of_head.status == response.status || request.target.find("pick") != std::string::npos,
            "HEAD says what GET says");
}

/// What ends a connection: where the next request begins is not known.
bool is_refusal(unsigned status) {
    return status == 400 || status == 408 || status == 413 || status == 414 || status == 431 || status == 501;
}

void check_session(std::span<const std::uint8_t> stream, std::span<const std::uint8_t> sizes, const Access& access) {
    std::vector<std::string> methods;
    for (const Request& request : requests_in(stream)) methods.push_back(request.method);
    const Said in_pieces = converse(stream, Pieces(sizes), access);
    const Said at_once = converse(stream, Pieces({}), access);
    const auto some = answers_in(in_pieces.octets, methods);
    const auto others = answers_in(at_once.octets, methods);
    require(some.size() == others.size(), "as many answers in pieces as in one");
    for (std::size_t i = 0; i < some.size(); ++i) {
        const bool refused = i + 1 == some.size() && is_refusal(some[i].status) && is_refusal(others[i].status);
        require(refused || some[i].octets == others[i].octets, "the same ones");
    }
    require(in_pieces.changes == at_once.changes, "and the same changes");
    require(in_pieces.changes <= some.size(), "each of them is answered");
}

constexpr std::string_view lines[]{"GET / HTTP/1.1\r",
                                   "GET /healthz HTTP/1.1\r",
                                   "HEAD /readyz HTTP/1.0\r",
                                   "GET /metrics HTTP/1.1\r",
                                   "GET /v1/status HTTP/1.1\r",
                                   "GET /?fragment HTTP/1.1\r",
                                   "GET /v1/services HTTP/1.1\r",
                                   "GET /v1/services?index=21&wait=1s HTTP/1.1\r",
                                   "GET /v1/services/orders.local HTTP/1.1\r",
                                   "GET /v1/services/orders/endpoints HTTP/1.1\r",
                                   "GET /v1/services/dark.local/pick HTTP/1.1\r",
                                   "GET /v1/services/orders.local/pick HTTP/1.1\r",
                                   "GET /v1/services/orders.local/endpoints?index=1 HTTP/1.1\r",
                                   "GET /v1/services/orders.local/endpoints/10.0.1.10:8080 HTTP/1.1\r",
                                   "GET /v1/services/orders.local/endpoints/10.0.1.12 HTTP/1.1\r",
                                   "POST /v1/services/orders.local/endpoints/10.0.1.10:8080/report HTTP/1.1\r",
                                   "DELETE /v1/services/orders.local/endpoints/10.0.1.10/admin HTTP/1.1\r",
                                   "PUT /v1/services/orders.local/endpoints/10.0.1.10:8080/admin HTTP/1.1\r",
                                   "GET /v1/services/orders.local/endpoints/10.0.1.10:8080/admin HTTP/1.1\r",
                                   "GET /v1/events?index=3 HTTP/1.1\r",
                                   "POST /v1/reload HTTP/1.1\r",
                                   "OPTIONS * HTTP/1.1\r",
                                   "OPTIONS /v1/reload HTTP/1.1\r",
                                   "GET http://localhost/v1/status HTTP/1.1\r",
                                   "GET http://evil.example/v1/status HTTP/1.1\r",
                                   "CONNECT x:1 HTTP/1.1\r",
                                   "GET /%2e%2e/%00 HTTP/1.1\r",
                                   "Host: localhost\r",
                                   "Host: 127.0.0.1:8053\r",
                                   "Host: [::1]\r",
                                   "Host: evil.example\r",
                                   "Host: allowed.example\r",
                                   "Host:\r",
                                   "Origin: http://localhost\r",
                                   "Origin: http://evil.example\r",
                                   "Origin: null\r",
                                   "Sec-Fetch-Site: cross-site\r",
                                   "Sec-Fetch-Site: same-origin\r",
                                   "Content-Type: application/json\r",
                                   "Content-Type: text/plain\r",
                                   "Content-Length: 22\r",
                                   "Content-Length: 0\r",
                                   "Content-Length: 999\r",
                                   "Transfer-Encoding: chunked\r",
                                   "Expect: 100-continue\r",
                                   "Accept: application/json\r",
                                   "Accept: text/plain;q=0.5, */*;q=0\r",
                                   "If-None-Match: *\r",
                                   "If-None-Match: \"x\"\r",
                                   "Last-Event-ID: 21\r",
                                   "Connection: close\r",
                                   "Connection: keep-alive\r",
                                   "\r",
                                   "0\r",
                                   "{\"outcome\": \"failure\"}",
                                   "{\"state\": \"drained\", \"for\": \"10m\"}",
                                   "{}",
                                   "16\r",
                                   " folded\r"};
constexpr std::string_view words[]{"orders.local",
                                   "dark.local",
                                   "10.0.1.10:8080",
                                   "[fd00::2]:8080",
                                   "localhost",
                                   "evil.example",
                                   "GET",
                                   "HEAD",
                                   "POST",
                                   "PUT",
                                   "DELETE",
                                   "OPTIONS",
                                   "PATCH",
                                   "HTTP/1.0",
                                   "HTTP/1.1",
                                   "index=21",
                                   "wait=10m",
                                   "%2F",
                                   "%zz",
                                   "chunked",
                                   "0",
                                   "22",
                                   "\r",
                                   std::string_view("\0", 1),
                                   "\t",
                                   "'\"<script>",
                                   "\xFF"};

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
    return mutate_behind({data, size, max_size, seed}, stream_head,
                         [](const Draft& draft) { return mutate_lines(draft, lines, words); });
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
    constexpr std::size_t longest = 8'000;
    Octets input(octets, std::min(size, longest));
    const unsigned what = input.u8();
    const auto sizes = input.take(stream_head - 1);
    const auto stream = input.rest();
    const Access access{{"allowed.example"}, (what & 1) == 0, (what & 6) == 6};
    check_session(stream, sizes, access);
    for (const Request& request : requests_in(stream)) check_routes(request, access);
    return 0;
}
