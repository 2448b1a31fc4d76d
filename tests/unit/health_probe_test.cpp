// One probe against real sockets on loopback: listeners that answer, refuse, stay silent, or answer wrongly.
#include <sys/resource.h>
#include <sys/socket.h>

#include <cerrno>
#include <functional>
#include <optional>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/http/error.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/task_group.hpp"
#include "base/version.hpp"
#include "health/probe.hpp"

namespace taskdns::health {
namespace {

using namespace std::chrono_literals;
using boost::system::error_code;
using testing::HasSubstr;

using Tcp = asio::ip::tcp;

constexpr milliseconds patient = 20s;      // a probe that is meant to end by itself
constexpr milliseconds impatient = 100ms;  // a probe that is meant to time out

error_code from_errno(int value) { return {value, boost::system::system_category()}; }

struct ErrorCase {
    const char* name;
    error_code error;
    Observed observed;
};

void PrintTo(const ErrorCase& c, std::ostream* out) { *out << c.name; }

class Observe : public testing::TestWithParam<ErrorCase> {};

TEST_P(Observe, AnError) { EXPECT_EQ(observe(GetParam().error), GetParam().observed); }

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Probe, Observe,
    testing::Values(
        ErrorCase{"NoError",       {},                                               Observed::connected},
        ErrorCase{"Econnrefused",  from_errno(ECONNREFUSED),                         Observed::refused},
        ErrorCase{"Etimedout",     from_errno(ETIMEDOUT),                            Observed::timeout},
        ErrorCase{"OurTimeout",    boost::beast::error::timeout,                     Observed::timeout},
        ErrorCase{"Econnreset",    from_errno(ECONNRESET),                           Observed::reset},
        ErrorCase{"Econnaborted",  from_errno(ECONNABORTED),                         Observed::reset},
        ErrorCase{"Epipe",         from_errno(EPIPE),                                Observed::reset},
        ErrorCase{"Ehostunreach",  from_errno(EHOSTUNREACH),                         Observed::unreachable},
        ErrorCase{"Ehostdown",     from_errno(EHOSTDOWN),                            Observed::unreachable},
        ErrorCase{"Eproto",        from_errno(EPROTO),                               Observed::unreachable},
        ErrorCase{"Enetunreach",   from_errno(ENETUNREACH),                          Observed::local_fault},
        ErrorCase{"Eaddrnotavail", from_errno(EADDRNOTAVAIL),                        Observed::local_fault},
        ErrorCase{"Eafnosupport",  from_errno(EAFNOSUPPORT),                         Observed::local_fault},
        ErrorCase{"Eacces",        from_errno(EACCES),                               Observed::local_fault},
        ErrorCase{"Eperm",         from_errno(EPERM),                                Observed::local_fault},
        ErrorCase{"Emfile",        from_errno(EMFILE),                               Observed::local_fault},
        ErrorCase{"Enfile",        from_errno(ENFILE),                               Observed::local_fault},
        ErrorCase{"Enobufs",       from_errno(ENOBUFS),                              Observed::local_fault},
        ErrorCase{"Enomem",        from_errno(ENOMEM),                               Observed::local_fault},
        ErrorCase{"Cancelled",     asio::error::operation_aborted,                   Observed::nothing},
        ErrorCase{"EndOfFile",     asio::error::eof,                                 Observed::bad_response},
        ErrorCase{"EndOfStream",   boost::beast::http::error::end_of_stream,         Observed::bad_response},
        ErrorCase{"NotHttp",       boost::beast::http::error::bad_version,           Observed::bad_response}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

config::Health http_policy() {
    config::Health policy;
    policy.check = config::CheckKind::http;
    policy.path = "/healthz?deep=1";
    return policy;
}

SocketAddress address_of(const Tcp::acceptor& acceptor) {
    const auto endpoint = acceptor.local_endpoint();
    return {from_asio(endpoint.address()), endpoint.port()};
}

TEST(MakeTarget, TakesFromThePolicyWhatTheCheckNeeds) {
    const SocketAddress address{*IpAddress::parse("10.0.1.10"), 8080};
    config::Health policy = http_policy();
    policy.expect_status = {{200, 299}, {503, 503}};
    EXPECT_EQ(
        make_target(address, policy, "orders.local"),
        (Target{address, config::CheckKind::http, "/healthz?deep=1", "orders.local", {{200, 299}, {503, 503}}}));
    policy.host = "orders.example";
    EXPECT_EQ(make_target(address, policy, "orders.local").host, "orders.example");
    policy.check = config::CheckKind::tcp;
    EXPECT_EQ(make_target(address, policy, "orders.local"), (Target{address, config::CheckKind::tcp, "", "", {}}))
        << "services share the probe of an address and port whatever else they say";
}

TEST(Target, IsOrderedByAllItsParts) {
    const SocketAddress low{*IpAddress::parse("10.0.1.10"), 8080};
    const SocketAddress high{*IpAddress::parse("10.0.1.10"), 8081};
    const Target base{low, config::CheckKind::http, "/b", "b", {{200, 399}}};
    auto with = [&base](auto change) {
        Target target = base;
        change(target);
        return target;
    };
    const std::vector<Target> larger{
        with([&](Target& t) { t.address = high; }),
        with([](Target& t) { t.path = "/c"; }),
        with([](Target& t) { t.host = "c"; }),
        with([](Target& t) {
            t.expect_status = {{200, 400}};
        }),
        with([](Target& t) {
            t.expect_status = {{201, 399}};
        }),
        with([](Target& t) {
            t.expect_status.push_back({500, 500});
        }),
    };
    for (const Target& other : larger) {
        EXPECT_LT(base, other);
        EXPECT_FALSE(other < base);
    }
    EXPECT_FALSE(base < base);
}

/// How a fake server treats its one connection.
struct Conduct {
    std::string answer;
    milliseconds before{0};   ///< waits before it answers
    milliseconds between{0};  ///< waits after each byte of the answer
    bool reset = false;       ///< closes with an RST instead of a FIN
    bool hold = false;        ///< does not close after the answer
    bool reads_request = true;
};

struct Seen {
    std::string request;
    error_code end;  ///< how the client's side of the connection ended
    bool done = false;
};

asio::awaitable<void> wait_for(milliseconds time) {
    asio::steady_timer timer(co_await asio::this_coro::executor, time);
    co_await timer.async_wait(as_result);
}

asio::awaitable<void> serve(Tcp::acceptor* acceptor, Conduct conduct, Seen* seen) {
    auto [accept_error, socket] = co_await acceptor->async_accept(as_result);
    if (accept_error) co_return;
    if (conduct.reads_request) {
        const auto [error, length] =
            co_await asio::async_read_until(socket, asio::dynamic_buffer(seen->request), "\r\n\r\n", as_result);
        seen->end = error;
    }
    if (conduct.before > 0ms) co_await wait_for(conduct.before);
    for (const char byte : conduct.between > 0ms ? conduct.answer : "") {
        const auto [error, length] = co_await asio::async_write(socket, asio::buffer(&byte, 1), as_result);
        if (error) co_return;
        co_await wait_for(conduct.between);
    }
    co_await asio::async_write(socket, asio::buffer(conduct.answer), as_result);
    if (conduct.reset) {
        socket.set_option(asio::socket_base::linger(true, 0));
        socket.close();
    } else if (!conduct.hold) {
        socket.shutdown(Tcp::socket::shutdown_send);
    }
    std::array<char, 1024> more{};
    while (socket.is_open() && !seen->end) {
        const auto [read_error, count] = co_await socket.async_read_some(asio::buffer(more), as_result);
        seen->end = read_error;
    }
    seen->done = true;
}

const Probe real_probe = make_probe();

asio::awaitable<void> probe_into(Target target, milliseconds timeout, std::optional<Outcome>* outcome) {
    const Outcome seen = co_await real_probe(std::move(target), timeout);
    *outcome = seen;
}

class Probes : public testing::Test {
protected:
    void TearDown() override {
        servers.cancel_all();
        clients.cancel_all();
        context.restart();
        context.run_for(patient);
    }

    void run_until(const std::function<bool()>& reached) {
        const TimePoint give_up = Clock::now() + patient;
        context.restart();
        while (!reached() && Clock::now() < give_up) context.run_one_until(give_up);
        ASSERT_TRUE(reached());
    }

    Outcome look(const Target& target, milliseconds timeout = patient) {
        std::optional<Outcome> outcome;
        clients.spawn("probe", probe_into(target, timeout, &outcome));
        run_until([&] { return outcome.has_value(); });
        return outcome.value_or(Outcome{});
    }

    Target tcp() const { return {.address = address_of(acceptor), .kind = config::CheckKind::tcp}; }
    Target http() const { return make_target(address_of(acceptor), http_policy(), "orders.local"); }

    Outcome look_at(Conduct conduct, milliseconds timeout = patient) {
        servers.spawn("server", serve(&acceptor, std::move(conduct), &seen));
        return look(http(), timeout);
    }

    asio::io_context context{1};
    Tcp::acceptor acceptor{context, Tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
    Seen seen;
    TaskGroup servers{context.get_executor()};
    TaskGroup clients{context.get_executor()};
};

/// A listener that takes no connection: its backlog is full, so the kernel drops further SYNs.
class BlackHole {
public:
    explicit BlackHole(asio::io_context& context) : acceptor_(context, Tcp::v4()) {
        acceptor_.bind(Tcp::endpoint(asio::ip::address_v4::loopback(), 0));
        acceptor_.listen(0);
        for (int i = 0; i < 4; ++i) {
            auto& socket = fillers_.emplace_back(context, Tcp::v4());
            socket.non_blocking(true);
            const auto endpoint = acceptor_.local_endpoint();
            ::connect(socket.native_handle(), endpoint.data(),
                      static_cast<socklen_t>(endpoint.size()));  // in progress
        }
    }
    SocketAddress address() const { return address_of(acceptor_); }

private:
    Tcp::acceptor acceptor_;
    std::vector<Tcp::socket> fillers_;
};

TEST_F(Probes, TcpConnects) {
    const Outcome outcome = look(tcp());
    EXPECT_EQ(outcome.observed, Observed::connected);
    EXPECT_EQ(outcome.http_status, 0U);
}

TEST_F(Probes, TcpConnectsOverIpv6) {
    error_code failed;
    Tcp::acceptor v6(context);
    v6.open(Tcp::v6(), failed);
    if (!failed) v6.bind(Tcp::endpoint(asio::ip::address_v6::loopback(), 0), failed);
    if (failed) GTEST_SKIP() << "no IPv6 here: " << failed.message();
    v6.listen();
    EXPECT_EQ(look({.address = address_of(v6), .kind = config::CheckKind::tcp}).observed, Observed::connected);
}

TEST_F(Probes, TcpEndsWithANormalFin) {
    servers.spawn("server", serve(&acceptor, {.hold = true}, &seen));
    EXPECT_EQ(look(tcp()).observed, Observed::connected);
    run_until([&] { return seen.done; });
    EXPECT_EQ(seen.end, asio::error::eof);
    EXPECT_EQ(seen.request, "");
}

TEST_F(Probes, RefusedPort) {
    const Target tcp_target = tcp();
    const Target http_target = http();
    acceptor.close();
    EXPECT_EQ(look(tcp_target).observed, Observed::refused);
    EXPECT_EQ(look(http_target).observed, Observed::refused);
}

TEST_F(Probes, BlackHoleTimesOut) {
    BlackHole hole(context);
    for (const auto kind : {config::CheckKind::tcp, config::CheckKind::http}) {
        const Outcome outcome = look({.address = hole.address(), .kind = kind, .path = "/"}, impatient);
        EXPECT_EQ(outcome.observed, Observed::timeout);
        EXPECT_GE(outcome.latency, impatient);
        EXPECT_LT(outcome.latency, 50 * impatient);
    }
}

TEST_F(Probes, NoRouteIsALocalFault) {
    const SocketAddress broadcast{*IpAddress::parse("127.255.255.255"),
                                  9};  // where no TCP can go, and no packet goes
    EXPECT_EQ(look({.address = broadcast, .kind = config::CheckKind::tcp}).observed, Observed::local_fault);
}

TEST_F(Probes, NoDescriptorIsALocalFault) {
    const Target target = tcp();
    EXPECT_EQ(look(target).observed, Observed::connected);
    rlimit before{};
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
    rlimit none_left = before;
    none_left.rlim_cur = 0;
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none_left), 0);
    const Outcome outcome = look(target);
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
    EXPECT_EQ(outcome.observed, Observed::local_fault);
}

TEST_F(Probes, CheckNoneObservesNothing) {
    EXPECT_EQ(look({.address = address_of(acceptor), .kind = config::CheckKind::none}).observed, Observed::nothing);
}

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

TEST_F(Probes, CancelEndsAConnectAtOnce) {
    BlackHole hole(context);
    std::optional<Outcome> outcome;
    clients.spawn("probe", probe_into({.address = hole.address(), .kind = config::CheckKind::tcp}, 1h, &outcome));
    context.restart();
    context.poll();
    ASSERT_EQ(clients.running(), 1U);
    clients.cancel_all();
    run_until([&] { return clients.running() == 0; });
    EXPECT_EQ(clients.failed(), 0U);
    EXPECT_TRUE(!outcome || outcome->observed == Observed::nothing);
}

TEST_F(Probes, CancelEndsAReadAtOnce) {
    std::optional<Outcome> outcome;
    servers.spawn("server", serve(&acceptor, {.hold = true}, &seen));
    clients.spawn("probe", probe_into(http(), 1h, &outcome));
    run_until([&] { return !seen.request.empty(); });
    clients.cancel_all();
    run_until([&] { return clients.running() == 0; });
    EXPECT_EQ(clients.failed(), 0U);
    EXPECT_TRUE(!outcome || outcome->observed == Observed::nothing);
}

}  // namespace
}  // namespace taskdns::health
