// Fuzz entry: what an endpoint answers to a health check, in whatever pieces it comes. The verdict is that of Beast's
// own parser over the whole answer, and in pieces the same as in one.
#include <optional>
#include <string>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "fuzz/mutate.hpp"
#include "fuzz/streams.hpp"
#include "health/http_probe.hpp"

namespace {

using namespace taskdns;
using namespace taskdns::fuzz;
using health::Observed;
namespace beast = boost::beast;
namespace http = boost::beast::http;

struct Verdict {
    Observed observed = Observed::nothing;
    unsigned status = 0;

    bool operator==(const Verdict&) const = default;
};

health::Target target_of(unsigned what) {
    health::Target target;
    target.kind = config::CheckKind::http;
    target.path = "/healthz";
    target.host = "orders.local";
    target.expect_status = {{200, 399}};
    if ((what & 1) != 0) target.expect_body = "ok";
    if ((what & 2) != 0) target.expect_status = {{204, 204}, {500, 599}};
    if ((what & 4) != 0) target.expect_body = "abcabcabd";
    return target;
}

Verdict probe(std::span<const std::uint8_t> stream, Pieces pieces, const health::Target& target) {
    asio::io_context context;
    Peer peer;
    beast::tcp_stream socket(peer.socket(context.get_executor()));
    std::optional<health::Outcome> outcome;
    asio::co_spawn(context, health::get(&socket, target), [&](const std::exception_ptr& thrown, health::Outcome out) {
        require(!thrown, "it never throws");
        outcome = std::move(out);
    });
    context.poll();
    std::vector<std::uint8_t> asked;
    peer.listen(asked);
    require(text_of(asked).starts_with("GET /healthz HTTP/1.1\r\n") && text_of(asked).ends_with("\r\n\r\n"),
            "one request");
    say_in_pieces(peer, stream, pieces, false, [&] {
        context.poll();
        return !outcome.has_value();
    });
    peer.end();
    context.poll();
    require(outcome.has_value(), "the end of the answer ends the probe");
    require(!peer.listen(asked), "nothing else is asked");
    return {outcome->observed, outcome->http_status};
}

/// What the answer is worth, read as a whole. Null: it is no HTTP, or ends before its head does.
struct Answer {
    unsigned status = 0;
    std::string body;     ///< as far as it can be read
    bool broken = false;  ///< it cannot be read to its end
};

std::optional<Answer> read_answer(std::span<const std::uint8_t> stream) {
    for (;;) {
        http::response_parser<http::string_body> parser;
        parser.body_limit(boost::none);
        beast::error_code error;
        std::size_t at = 0;
        while (!error && !parser.is_header_done() && at < stream.size()) {
            const std::size_t used = parser.put(boost::asio::buffer(stream.data() + at, stream.size() - at), error);
            at += used;
            if (used == 0) break;
        }
        if (error && error != http::error::need_more) return std::nullopt;
        if (!parser.is_header_done()) return std::nullopt;
        const unsigned status = parser.get().result_int();
        stream = stream.subspan(at);
        if (status / 100 == 1) continue;
        parser.eager(true);
        error = {};
        at = 0;
        while (!error && !parser.is_done() && at < stream.size()) {
            const std::size_t used = parser.put(boost::asio::buffer(stream.data() + at, stream.size() - at), error);
            at += used;
            if (used == 0) break;
        }
        if (error == http::error::need_more) error = {};
        if (!error && !parser.is_done()) parser.put_eof(error);
        return Answer{status, parser.get().body(), error.failed() || !parser.is_done()};
    }
}

void check(std::span<const std::uint8_t> stream, const health::Target& target, const Verdict& verdict) {
    const auto answer = read_answer(stream);
    const bool says_nothing = verdict.observed == Observed::nothing;
    require(!says_nothing, "an answer, or its absence, says something");
    if (!answer) {
        require(verdict.status == 0 && verdict.observed != Observed::answered &&
                    verdict.observed != Observed::unavailable,
                "what is no HTTP is no answer");
        return;
    }
    require(verdict.status == answer->status, "the status is Beast's");
    const bool expected =
        std::any_of(target.expect_status.begin(), target.expect_status.end(),
                    [&](const auto& range) { return range.first <= answer->status && answer->status <= range.last; });
    if (!expected) {
        const Observed wanted = answer->status == 503 ? Observed::unavailable : Observed::bad_status;
        require(verdict.observed == wanted, "another status is a failure, and 503 a certain one");
        return;
    }
    const bool there = answer->body.substr(0, health::body_limit).find(target.expect_body) != std::string::npos;
    if (there) {
        require(verdict.observed == Observed::answered, "expected status, and the text is there");
    } else {
        require(verdict.observed != Observed::answered, "without the text it is none");
        if (!answer->broken) require(verdict.observed == Observed::bad_body, "and the body is what is wrong");
    }
}

constexpr std::string_view lines[]{"HTTP/1.1 200 OK\r",
                                   "HTTP/1.0 200\r",
                                   "HTTP/1.1 204 No Content\r",
                                   "HTTP/1.1 503 Busy\r",
                                   "HTTP/1.1 500 x\r",
                                   "HTTP/1.1 100 Continue\r",
                                   "HTTP/1.1 103 Early Hints\r",
                                   "HTTP/1.1 101 Switching Protocols\r",
                                   "HTTP/1.1 302 Found\r",
                                   "HTTP/1.1 099 x\r",
                                   "HTTP/2 200\r",
                                   "Content-Length: 2\r",
                                   "Content-Length: 0\r",
                                   "Content-Length: 99999999999999999999\r",
                                   "Content-Length: -1\r",
                                   "Transfer-Encoding: chunked\r",
                                   "Transfer-Encoding: gzip, chunked\r",
                                   "Connection: close\r",
                                   "Connection: keep-alive\r",
                                   "Upgrade: h2c\r",
                                   "Location: http://169.254.170.2/\r",
                                   "Link: </x>\r",
                                   "\r",
                                   "0\r",
                                   "2\r",
                                   "5;x=y\r",
                                   "ok",
                                   "ok\r",
                                   "o",
                                   "k\r",
                                   "abcabcabd",
                                   "abcabcabcabd\r",
                                   "C\r",
                                   "ffffffffffffffff\r",
                                   "Trailer: x\r",
                                   " folded\r"};
constexpr std::string_view words[]{"200",    "503",     "404", "999", "chunked", "ok", "abc",
                                   "abcabd", "close",   "0",   "1",   "a",       "\t", std::string_view("\0", 1),
                                   "\r",     "HTTP/1.1"};

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
    return mutate_behind({data, size, max_size, seed}, stream_head,
                         [](const Draft& draft) { return mutate_lines(draft, lines, words); });
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
    constexpr std::size_t longest = 8'000;  // of a head Beast reads 8 KiB
    Octets input(octets, std::min(size, longest));
    const health::Target target = target_of(input.u8());
    const auto sizes = input.take(stream_head - 1);
    const auto stream = input.rest();
    const Verdict verdict = probe(stream, Pieces(sizes), target);
    check(stream, target, verdict);
    require(probe(stream, Pieces({}), target) == verdict, "in pieces as in one");
    return 0;
}
