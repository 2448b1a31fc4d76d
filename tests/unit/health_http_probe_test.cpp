// HTTP probes against real sockets on loopback: servers that answer well, wrongly, slowly or not at all.
#include <array>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/version.hpp"
#include "unit/health_probes.hpp"

namespace taskdns::health {
namespace {

using testing::HasSubstr;

struct AnswerCase {
    const char* name;
    std::string answer;
    Observed observed;
    unsigned status;
    std::vector<config::StatusRange> expect{{200, 399}};
};

void PrintTo(const AnswerCase& c, std::ostream* out) { *out << c.name; }

class HttpAnswer : public Probes, public testing::WithParamInterface<AnswerCase> {};

TEST_P(HttpAnswer, IsJudged) {
    const auto& c = GetParam();
    servers.spawn("server", serve(&acceptor, {.answer = c.answer}, &seen));
    Target target = http();
    target.expect_status = c.expect;
    const Outcome outcome = look(target);
    EXPECT_EQ(outcome.observed, c.observed);
    EXPECT_EQ(outcome.http_status, c.status);
}

std::string head(const std::string& status) { return "HTTP/1.1 " + status + "\r\nContent-Length: 0\r\n\r\n"; }

const std::string large_body = "HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n" + std::string(3'000, 'x');

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Probe, HttpAnswer,
    testing::Values(
        AnswerCase{"Ok",                 head("200 OK"),                         Observed::answered,     200},
        AnswerCase{"NoContent",          "HTTP/1.1 204 No Content\r\n\r\n",      Observed::answered,     204},
        AnswerCase{"LastExpected",       head("399 Odd"),                        Observed::answered,     399},
        AnswerCase{"AfterTheLast",       head("400 Bad Request"),                Observed::bad_status,   400},
        AnswerCase{"NotFound",           head("404 Not Found"),                  Observed::bad_status,   404},
        AnswerCase{"NoReason",           "HTTP/1.1 200 \r\n\r\n",                Observed::answered,     200},
        AnswerCase{"Http10",             "HTTP/1.0 200 OK\r\n\r\nhello",         Observed::answered,     200},
        AnswerCase{"WithABody",          large_body,                             Observed::answered,     200},
        AnswerCase{"EndlessBodyUnread",  "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nx",
                                                                                 Observed::answered,     200},
        AnswerCase{"Chunked",            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                                                                                 Observed::answered,     200},
        AnswerCase{"RedirectNotFollowed","HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n",
                                                                                 Observed::answered,     302},
        AnswerCase{"RedirectNotExpected",head("302 Found"),                      Observed::bad_status,   302, {{200, 299}}},
        AnswerCase{"Unavailable",        head("503 Service Unavailable"),        Observed::unavailable,  503},
        AnswerCase{"Expected503",        head("503 Service Unavailable"),        Observed::answered,     503, {{200, 200}, {503, 503}}},
        AnswerCase{"Other500",           head("500 Internal Server Error"),      Observed::bad_status,   500},
        AnswerCase{"SecondRange",        head("418 I'm a teapot"),               Observed::answered,     418, {{200, 200}, {418, 418}}},
        AnswerCase{"BetweenRanges",      head("201 Created"),                    Observed::bad_status,   201, {{200, 200}, {202, 202}}},
        AnswerCase{"EarlyHints",         "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + head("200 OK"),
                                                                                 Observed::answered,     200},
        AnswerCase{"Garbage",            "SSH-2.0-OpenSSH_9.2\r\n\r\n",          Observed::bad_response, 0},
        AnswerCase{"BadStatusLine",      "HTTP/1.1 abc\r\n\r\n",                 Observed::bad_response, 0},
        AnswerCase{"CutHeader",          "HTTP/1.1 200 OK\r\nContent-",          Observed::bad_response, 0},
        AnswerCase{"ClosedWithoutAWord", "",                                     Observed::bad_response, 0},
        AnswerCase{"LargeHeader",        "HTTP/1.1 200 OK\r\nA: " + std::string(7'900, 'x') + "\r\n\r\n",
                                                                                 Observed::answered,     200},
        AnswerCase{"HugeHeader",         "HTTP/1.1 200 OK\r\nA: " + std::string(8'200, 'x') + "\r\n\r\n",
                                                                                 Observed::bad_response, 0},
        AnswerCase{"HugeHeaders",        "HTTP/1.1 200 OK\r\n" + [] { std::string all; while (all.size() < 100'000) all += "A: b\r\n"; return all; }() + "\r\n",
                                                                                 Observed::bad_response, 0}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

/// An answer of which the body must hold `text`.
struct BodyCase {
    const char* name;
    std::string answer;
    Observed observed;
    std::string text = "all is well";
    std::vector<config::StatusRange> expect{{200, 399}};
    unsigned status = 200;
};

void PrintTo(const BodyCase& c, std::ostream* out) { *out << c.name; }

class HttpBody : public Probes, public testing::WithParamInterface<BodyCase> {};

TEST_P(HttpBody, IsSearched) {
    const auto& c = GetParam();
    servers.spawn("server", serve(&acceptor, {.answer = c.answer}, &seen));
    Target target = http();
    target.expect_status = c.expect;
    target.expect_body = c.text;
    const Outcome outcome = look(target);
    EXPECT_EQ(outcome.observed, c.observed);
    EXPECT_EQ(outcome.http_status, c.status);
}

std::string with_length(const std::string& body, const std::string& status = "200 OK") {
    return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string until_close(const std::string& body) { return "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body; }

std::string chunked(const std::vector<std::string>& chunks) {
    std::string out = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (const std::string& chunk : chunks) {
        std::array<char, 16> length{};
        std::snprintf(length.data(), length.size(), "%zx\r\n", chunk.size());
        out += length.data() + chunk + "\r\n";
    }
    return out + "0\r\n\r\n";
}

std::string filler(std::size_t length) { return std::string(length, '.'); }

const std::string well = "all is well";
constexpr std::size_t limit = 64 * 1024;

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Probe, HttpBody,
    testing::Values(
        BodyCase{"Whole",                  with_length(well),                             Observed::answered},
        BodyCase{"Within",                 with_length("now " + well + ", yes"),          Observed::answered},
        BodyCase{"Missing",                with_length("all is lost"),                    Observed::bad_body},
        BodyCase{"OtherCase",              with_length("All Is Well"),                    Observed::bad_body},
        BodyCase{"CutOff",                 with_length("all is wel"),                     Observed::bad_body},
        BodyCase{"Empty",                  with_length(""),                               Observed::bad_body},
        BodyCase{"NoContent",              "HTTP/1.1 204 No Content\r\n\r\n",             Observed::bad_body, well, {{200, 399}}, 204},
        BodyCase{"HeadMayNotHoldIt",       "HTTP/1.1 200 OK\r\nX: all is well\r\nContent-Length: 2\r\n\r\nno",
                                                                                          Observed::bad_body},
        BodyCase{"AfterOnePart",           with_length(filler(4'096) + well),             Observed::answered},
        BodyCase{"AcrossTwoParts",         with_length(filler(4'091) + well),             Observed::answered},
        BodyCase{"AcrossManyParts",        with_length(filler(20'475) + well + filler(9)), Observed::answered},
        BodyCase{"LongText",               with_length(filler(9'000) + std::string(9'000, 'x')), Observed::answered, std::string(9'000, 'x')},
        BodyCase{"LastOfTheLimit",         with_length(filler(limit - 11) + well + filler(99)), Observed::answered},
        BodyCase{"BeyondTheLimit",         with_length(filler(limit - 10) + well),        Observed::bad_body},
        BodyCase{"JustTheLimitWithout",    with_length(filler(limit)),                    Observed::bad_body},
        BodyCase{"EndlessFound",           "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n" + well, Observed::answered},
        BodyCase{"EndlessIsNotReadOn",     "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n" + filler(limit), Observed::bad_body},
        BodyCase{"CutShortWithout",        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nall is", Observed::bad_response},
        BodyCase{"UntilClose",             until_close(well),                             Observed::answered},
        BodyCase{"UntilCloseMissing",      until_close("all is lost"),                    Observed::bad_body},
        BodyCase{"UntilCloseEmpty",        until_close(""),                               Observed::bad_body},
        BodyCase{"UntilCloseLong",         until_close(filler(50'000) + well),            Observed::answered},
        BodyCase{"Chunked",                chunked({well}),                               Observed::answered},
        BodyCase{"ChunkedAcross",          chunked({"all", " is ", "well", "!"}),         Observed::answered},
        BodyCase{"ChunkedMissing",         chunked({"all is", " lost"}),                  Observed::bad_body},
        BodyCase{"ChunkedEmpty",           chunked({}),                                   Observed::bad_body},
        BodyCase{"ChunkedLong",            chunked({filler(30'000), filler(30'000), well}), Observed::answered},
        BodyCase{"ChunkedBeyondTheLimit",  chunked({filler(40'000), filler(40'000), well}), Observed::bad_body},
        BodyCase{"ChunkedBadly",           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                                                                                          Observed::bad_response},
        BodyCase{"StatusComesFirst",       with_length(well, "404 Not Found"),            Observed::bad_status, well, {{200, 399}}, 404},
        BodyCase{"Unavailable",            with_length(well, "503 Unavailable"),          Observed::unavailable, well, {{200, 399}}, 503},
        BodyCase{"Expected503",            with_length(well, "503 Unavailable"),          Observed::answered, well, {{503, 503}}, 503},
        BodyCase{"Expected503Without",     with_length("lost", "503 Unavailable"),        Observed::bad_body, well, {{503, 503}}, 503}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

TEST_F(Probes, HttpBodyThatHoldsTheTextNeedNotEnd) {
    Target target = http();
    target.expect_body = well;
    servers.spawn("server", serve(&acceptor, {.answer = until_close(well), .hold = true}, &seen));
    EXPECT_EQ(look(target).observed, Observed::answered);
}

TEST_F(Probes, HttpBodyThatEndsInSilenceTimesOut) {
    Target target = http();
    target.expect_body = well;
    servers.spawn("server", serve(&acceptor, {.answer = until_close("all is"), .hold = true}, &seen));
    const Outcome outcome = look(target, impatient);
    EXPECT_EQ(outcome.observed, Observed::timeout);
    EXPECT_EQ(outcome.http_status, 200U);
    EXPECT_GE(outcome.latency, impatient);
    EXPECT_LT(outcome.latency, 50 * impatient);
}

TEST_F(Probes, HttpBodyThatDripsTimesOutInTotal) {
    Target target = http();
    target.expect_body = well;
    servers.spawn("server", serve(&acceptor, {.answer = until_close(filler(5'000)), .between = 2ms}, &seen));
    EXPECT_EQ(look(target, impatient).observed, Observed::timeout);
}

TEST_F(Probes, HttpBodyThatIsReset) {
    Target target = http();
    target.expect_body = well;
    servers.spawn("server", serve(&acceptor, {.answer = until_close("all is"), .reset = true}, &seen));
    EXPECT_THAT(look(target).observed, testing::AnyOf(Observed::reset, Observed::bad_response));
}

TEST_F(Probes, HttpAsksAsTheTargetSays) {
    look_at({.answer = head("200 OK")});
    EXPECT_THAT(seen.request, testing::StartsWith("GET /healthz?deep=1 HTTP/1.1\r\n"));
    EXPECT_THAT(seen.request, HasSubstr("\r\nHost: orders.local\r\n"));
    EXPECT_THAT(seen.request, HasSubstr("\r\nUser-Agent: taskdns/" + std::string(version) + "\r\n"));
    EXPECT_THAT(seen.request, HasSubstr("\r\nConnection: close\r\n"));
}

TEST_F(Probes, HttpReadsTheShortRestAndEndsWithANormalFin) {
    look_at({.answer = large_body, .hold = true});
    run_until([&] { return seen.done; });
    EXPECT_EQ(seen.end, asio::error::eof);
}

TEST_F(Probes, HttpDoesNotWaitForTheBody) {
    const Outcome outcome = look_at({.answer = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", .hold = true});
    EXPECT_EQ(outcome.observed, Observed::answered);
}

TEST_F(Probes, HttpSilenceTimesOut) {
    const Outcome outcome = look_at({.hold = true}, impatient);
    EXPECT_EQ(outcome.observed, Observed::timeout);
    EXPECT_GE(outcome.latency, impatient);
    EXPECT_LT(outcome.latency, 50 * impatient);
}

TEST_F(Probes, HttpSlowDripTimesOutInTotal) {
    const Outcome outcome =
        look_at({.answer = "HTTP/1.1 200 OK\r\nX: " + std::string(5'000, 'y'), .between = 2ms}, impatient);
    EXPECT_EQ(outcome.observed, Observed::timeout);
    EXPECT_GE(outcome.latency, impatient);
    EXPECT_LT(outcome.latency, 50 * impatient);
}

TEST_F(Probes, HttpReset) { EXPECT_EQ(look_at({.answer = "HTTP/1.1 2", .reset = true}).observed, Observed::reset); }

TEST_F(Probes, MeasuresTheLatency) {
    const Outcome outcome = look_at({.answer = head("200 OK"), .before = 30ms});
    EXPECT_EQ(outcome.observed, Observed::answered);
    EXPECT_GE(outcome.latency, 30ms);
}

TEST_F(Probes, CancelEndsAReadAtOnce) {
    std::optional<Outcome> outcome;
    servers.spawn("server", serve(&acceptor, {.hold = true}, &seen));
    clients.spawn("probe", probe_into(probe, http(), 1h, &outcome));
    run_until([&] { return !seen.request.empty(); });
    clients.cancel_all();
    run_until([&] { return clients.running() == 0; });
    EXPECT_EQ(clients.failed(), 0U);
    EXPECT_TRUE(!outcome || outcome->observed == Observed::nothing);
}

}  // namespace
}  // namespace taskdns::health
