// The blocking GET of `taskdns healthcheck`, against a server that says exactly what a row wants.
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

#include "app/http_get.hpp"
#include "base/asio.hpp"

namespace taskdns::app {
namespace {

using namespace std::chrono_literals;
using asio::ip::tcp;

/// Accepts one connection, reads the request's header, sends the pieces one by one, and closes or keeps it open.
class OneAnswer {
public:
    enum class Then { close, stay };

    explicit OneAnswer(std::vector<std::string> pieces, Then then = Then::close, const char* address = "127.0.0.1")
        : acceptor_(context_, {asio::ip::make_address(address), 0}),
          thread_([this, pieces = std::move(pieces), then] { run(pieces, then); }) {}
    ~OneAnswer() {
        {
            tcp::socket release(context_);  // so that run() ends where nobody has connected
            boost::system::error_code ignored;
            release.connect(acceptor_.local_endpoint(), ignored);
        }
        thread_.join();
    }
    OneAnswer(const OneAnswer&) = delete;
    OneAnswer& operator=(const OneAnswer&) = delete;

    SocketAddress address() const {
        const auto endpoint = acceptor_.local_endpoint();
        return {from_asio(endpoint.address()), endpoint.port()};
    }
    /// What was asked; valid after the answer has come.
    const std::string& request() const { return request_; }

private:
    void run(const std::vector<std::string>& pieces, Then then) {
        boost::system::error_code error;
        tcp::socket socket = acceptor_.accept(error);
        asio::read_until(socket, asio::dynamic_buffer(request_), "\r\n\r\n", error);
        for (const std::string& piece : pieces) asio::write(socket, asio::buffer(piece), error);
        if (then == Then::stay) socket.wait(tcp::socket::wait_read, error);  // until the client has closed
    }

    asio::io_context context_;
    tcp::acceptor acceptor_;
    std::string request_;
    std::thread thread_;
};

struct AnswerCase {
    const char* name;
    std::vector<std::string> pieces;
    OneAnswer::Then then;
    unsigned status;   // 0: no answer
    const char* text;  // the body, or what the error's message contains
};

void PrintTo(const AnswerCase& c, std::ostream* out) { *out << c.name; }

class HttpGet : public testing::TestWithParam<AnswerCase> {};

TEST_P(HttpGet, ReadsTheAnswerOrSaysWhyNot) {
    OneAnswer server(GetParam().pieces, GetParam().then);
    const auto answer = http_get(server.address(), "/readyz", 5s);
    if (GetParam().status == 0) {
        ASSERT_FALSE(answer);
        EXPECT_EQ(answer.error().code, Errc::malformed);
        EXPECT_NE(answer.error().message.find(GetParam().text), std::string::npos) << answer.error().message;
        EXPECT_TRUE(answer.error().message.starts_with(server.address().to_string())) << answer.error().message;
    } else {
        ASSERT_TRUE(answer) << answer.error().message;
        EXPECT_EQ(answer->status, GetParam().status);
        EXPECT_EQ(answer->body, GetParam().text);
    }
}

constexpr auto closes = OneAnswer::Then::close;
constexpr auto stays = OneAnswer::Then::stay;

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Answers, HttpGet,
    testing::Values(
        AnswerCase{"BodyEndsAtItsLength", {"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nready\n"}, stays, 200, "ready\n"},
        AnswerCase{"NothingBeyondTheLength", {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nready\nx"}, closes, 200, "ready"},
        AnswerCase{"BodyEndsWithTheConnection", {"HTTP/1.1 503 Service Unavailable\r\n\r\nnot ", "ready\n"}, closes, 503, "not ready\n"},
        AnswerCase{"InPieces", {"HT", "TP/1.1 200 OK\r", "\nCONTENT-length:  2 \r\n\r", "\no", "k"}, stays, 200, "ok"},
        AnswerCase{"NoReasonPhrase", {"HTTP/1.1 204\r\nContent-Length: 0\r\n\r\n"}, stays, 204, ""},
        AnswerCase{"OldVersion", {"HTTP/1.0 200 OK\r\n\r\nok"}, closes, 200, "ok"},
        AnswerCase{"InterimAnswersArePassedOver", {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"}, stays, 200, "ok"},
        AnswerCase{"ClosedAtOnce", {}, closes, 0, "closed within the header"},
        AnswerCase{"ClosedWithinTheHeader", {"HTTP/1.1 200 OK\r\n"}, closes, 0, "closed within the header"},
        AnswerCase{"ClosedWithinTheBody", {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"}, closes, 0, "closed within the body"},
        AnswerCase{"NotHttp", {"220 mail ESMTP\r\n\r\n"}, stays, 0, "no status line"},
        AnswerCase{"StatusIsNoNumber", {"HTTP/1.1 abc\r\n\r\n"}, stays, 0, "no status line"},
        AnswerCase{"StatusIsTooLong", {"HTTP/1.1 2000 OK\r\n\r\n"}, stays, 0, "no status line"},
        AnswerCase{"LengthIsNoNumber", {"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"}, stays, 0, "no number"},
        AnswerCase{"Chunked", {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"}, stays, 0, "Transfer-Encoding"},
        AnswerCase{"TooLong", {"HTTP/1.1 200 OK\r\n\r\n", std::string(16 * 1024 * 1024, 'x'), std::string(8192, 'x')}, stays, 0, "16 MiB"}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

TEST(HttpGet, AsksWithHostAndCloses) {
    OneAnswer server({"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"});
    ASSERT_TRUE(http_get(server.address(), "/readyz", 5s));
    EXPECT_TRUE(server.request().starts_with("GET /readyz HTTP/1.1\r\n")) << server.request();
    EXPECT_NE(server.request().find("\r\nHost: " + server.address().to_string() + "\r\n"), std::string::npos);
    EXPECT_NE(server.request().find("\r\nConnection: close\r\n"), std::string::npos);
}

TEST(HttpGet, AsksOverIpv6) {
    OneAnswer server({"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"}, closes, "::1");
    const auto answer = http_get(server.address(), "/", 5s);
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->body, "ok");
}

TEST(HttpGet, SaysThatTheConnectionWasRefused) {
    SocketAddress address;
    {
        asio::io_context context;
        const tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0}, false);
        address = {IpAddress::parse("127.0.0.1").value(), acceptor.local_endpoint().port()};
    }
    const auto answer = http_get(address, "/readyz", 5s);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Errc::refused);
    EXPECT_EQ(answer.error().message, address.to_string() + ": Connection refused");
}

TEST(HttpGet, WaitsNoLongerThanItsTimeoutForSilence) {
    OneAnswer server({}, stays);
    const auto begin = Clock::now();
    const auto answer = http_get(server.address(), "/readyz", 100ms);
    const auto took = Clock::now() - begin;
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Errc::timeout);
    EXPECT_EQ(answer.error().message, server.address().to_string() + ": no answer within 100ms");
    EXPECT_GE(took, 100ms);
    EXPECT_LT(took, 3s);
}

// A server that sends an octet now and then must not renew the time.
TEST(HttpGet, WaitsNoLongerThanItsTimeoutForAnAnswerThatNeverEnds) {
    asio::io_context context;
    tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
    std::thread dripping([&acceptor] {
        boost::system::error_code error;
        tcp::socket socket = acceptor.accept(error);
        while (!error) {
            asio::write(socket, asio::buffer("H", 1), error);
            std::this_thread::sleep_for(20ms);
        }
    });
    const auto begin = Clock::now();
    const auto answer =
        http_get({IpAddress::parse("127.0.0.1").value(), acceptor.local_endpoint().port()}, "/", 150ms);
    const auto took = Clock::now() - begin;
    dripping.join();
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Errc::timeout);
    EXPECT_LT(took, 3s);
}

}  // namespace
}  // namespace taskdns::app
