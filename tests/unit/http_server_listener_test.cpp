// The listener with real sockets on loopback: what a connection may do, and when it is over.
#include <sys/resource.h>
#include <unistd.h>

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/http_server_running.hpp"

namespace taskdns::http_server {
namespace {

using namespace std::chrono_literals;
using asio::ip::tcp;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

Model model() {
    Model out;
    out.ready = [] { return ReadyStatus{true, {}}; };
    out.services = [] { return std::vector<ServiceStatus>{}; };
    out.service = [](std::string_view name) -> std::optional<ServiceStatus> {
        if (name != "big.local") return std::nullopt;
        ServiceStatus service;
        service.name = name;
        service.endpoints.resize(20'000);  // an answer of some MB, more than socket buffers take
        for (auto& endpoint : service.endpoints) endpoint.served = true;
        return service;
    };
    out.pick = [](std::string_view) { return SocketAddress::parse("10.0.0.1:80"); };
    out.metrics = [] { return std::string("taskdns_up 1\n"); };
    out.index = [] { return std::uint64_t{0}; };
    out.service_index = [](std::string_view name) {
        return name == "big.local" ? std::optional<std::uint64_t>(0) : std::nullopt;
    };
    return out;
}

TEST(HttpListener, AnswersWithLengthDateAndType) {
    RunningServer server(model());
    Client client(server.port());
    client.send(get_healthz);
    const std::string response = client.receive();
    EXPECT_THAT(response, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(response, HasSubstr("\r\nContent-Type: text/plain; charset=utf-8\r\n"));
    EXPECT_THAT(response, HasSubstr("\r\nContent-Length: 3\r\n"));
    EXPECT_THAT(response, HasSubstr("\r\nX-Content-Type-Options: nosniff\r\n"));
    EXPECT_THAT(response, HasSubstr(" GMT\r\n"));
    EXPECT_TRUE(response.ends_with("\r\n\r\nok\n"));
    EXPECT_EQ(server.counters().requests.value(), 1U);
    EXPECT_EQ(server.counters().connections.value(), 1U);
}

TEST(HttpListener, AnswersOverIpv6) {
    RunningServer server(model(), {}, "::1");
    Client client(server.port(), "::1");
    client.send(get_healthz);
    EXPECT_TRUE(client.receive().ends_with("ok\n"));
}

TEST(HttpListener, KeepsTheConnectionForMoreRequests) {
    RunningServer server(model());
    Client client(server.port());
    for (int i = 0; i < 3; ++i) {
        client.send(get_healthz);
        EXPECT_TRUE(client.receive().ends_with("ok\n"));
    }
    EXPECT_EQ(server.counters().connections.value(), 1U);
    EXPECT_EQ(server.counters().requests.value(), 3U);
}

TEST(HttpListener, AnswersPipelinedRequestsInTheirOrder) {
    RunningServer server(model());
    Client client(server.port());
    std::string all;
    for (int i = 0; i < 50; ++i) {
        all += get_healthz;
        all += "GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    }
    client.send(all);
    for (int i = 0; i < 50; ++i) {
        ASSERT_TRUE(client.receive().ends_with("ok\n"));
        ASSERT_TRUE(client.receive().ends_with("ready\n"));
    }
}

TEST(HttpListener, TakesARequestOctetByOctet) {
    RunningServer server(model());
    Client client(server.port());
    for (const char octet : get_healthz) client.send({&octet, 1});
    EXPECT_TRUE(client.receive().ends_with("ok\n"));
}

TEST(HttpListener, LeavesTheBodyOutOfHead) {
    RunningServer server(model());
    Client client(server.port());
    client.send("HEAD /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    const std::string response = client.receive();  // ends with the connection, as the length is that of GET's body
    EXPECT_THAT(response, HasSubstr("\r\nContent-Length: 3\r\n"));
    EXPECT_TRUE(response.ends_with("\r\n\r\n"));
}

TEST(HttpListener, NamesNoLengthThatItDoesNotKnow) {
    RunningServer server(model());
    Client client(server.port());
    client.send("HEAD /v1/services/big.local/pick HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const std::string response = client.receive();
    EXPECT_THAT(response, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(response, Not(HasSubstr("Content-Length")));
    client.send("OPTIONS /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const std::string options = client.receive();
    EXPECT_THAT(options, StartsWith("HTTP/1.1 204 No Content\r\n"));
    EXPECT_THAT(options, Not(HasSubstr("Content-Length")));
    EXPECT_THAT(options, Not(HasSubstr("Content-Type:")));
    client.send(get_healthz);
    EXPECT_TRUE(client.receive().ends_with("ok\n"));
}

TEST(HttpListener, ReadsBodiesAndContinues) {
    RunningServer server(model());
    Client client(server.port());
    client.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello");
    EXPECT_TRUE(client.receive().ends_with("ok\n"));
    client.send(
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    EXPECT_TRUE(client.receive().ends_with("ok\n"));
    client.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_EQ(client.receive(), "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("hello");
    EXPECT_TRUE(client.receive().ends_with("ok\n"));
}

TEST(HttpListener, ClosesWhenAskedTo) {
    RunningServer server(model());
    Client client(server.port());
    client.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    EXPECT_THAT(client.receive(), HasSubstr("\r\nConnection: close\r\n"));
    EXPECT_TRUE(client.closed());
    Client old(server.port());
    old.send("GET /healthz HTTP/1.0\r\n\r\n");
    EXPECT_TRUE(old.receive().ends_with("ok\n"));
    EXPECT_TRUE(old.closed());
    EXPECT_EQ(server.counters().bad_requests.value(), 0U);
    EXPECT_EQ(server.counters().broken_connections.value(), 0U);
}

TEST(HttpListener, AnswersAClientThatHasFinishedSending) {
    RunningServer server(model());
    Client client(server.port());
    client.send(get_healthz);
    client.finish_sending();
    EXPECT_TRUE(client.receive().ends_with("ok\n"));
    EXPECT_TRUE(client.closed());
}

struct BadCase {
    const char* name;
    std::string request;
    const char* status_line;
    const char* detail;
};

void PrintTo(const BadCase& c, std::ostream* out) { *out << c.name; }

class BadRequests : public testing::TestWithParam<BadCase> {};

TEST_P(BadRequests, AreToldWhyAndTheConnectionIsClosed) {
    RunningServer server(model());
    Client client(server.port());
    client.send(GetParam().request);
    const std::string response = client.receive();
    EXPECT_THAT(response, StartsWith(GetParam().status_line));
    EXPECT_THAT(response, HasSubstr("\r\nContent-Type: application/problem+json\r\n"));
    EXPECT_THAT(response, HasSubstr("\r\nConnection: close\r\n"));
    EXPECT_THAT(response, HasSubstr("\r\nX-Content-Type-Options: nosniff\r\n"));
    EXPECT_THAT(response, HasSubstr(GetParam().detail));
    EXPECT_TRUE(client.closed());
    EXPECT_EQ(server.counters().bad_requests.value(), 1U);
    EXPECT_EQ(server.counters().requests.value(), 0U);
}

/// What is wrong is seen across the pieces in which a header comes.
TEST(HttpListener, RefusesAFoldedFieldThatComesInPieces) {
    for (const std::size_t cut : {23U, 25U, 40U, 60U, 61U, 62U, 63U}) {
        const std::string request = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: aaaaaaaaaaaaa\r\n b\r\n\r\n";
        ASSERT_LT(cut, request.size());
        RunningServer server(model());
        Client client(server.port());
        client.send(request.substr(0, cut));
        std::this_thread::sleep_for(20ms);  // most likely it has been read alone by then
        client.send(request.substr(cut));
        EXPECT_THAT(client.receive(), StartsWith("HTTP/1.1 400 Bad Request\r\n")) << cut;
    }
}

const std::string get_start = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n";

std::string repeat(const std::string& text, int times) {
    std::string out;
    for (int i = 0; i < times; ++i) out += text;
    return out;
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Table, BadRequests,
    testing::Values(
        BadCase{"NotHttp", "hello there\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n", "not an HTTP/1.1 request"},
        BadCase{"Tls", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11), "HTTP/1.1 400 Bad Request\r\n", "not an HTTP/1.1 request"},
        BadCase{"OtherVersion", "GET /healthz HTTP/3.7\r\nHost: localhost\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n", "version"},
        BadCase{"LengthIsNoNumber", get_start + "Content-Length: x\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n", "Content-Length"},
        BadCase{"NegativeLength", get_start + "Content-Length: -1\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n", "Content-Length"},
        BadCase{"TwoLengths", get_start + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n", "Content-Length"},
        BadCase{"LengthAndChunked", get_start + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n", "Transfer-Encoding"},
        BadCase{"BrokenChunk", get_start + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", "HTTP/1.1 400 Bad Request\r\n", "chunk"},
        BadCase{"SpaceInAFieldName", "GET /healthz HTTP/1.1\r\nHo st: localhost\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n", "field"},
        BadCase{"TwoHosts", get_start + "Host: evil.example\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n", "more than one Host"},
        BadCase{"EqualLengths", get_start + "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", "HTTP/1.1 400 Bad Request\r\n", "Content-Length"},
        BadCase{"LengthList", get_start + "Content-Length: 1, 1\r\n\r\nx", "HTTP/1.1 400 Bad Request\r\n", "Content-Length"},
        BadCase{"SignedLength", get_start + "Content-Length: +1\r\n\r\nx", "HTTP/1.1 400 Bad Request\r\n", "Content-Length"},
        BadCase{"HexLength", get_start + "Content-Length: 0x1\r\n\r\nx", "HTTP/1.1 400 Bad Request\r\n", "Content-Length"},
        BadCase{"HugeLength", get_start + "Content-Length: 18446744073709551617\r\n\r\nx", "HTTP/1.1 400 Bad Request\r\n", "Content-Length"},
        BadCase{"ChunkedAndLength", get_start + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n", ""},
        BadCase{"ChunkedNotLast", get_start + "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n", "not chunked once, and last"},
        BadCase{"ChunkedNotLastInTwoFields", get_start + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n", "Transfer-Encoding"},
        BadCase{"ChunkedTwice", get_start + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n", "not chunked once, and last"},
        BadCase{"NotChunked", get_start + "Transfer-Encoding: gzip\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n", "not chunked once, and last"},
        BadCase{"OtherCoding", get_start + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 501 Not Implemented\r\n", "but chunked"},
        BadCase{"DisguisedCoding", get_start + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n", ""},
        BadCase{"CodingInHttp10", "GET /healthz HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n", "HTTP/1.0"},
        BadCase{"SpaceBeforeTheColon", get_start + "Content-Length : 5\r\n\r\nhello", "HTTP/1.1 400 Bad Request\r\n", ""},
        BadCase{"FoldedField", get_start + "X: a\r\n b\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n", "folded over two lines"},
        BadCase{"FieldBeginsWithSpace", "GET /healthz HTTP/1.1\r\n Host: localhost\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n", "folded"},
        BadCase{"BareLf", "GET /healthz HTTP/1.1\nHost: localhost\n\n", "HTTP/1.1 400 Bad Request\r\n", "ends without CR"},
        BadCase{"BareLfInTheMiddle", get_start + "X: a\nContent-Length: 5\r\n\r\nhello", "HTTP/1.1 400 Bad Request\r\n", "ends without CR"},
        BadCase{"BareCr", get_start + "X: a\rContent-Length: 5\r\n\r\nhello", "HTTP/1.1 400 Bad Request\r\n", "CR without LF"},
        BadCase{"Nul", get_start + std::string("X: a\0b\r\n\r\n", 10), "HTTP/1.1 400 Bad Request\r\n", "NUL"},
        BadCase{"NulInTheTarget", std::string("GET /healthz\0 HTTP/1.1\r\n", 24) + "Host: localhost\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n", "NUL"},
        BadCase{"SpaceInTheTarget", "GET /healthz x HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n", ""},
        BadCase{"Http09", "GET /healthz\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n", ""},
        BadCase{"Http2Preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n", "version"},
        BadCase{"NegativeChunk", get_start + "Transfer-Encoding: chunked\r\n\r\n-1\r\n", "HTTP/1.1 400 Bad Request\r\n", "chunk"},
        BadCase{"ChunkLargerThanAnything", get_start + "Transfer-Encoding: chunked\r\n\r\n10000000000000001\r\n", "HTTP/1.1 400 Bad Request\r\n", ""},
        BadCase{"ChunkWithoutItsEnd", get_start + "Transfer-Encoding: chunked\r\n\r\n3\r\nabcX0\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n", "chunk"},
        BadCase{"ChunkBareLf", get_start + "Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n", ""},
        BadCase{"HugeChunkExtension", get_start + "Transfer-Encoding: chunked\r\n\r\n1;x=" + std::string(20'000, 'x'), "HTTP/1.1 400 Bad Request\r\n", "extensions are too long"},
        BadCase{"ManyChunkExtensions", get_start + "Transfer-Encoding: chunked\r\n\r\n" + repeat("1;x=" + std::string(1'000, 'x') + "\r\nx\r\n", 600), "HTTP/1.1 413 Payload Too Large\r\n", "too long"},
        BadCase{"HugeHeader", get_start + "X: " + std::string(9'000, 'x') + "\r\n\r\n", "HTTP/1.1 431 Request Header Fields Too Large\r\n", "at most 8192 octets"},
        BadCase{"HeaderThatNeverEnds", get_start + "X: " + std::string(100'000, 'x'), "HTTP/1.1 431 Request Header Fields Too Large\r\n", "at most 8192 octets"},
        BadCase{"HugeRequestLine", "GET /" + std::string(9'000, 'x') + " HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 414 URI Too Long\r\n", "at most 8192 octets"},
        BadCase{"HugeBody", get_start + "Content-Length: 65537\r\n\r\n" + std::string(65'537, 'x'), "HTTP/1.1 413 Payload Too Large\r\n", "at most 65536 octets"},
        BadCase{"HugeChunkedBody", get_start + "Transfer-Encoding: chunked\r\n\r\n10001\r\n" + std::string(65'537, 'x'), "HTTP/1.1 413 Payload Too Large\r\n", "at most 65536 octets"}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

TEST(HttpListener, SendsNoBodyToAHeadThatItRefuses) {  // RFC 9110 section 9.3.2
    for (const char* rest : {"Host: localhost\r\nHost: localhost\r\n\r\n", "Host: localhost\r\n folded\r\n\r\n",
                             "Host: localhost\r\nContent-Length: x\r\n\r\n"}) {
        RunningServer server(model());
        Client client(server.port());
        client.send("HEAD /healthz HTTP/1.1\r\n" + std::string(rest));
        const std::string said = client.receive();
        EXPECT_THAT(said, StartsWith("HTTP/1.1 400 Bad Request\r\n")) << rest;
        EXPECT_TRUE(said.ends_with("\r\n\r\n")) << said;
    }
}

TEST(HttpListener, IgnoresAnEmptyLineBeforeARequest) {
    RunningServer server(model());
    Client client(server.port());
    for (const char octet : "\r\n\r\n" + std::string(get_healthz)) client.send({&octet, 1});
    EXPECT_TRUE(client.receive().ends_with("ok\n"));
}

// Trailers come after the header has been judged, and change nothing.
TEST(HttpListener, IgnoresTrailers) {
    RunningServer server(model());
    Client client(server.port());
    client.send(get_start + "Transfer-Encoding: chunked\r\n\r\n0\r\nHost: evil.example\r\n\r\n");
    EXPECT_TRUE(client.receive().ends_with("ok\n"));
    client.send(get_healthz);
    EXPECT_TRUE(client.receive().ends_with("ok\n"));
}

TEST(HttpListener, TakesTheLargestBody) {
    RunningServer server(model());
    Client client(server.port());
    client.send(get_start + "Content-Length: 65536\r\n\r\n" + std::string(65'536, 'x'));
    EXPECT_TRUE(client.receive().ends_with("ok\n"));
}

TEST(HttpListener, AnswersALongTargetOnTheSameConnection) {
    RunningServer server(model());
    Client client(server.port());
    client.send("GET /" + std::string(3'000, 'x') + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_THAT(client.receive(), StartsWith("HTTP/1.1 414 URI Too Long\r\n"));
    client.send(get_healthz);
    EXPECT_TRUE(client.receive().ends_with("ok\n"));
}

TEST(HttpListener, WantsExactlyOneHost) {
    RunningServer server(model());
    Client client(server.port());
    client.send("GET /healthz HTTP/1.1\r\n\r\n");
    EXPECT_THAT(client.receive(), StartsWith("HTTP/1.1 400 Bad Request\r\n"));
    client.send("GET /healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    EXPECT_THAT(client.receive(), StartsWith("HTTP/1.1 421 Misdirected Request\r\n"));
}

TEST(HttpListener, JoinsSeveralAcceptLines) {
    RunningServer server(model());
    Client client(server.port());
    client.send(
        "GET /v1/services HTTP/1.1\r\nHost: localhost\r\nAccept: application/json;q=0.1\r\nAccept: "
        "text/plain\r\n\r\n");
    EXPECT_THAT(client.receive(), HasSubstr("Content-Type: text/plain"));
}

TEST(HttpListener, TellsASlowSenderThatItsTimeIsOver) {
    RunningServer server(model(), with_limits({.request_time = 100ms}));
    Client client(server.port());
    client.send("GET /healthz HTTP/1.1\r\nHo");
    EXPECT_THAT(client.receive(), StartsWith("HTTP/1.1 408 Request Timeout\r\n"));
    EXPECT_TRUE(client.closed());
    EXPECT_EQ(server.counters().bad_requests.value(), 1U);
}

// Each octet must not renew the time.
TEST(HttpListener, TellsADrippingSenderThatItsTimeIsOver) {
    RunningServer server(model(), with_limits({.request_time = 150ms}));
    Client client(server.port());
    const auto begin = Clock::now();
    for (int i = 0; i < 40 && server.counters().bad_requests.value() == 0; ++i) {
        client.send(i == 0 ? "GET /healthz HTTP/1.1\r\nX: " : "x");
        std::this_thread::sleep_for(20ms);
    }
    EXPECT_EQ(server.counters().bad_requests.value(), 1U);
    EXPECT_LT(Clock::now() - begin, 700ms);
}

TEST(HttpListener, TellsWhoDoesNotSendItsBody) {
    RunningServer server(model(), with_limits({.request_time = 100ms}));
    Client client(server.port());
    client.send(get_start + "Content-Length: 10\r\n\r\nhalf");
    EXPECT_THAT(client.receive(), StartsWith("HTTP/1.1 408 Request Timeout\r\n"));
    EXPECT_TRUE(client.closed());
}

TEST(HttpListener, ClosesAConnectionThatNeverAsks) {
    RunningServer server(model(), with_limits({.request_time = 100ms, .idle_time = 60s}));
    Client client(server.port());
    EXPECT_TRUE(client.closed());
    EXPECT_EQ(server.counters().bad_requests.value(), 0U);
}

TEST(HttpListener, ClosesAnIdleConnection) {
    RunningServer server(model(), with_limits({.request_time = 10s, .idle_time = 100ms}));
    Client client(server.port());
    client.send(get_healthz);
    EXPECT_TRUE(client.receive().ends_with("ok\n"));
    EXPECT_TRUE(client.closed());
    EXPECT_EQ(server.counters().bad_requests.value(), 0U);
}

TEST(HttpListener, IdleTimeIsNotRequestTime) {
    RunningServer server(model(), with_limits({.request_time = 100ms, .idle_time = 10s}));
    Client client(server.port());
    client.send(get_healthz);
    EXPECT_TRUE(client.receive().ends_with("ok\n"));
    std::this_thread::sleep_for(250ms);
    client.send(get_healthz);
    EXPECT_TRUE(client.receive().ends_with("ok\n"));
}

TEST(HttpListener, GivesUpOnWhoDoesNotTakeItsAnswer) {
    RunningServer server(model(), with_limits({.request_time = 100ms}));
    Client client(server.port());
    client.send("GET /v1/services/big.local HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_TRUE(eventually([&] { return server.counters().broken_connections.value() == 1; }));
}

TEST(HttpListener, SendsALargeAnswerWhole) {
    RunningServer server(model());
    Client client(server.port());
    client.send("GET /v1/services/big.local HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const std::string response = client.receive();
    EXPECT_GT(response.size(), 4'000'000U);
    EXPECT_TRUE(response.ends_with("  ]\n}\n"));
}

TEST(HttpListener, CountsAPeerThatVanishesWithinARequest) {
    RunningServer server(model());
    {
        Client client(server.port());
        client.send("GET /healthz HT");
    }
    EXPECT_TRUE(eventually(
        [&] { return server.counters().bad_requests.value() + server.counters().broken_connections.value() >= 1; }));
}

TEST(HttpListener, MakesRoomWhereSomebodyIsIdle) {
    RunningServer server(model(), with_limits({.connections = 2}));
    Client first(server.port());
    auto second = std::make_unique<Client>(server.port());
    first.send(get_healthz);
    second->send(get_healthz);
    EXPECT_TRUE(first.receive().ends_with("ok\n"));
    EXPECT_TRUE(second->receive().ends_with("ok\n"));

    Client third(server.port());  // the longest idle one makes room
    third.send(get_healthz);
    EXPECT_TRUE(third.receive().ends_with("ok\n"));
    EXPECT_TRUE(first.closed());
    EXPECT_EQ(server.counters().evicted_connections.value(), 1U);
    EXPECT_EQ(server.counters().crowded_connections.value(), 0U);
}

// Connections that are in the middle of a request make no room.
TEST(HttpListener, AnswersOnlyWhatIsVitalBeyondItsLimitAndRecovers) {
    RunningServer server(model(), with_limits({.connections = 2}));
    auto first = std::make_unique<Client>(server.port());
    Client second(server.port());
    first->send("GET /healthz HT");
    second.send("GET /healthz HT");
    EXPECT_TRUE(eventually([&] { return server.counters().open_connections.value() == 2; }));
    for (const char* target : {"/healthz", "/readyz", "/metrics"}) {
        Client vital(server.port());
        vital.send("GET " + std::string(target) + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
        const std::string response = vital.receive();
        EXPECT_THAT(response, StartsWith("HTTP/1.1 200 OK\r\n"));
        EXPECT_THAT(response, HasSubstr("\r\nConnection: close\r\n"));
        EXPECT_TRUE(vital.closed());
    }
    for (const char* target : {"/v1/services", "/nothing", "/v1/events"}) {
        Client other(server.port());
        other.send("GET " + std::string(target) + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
        const std::string response = other.receive();
        EXPECT_THAT(response, StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
        EXPECT_THAT(response, HasSubstr("\r\nRetry-After: 1\r\n"));
        EXPECT_THAT(response, HasSubstr("too many connections"));
        EXPECT_TRUE(other.closed());
    }
    EXPECT_EQ(server.counters().crowded_connections.value(), 6U);
    first.reset();
    EXPECT_TRUE(eventually([&] {
        Client later(server.port());
        later.send("GET /v1/services HTTP/1.1\r\nHost: localhost\r\n\r\n");
        return later.receive().starts_with("HTTP/1.1 200");
    }));
}

TEST(HttpListener, WaitsNotLongForACrowdedRequest) {
    RunningServer server(model(), with_limits({.connections = 0, .crowded_time = 100ms}));
    Client silent(server.port());
    EXPECT_TRUE(silent.closed());
}

TEST(HttpListener, ClosesWhoIsThereForLongestBeyondEvenThat) {
    RunningServer server(model(), with_limits({.connections = 0, .crowded = 2, .crowded_time = 20s}));
    Client first(server.port());
    Client second(server.port());
    EXPECT_TRUE(eventually([&] { return server.counters().crowded_connections.value() == 2; }));
    Client third(server.port());
    EXPECT_TRUE(first.closed());
    EXPECT_EQ(server.counters().rejected_connections.value(), 1U);
    for (Client* client : {&third, &second}) {
        client->send(get_healthz);
        EXPECT_TRUE(client->receive().ends_with("ok\n"));
    }
}

TEST(HttpListener, StopsWhileConnectionsAreOpen) {
    RunningServer server(model());
    Client silent(server.port());
    Client idle(server.port());
    Client sending(server.port());
    Client receiving(server.port());
    idle.send(get_healthz);
    EXPECT_TRUE(idle.receive().ends_with("ok\n"));
    sending.send("GET /healthz HT");
    receiving.send("GET /v1/services/big.local HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_TRUE(eventually([&] { return server.counters().requests.value() == 2; }));

    const auto begin = Clock::now();
    EXPECT_TRUE(server.stop());
    EXPECT_LT(Clock::now() - begin, 4s) << "the limit is 5 s";
    EXPECT_TRUE(silent.closed());
    EXPECT_TRUE(idle.closed());
    EXPECT_THROW(Client late(server.port()), boost::system::system_error);
    EXPECT_TRUE(server.stop());  // again: nothing happens
}

TEST(HttpListener, MayBeDestroyedWithoutStop) {
    asio::io_context context;
    auto server = std::make_unique<Server>(context.get_executor(), model(), ServerSettings{});
    const auto bound = server->listen({IpAddress::parse("127.0.0.1").value(), 0});
    ASSERT_TRUE(bound);
    server->start();
    Client client(bound->port);
    client.send("GET /healthz HT");
    context.run_for(50ms);
    server.reset();
}

TEST(HttpListener, OutlivesItsContextsEnd) {
    auto context = std::make_unique<asio::io_context>();
    auto server = std::make_unique<Server>(context->get_executor(), model(), ServerSettings{});
    const auto bound = server->listen({IpAddress::parse("127.0.0.1").value(), 0});
    ASSERT_TRUE(bound);
    server->start();
    Client client(bound->port);
    client.send("GET /healthz HT");
    context->run_for(50ms);
    server.reset();  // its sessions are still in the context, and go with it
    context.reset();
}

TEST(HttpListener, SaysWhichAddressIsTaken) {
    RunningServer server(model());
    const SocketAddress taken{IpAddress::parse("127.0.0.1").value(), server.port()};
    asio::io_context context;
    Server other(context.get_executor(), model(), {});
    const auto bound = other.listen(taken);
    ASSERT_FALSE(bound);
    EXPECT_THAT(bound.error().message, HasSubstr("cannot listen for HTTP on " + taken.to_string()));
    EXPECT_THAT(bound.error().message, HasSubstr("another process has this port"));
}

TEST(HttpListener, SaysWhichAddressIsNotHere) {
    asio::io_context context;
    Server server(context.get_executor(), model(), {});
    const auto bound = server.listen(SocketAddress::parse("192.0.2.1:0").value());
    ASSERT_FALSE(bound);
    EXPECT_THAT(bound.error().message, HasSubstr("no interface here has that address"));
}

TEST(HttpListener, TakesAListenerWhileItRuns) {
    asio::io_context context;
    Server server(context.get_executor(), model(), {});
    server.start();
    const auto bound = server.listen(SocketAddress::parse("127.0.0.1:0").value());
    ASSERT_TRUE(bound);
    Client early(bound->port);
    early.send(get_healthz);
    context.run_for(50ms);
    EXPECT_EQ(server.counters().connections.value(), 0U);  // bound, but not started
    context.restart();                                     // it had nothing to do
    server.start();
    server.start();  // again: nothing happens
    std::thread thread([&context] { context.run_for(5s); });
    {
        Client client(bound->port);
        client.send(get_healthz);
        EXPECT_TRUE(client.receive().ends_with("ok\n"));
    }
    context.stop();
    thread.join();
}

TEST(HttpListener, ClosesOneListenerAndKeepsItsConnections) {
    asio::io_context context;
    Server server(context.get_executor(), model(), {});
    const auto first = server.listen(SocketAddress::parse("127.0.0.1:0").value());
    const auto second = server.listen(SocketAddress::parse("127.0.0.1:0").value());
    ASSERT_TRUE(first && second);
    server.start();
    Client open(first->port);
    context.run_for(50ms);
    server.close(*first);
    server.close(*first);  // again, and one that never was: nothing happens
    server.close(SocketAddress::parse("127.0.0.1:1").value());
    std::thread thread([&context] { context.run_for(5s); });
    {
        EXPECT_THROW(Client late(first->port), boost::system::system_error);
        Client other(second->port);
        for (Client* client : {&open, &other}) {
            client->send(get_healthz);
            EXPECT_TRUE(client->receive().ends_with("ok\n"));
        }
    }
    context.stop();
    thread.join();
}

TEST(HttpListener, TakesNewSettingsWhileItRuns) {
    asio::io_context context;
    Server server(context.get_executor(), model(), {});
    const auto bound = server.listen(SocketAddress::parse("0.0.0.0:0").value());
    ASSERT_TRUE(bound);
    server.start();
    ServerSettings settings;
    settings.hosts = {"taskdns"};
    settings.allow_admin = true;
    server.set(settings);
    std::thread thread([&context] { context.run_for(5s); });
    {
        Client client(bound->port);
        client.send("GET /v1/services HTTP/1.1\r\nHost: taskdns\r\n\r\n");
        EXPECT_THAT(client.receive(), StartsWith("HTTP/1.1 200 OK\r\n"));
    }
    context.stop();
    thread.join();
}

// A descriptor is all that is missing: the server must wait for one, neither spin nor give up.
TEST(HttpListener, PausesWhileThereIsNoDescriptor) {
    RunningServer server(model());
    rlimit before{};
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
    asio::io_context context;
    tcp::socket socket(context, tcp::v4());
    const int next = dup(socket.native_handle());  // the lowest free descriptor, which accept would take
    close(next);
    const rlimit none{static_cast<rlim_t>(next), before.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    socket.connect({asio::ip::address_v4::loopback(), server.port()});
    asio::write(socket, asio::buffer(get_healthz));
    EXPECT_TRUE(eventually([&] { return server.counters().accept_errors.value() >= 2; }));
    EXPECT_LT(server.counters().accept_errors.value(), 5U);
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
    std::string response;
    asio::read_until(socket, asio::dynamic_buffer(response), "ok\n");
    EXPECT_THAT(response, StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST(MayAsk, FollowsTheListenerAndTheNetworks) {
    const std::vector<Network> allow{Network::parse("10.0.0.0/16").value(), Network::parse("fd00::/64").value()};
    const auto address = [](const char* text) { return IpAddress::parse(text).value(); };
    EXPECT_TRUE(may_ask(address("127.0.0.1"), false, {}));
    EXPECT_TRUE(may_ask(address("::1"), false, allow));
    EXPECT_TRUE(may_ask(address("10.0.255.255"), false, allow));
    EXPECT_TRUE(may_ask(address("fd00::7"), false, allow));
    EXPECT_FALSE(may_ask(address("10.1.0.0"), false, allow));
    EXPECT_FALSE(may_ask(address("fd00:0:0:1::"), false, allow));
    EXPECT_FALSE(may_ask(address("10.0.0.1"), false, {}));
    EXPECT_TRUE(may_ask(address("10.1.0.0"), true, {}));
}

// 0.0.0.0 is not loopback, so only health and readiness are shown, even to peers on loopback.
TEST(HttpListener, ShowsOnlyHealthWhereItIsNotOnLoopback) {
    RunningServer server(model(), {}, "0.0.0.0");
    Client client(server.port());
    client.send(get_healthz);
    EXPECT_TRUE(client.receive().ends_with("ok\n"));
    client.send("GET /v1/services HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_THAT(client.receive(), StartsWith("HTTP/1.1 403 Forbidden\r\n"));
}

TEST(HttpListener, ShowsEverythingWhereTheUserSaysSo) {
    ServerSettings settings;
    settings.allow_admin = true;
    settings.hosts = {"taskdns"};
    RunningServer server(model(), settings, "0.0.0.0");
    Client client(server.port());
    client.send("GET /v1/services HTTP/1.1\r\nHost: taskdns:8053\r\n\r\n");
    EXPECT_THAT(client.receive(), StartsWith("HTTP/1.1 200 OK\r\n"));
}

}  // namespace
}  // namespace taskdns::http_server
