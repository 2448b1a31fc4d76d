// Targets, what errors say, and bare TCP probes, against real sockets on loopback.
#include <sys/resource.h>
#include <sys/socket.h>

#include <cerrno>
#include <optional>
#include <vector>

#include <boost/asio/ssl/error.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/http/error.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/health_probes.hpp"

namespace taskdns::health {
namespace {

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
        ErrorCase{"TlsProtocol",   {1, asio::error::get_ssl_category()},             Observed::bad_tls},
        ErrorCase{"TlsTruncated",  asio::ssl::error::stream_truncated,               Observed::bad_response},
        ErrorCase{"NotHttp",       boost::beast::http::error::bad_version,           Observed::bad_response}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

TEST(Failure, SaysMoreWhereTheWordDoesNot) {
    EXPECT_EQ(failure(from_errno(EMFILE)).detail, "Too many open files");
    EXPECT_EQ(failure(from_errno(EHOSTUNREACH)).detail, "No route to host");
    EXPECT_NE(failure(boost::beast::http::error::bad_version).detail, "");
    EXPECT_NE(failure({1, asio::error::get_ssl_category()}).detail, "");
    EXPECT_EQ(failure(from_errno(ECONNREFUSED)).detail, "");
    EXPECT_EQ(failure(boost::beast::error::timeout).detail, "");
}

TEST(StoodStill, MakesATimeoutALateOneAndChangesNothingElse) {
    const auto seen = [](Observed observed, milliseconds latency) {
        return unless_we_stood_still({.observed = observed, .latency = latency}, 1s).observed;
    };
    EXPECT_EQ(seen(Observed::timeout, 1s), Observed::timeout);
    EXPECT_EQ(seen(Observed::timeout, 1s + late_notice - 1ms), Observed::timeout);
    EXPECT_EQ(seen(Observed::timeout, 1s + late_notice), Observed::late_timeout);
    EXPECT_EQ(seen(Observed::local_fault, 10s), Observed::local_fault);
    EXPECT_EQ(seen(Observed::refused, 10s), Observed::refused) << "it was refused all the same";
    EXPECT_EQ(seen(Observed::connected, 10s), Observed::connected);
    EXPECT_EQ(seen(Observed::unavailable, 10s), Observed::unavailable);
    EXPECT_THAT(unless_we_stood_still({.observed = Observed::timeout, .latency = 10s}, 1s).detail,
                testing::HasSubstr("stood still"));
}

const SocketAddress some_address{*IpAddress::parse("10.0.1.10"), 8080};

TEST(MakeTarget, TakesFromThePolicyWhatTheCheckNeeds) {
    config::Health policy = http_policy();
    policy.expect_status = {{200, 299}, {503, 503}};
    policy.expect_body = "well";
    policy.tls = {.verify = true, .ca_file = "/ca.pem", .server_name = "a.example"};
    Target expected{.address = some_address,
                    .kind = config::CheckKind::http,
                    .path = "/healthz?deep=1",
                    .host = "orders.local",
                    .expect_status = {{200, 299}, {503, 503}},
                    .expect_body = "well"};
    EXPECT_EQ(make_target(some_address, policy, "orders.local"), expected) << "TLS is nothing to http";
    policy.host = expected.host = "orders.example";
    EXPECT_EQ(make_target(some_address, policy, "orders.local"), expected);
    policy.check = expected.kind = config::CheckKind::https;
    expected.tls = policy.tls;
    EXPECT_EQ(make_target(some_address, policy, "orders.local"), expected);
    policy.tls.verify = expected.tls.verify = false;
    expected.tls.ca_file = "";
    EXPECT_EQ(make_target(some_address, policy, "orders.local"), expected) << "what is not verified needs no file";
    policy.check = config::CheckKind::tcp;
    EXPECT_EQ(make_target(some_address, policy, "orders.local"),
              (Target{.address = some_address, .kind = config::CheckKind::tcp}))
        << "services share the probe of an address and port whatever else they say";
}

struct NameCase {
    const char* name;
    std::string server_name;  ///< tls.server_name
    std::string host;         ///< health.host
    std::string expected;
};

void PrintTo(const NameCase& c, std::ostream* out) { *out << c.name; }

class TlsName : public testing::TestWithParam<NameCase> {};

TEST_P(TlsName, IsTheFirstThatIsSaid) {
    config::Health policy = http_policy();
    policy.check = config::CheckKind::https;
    policy.host = GetParam().host;
    policy.tls.server_name = GetParam().server_name;
    EXPECT_EQ(make_target(some_address, policy, "orders.local").tls.server_name, GetParam().expected);
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Probe, TlsName,
    testing::Values(
        NameCase{"ServerName",           "tls.example",  "host.example",      "tls.example"},
        NameCase{"ServerNameWithDot",    "tls.example.", "",                  "tls.example"},
        NameCase{"Host",                 "",             "host.example",      "host.example"},
        NameCase{"HostWithPort",         "",             "host.example:8443", "host.example"},
        NameCase{"HostWithDotAndPort",   "",             "host.example.:1",   "host.example"},
        NameCase{"HostIpv4",             "",             "10.0.1.10:8443",    "10.0.1.10"},
        NameCase{"HostIpv6",             "",             "[fd00::1]",         "fd00::1"},
        NameCase{"HostIpv6WithPort",     "",             "[fd00::1]:8443",    "fd00::1"},
        NameCase{"HostBareIpv6",         "",             "fd00::1",           "fd00::1"},
        NameCase{"Service",              "",             "",                  "orders.local"}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

TEST(Target, IsOrderedByAllItsParts) {
    const SocketAddress low{*IpAddress::parse("10.0.1.10"), 8080};
    const SocketAddress high{*IpAddress::parse("10.0.1.10"), 8081};
    const Target base{.address = low,
                      .kind = config::CheckKind::http,
                      .path = "/b",
                      .host = "b",
                      .expect_status = {{200, 399}},
                      .expect_body = "b",
                      .tls = {.verify = false, .ca_file = "b", .server_name = "b"}};
    auto with = [&base](auto change) {
        Target target = base;
        change(target);
        return target;
    };
    const std::vector<Target> larger{
        with([&](Target& t) { t.address = high; }),
        with([](Target& t) { t.path = "/c"; }),
        with([](Target& t) { t.host = "c"; }),
        with([](Target& t) { t.kind = config::CheckKind::https; }),
        with([](Target& t) { t.expect_body = "c"; }),
        with([](Target& t) { t.tls.verify = true; }),
        with([](Target& t) { t.tls.ca_file = "c"; }),
        with([](Target& t) { t.tls.server_name = "c"; }),
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

TEST_F(Probes, CancelEndsAConnectAtOnce) {
    BlackHole hole(context);
    std::optional<Outcome> outcome;
    clients.spawn("probe",
                  probe_into(probe, {.address = hole.address(), .kind = config::CheckKind::tcp}, 1h, &outcome));
    context.restart();
    context.poll();
    ASSERT_EQ(clients.running(), 1U);
    clients.cancel_all();
    run_until([&] { return clients.running() == 0; });
    EXPECT_EQ(clients.failed(), 0U);
    EXPECT_TRUE(!outcome || outcome->observed == Observed::nothing);
}

}  // namespace
}  // namespace taskdns::health
