// https probes against a real TLS server: who it must be, how old it may be, and how it may fail.
#include <fstream>
#include <memory>
#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "support/certificates.hpp"
#include "support/temp_dir.hpp"
#include "support/tls_backend.hpp"
#include "unit/health_probes.hpp"

namespace taskdns::health {
namespace {

using testing::HasSubstr;
using testing_support::Certificate;
using testing_support::CertificateAuthority;
using testing_support::self_signed;
using testing_support::TempDir;
using testing_support::TlsBackend;
using testing_support::TlsConduct;

const std::string service = "orders.local";

class TlsProbes : public Probes {
protected:
    TlsProbes() { write(ca_file, authority.pem()); }

    static void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

    config::Health policy() const {
        config::Health policy;
        policy.check = config::CheckKind::https;
        policy.path = "/healthz";
        policy.tls.ca_file = ca_file;
        return policy;
    }
    Target target_of(std::uint16_t port, const config::Health& how) const {
        return make_target({*IpAddress::parse("127.0.0.1"), port}, how, service);
    }
    Outcome look_at(const TlsBackend& backend, const config::Health& how, milliseconds timeout = patient) {
        return look(target_of(backend.port(), how), timeout);
    }
    Outcome look_at(const Certificate& certificate) { return look_at(TlsBackend(certificate), policy()); }
    Certificate valid() const { return authority.issue({.names = {service}}); }
    /// What the server saw, once the connection has ended there too.
    TlsBackend::Seen wait_for_end(const TlsBackend& backend, unsigned connections = 1) {
        run_until([&] {
            clients.spawn("pause", wait_for(1ms));
            return backend.seen().connections >= connections;
        });
        return backend.seen();
    }

    CertificateAuthority authority;
    TempDir directory;
    std::string ca_file = directory / "ca.pem";
};

TEST_F(TlsProbes, AnswersAndSaysGoodbye) {
    const TlsBackend backend(valid());
    const Outcome outcome = look_at(backend, policy());
    EXPECT_EQ(outcome.observed, Observed::answered);
    EXPECT_EQ(outcome.http_status, 200U);
    EXPECT_EQ(outcome.detail, "");
    const auto at_server = wait_for_end(backend);
    EXPECT_EQ(at_server.server_name, service);
    EXPECT_THAT(at_server.request, testing::StartsWith("GET /healthz HTTP/1.1\r\nHost: orders.local\r\n"));
    EXPECT_TRUE(at_server.close_notify);
}

/// A certificate, and what the endpoint that shows it is to a check that verifies.
struct CertificateCase {
    const char* name;
    std::vector<std::string> names;
    std::string server_name;  ///< tls.server_name; empty: the service's name
    Observed observed;
    std::string detail;
    seconds begins = -1h;
    seconds ends = 1h;
};

void PrintTo(const CertificateCase& c, std::ostream* out) { *out << c.name; }

class Certificates : public TlsProbes, public testing::WithParamInterface<CertificateCase> {};

TEST_P(Certificates, AreVerified) {
    const auto& c = GetParam();
    const TlsBackend backend(authority.issue({.names = c.names, .begins = c.begins, .ends = c.ends}));
    config::Health how = policy();
    how.tls.server_name = c.server_name;
    const Outcome outcome = look_at(backend, how);
    EXPECT_EQ(outcome.observed, c.observed);
    EXPECT_EQ(outcome.detail, c.detail);
    EXPECT_EQ(evidence(outcome.observed), c.detail.empty() ? Evidence::success : Evidence::doubtful);
}

constexpr auto answered = Observed::answered;
constexpr auto bad_tls = Observed::bad_tls;

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    TlsProbe, Certificates,
    testing::Values(
        CertificateCase{"Valid",              {"orders.local"},            "",            answered, ""},
        CertificateCase{"OneOfManyNames",     {"a.local", "orders.local"}, "",            answered, ""},
        CertificateCase{"Wildcard",           {"*.example.org"},           "a.example.org", answered, ""},
        CertificateCase{"PartialWildcard",    {"a*.example.org"},          "ab.example.org", bad_tls, "hostname mismatch"},
        CertificateCase{"ServerName",         {"other.local"},             "other.local", answered, ""},
        CertificateCase{"IpAddress",          {"127.0.0.1"},               "127.0.0.1",   answered, ""},
        CertificateCase{"IpAddressIsNoName",  {"orders.local"},            "127.0.0.1",   bad_tls,  "IP address mismatch"},
        CertificateCase{"OtherIpAddress",     {"127.0.0.2"},               "127.0.0.1",   bad_tls,  "IP address mismatch"},
        CertificateCase{"Ipv6Address",        {"fd00::1"},                 "fd00::1",     answered, ""},
        CertificateCase{"WrongName",          {"other.local"},             "",            bad_tls,  "hostname mismatch"},
        CertificateCase{"NoName",             {},                          "",            bad_tls,  "hostname mismatch"},
        CertificateCase{"Expired",            {"orders.local"},            "",            bad_tls,  "certificate has expired", -2h, -1h},
        CertificateCase{"NotYetValid",        {"orders.local"},            "",            bad_tls,  "certificate is not yet valid", 1h, 2h}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

TEST_F(TlsProbes, UnknownAuthority) {
    const CertificateAuthority other("another authority");
    const Outcome outcome = look_at(other.issue({.names = {service}}));
    EXPECT_EQ(outcome.observed, Observed::bad_tls);
    EXPECT_EQ(outcome.detail, "unable to get local issuer certificate");
}

TEST_F(TlsProbes, SelfSignedIsTrustedOnlyIfTheFileHoldsIt) {
    const Certificate own = self_signed({.names = {service}});
    const Outcome outcome = look_at(own);
    EXPECT_EQ(outcome.observed, Observed::bad_tls);
    EXPECT_EQ(outcome.detail, "self-signed certificate");
    write(ca_file, own.certificate_pem);
    EXPECT_EQ(look_at(own).observed, Observed::answered);
}

TEST_F(TlsProbes, FileMayHoldTheEndpointsCertificateAlone) {
    const Certificate pinned = valid();
    write(ca_file, pinned.certificate_pem);
    EXPECT_EQ(look_at(pinned).observed, Observed::answered);
}

TEST_F(TlsProbes, WithoutVerificationAnyCertificateDoes) {
    const TlsBackend backend(self_signed({.names = {"other.local"}, .begins = -2h, .ends = -1h}));
    config::Health how = policy();
    how.tls = {.verify = false, .ca_file = "/nonexistent"};
    EXPECT_EQ(look_at(backend, how).observed, Observed::answered);
    EXPECT_EQ(wait_for_end(backend).server_name, service);
}

TEST_F(TlsProbes, IpLiteralIsNoSni) {
    const TlsBackend backend(authority.issue({.names = {"127.0.0.1"}}));
    config::Health how = policy();
    how.host = "127.0.0.1:8443";
    EXPECT_EQ(look_at(backend, how).observed, Observed::answered);
    const auto at_server = wait_for_end(backend);
    EXPECT_EQ(at_server.server_name, "");
    EXPECT_THAT(at_server.request, HasSubstr("\r\nHost: 127.0.0.1:8443\r\n"));
}

TEST_F(TlsProbes, NameThatNoTlsCanCarryIsALocalFault) {
    const TlsBackend backend(valid());
    config::Health how = policy();
    how.tls.server_name = std::string(300, 'x');
    EXPECT_EQ(look_at(backend, how).observed, Observed::local_fault);
}

struct VersionCase {
    const char* name;
    int newest;
    Observed observed;
};

void PrintTo(const VersionCase& c, std::ostream* out) { *out << c.name; }

class Versions : public TlsProbes, public testing::WithParamInterface<VersionCase> {};

TEST_P(Versions, OfTheServer) {
    const TlsBackend backend(valid(), {.newest_version = GetParam().newest});
    const Outcome outcome = look_at(backend, policy());
    EXPECT_EQ(outcome.observed, GetParam().observed);
    EXPECT_EQ(outcome.detail.empty(), GetParam().observed == Observed::answered) << outcome.detail;
    EXPECT_EQ(wait_for_end(backend).close_notify, GetParam().observed == Observed::answered);
}

INSTANTIATE_TEST_SUITE_P(TlsProbe, Versions,
                         testing::Values(VersionCase{"Tls11", TLS1_1_VERSION, bad_tls},
                                         VersionCase{"Tls12", TLS1_2_VERSION, answered},
                                         VersionCase{"Tls13", TLS1_3_VERSION, answered}),
                         [](const auto& instance) { return instance.param.name; });

TEST_F(TlsProbes, ServerThatNeverShakesHandsTimesOut) {
    const TlsBackend backend(valid(), {.handshakes = false});
    const Outcome outcome = look_at(backend, policy(), impatient);
    EXPECT_EQ(outcome.observed, Observed::timeout);
    EXPECT_EQ(outcome.detail, "in the TLS handshake");
    EXPECT_GE(outcome.latency, impatient);
    EXPECT_LT(outcome.latency, 50 * impatient);
}

TEST_F(TlsProbes, ServerThatHangsUpInsteadOfAHandshake) {
    const TlsBackend backend(valid(), {.hangs_up = true});
    EXPECT_EQ(look_at(backend, policy()).observed, Observed::bad_tls);
}

TEST_F(TlsProbes, PlainHttpServerIsNoTlsServer) {
    servers.spawn(
        "server",
        serve(&acceptor, {.answer = "HTTP/1.1 400 Bad Request\r\n\r\n", .before = 10ms, .reads_request = false},
              &seen));
    const Outcome outcome = look(target_of(address_of(acceptor).port, policy()));
    EXPECT_EQ(outcome.observed, Observed::bad_tls);
    EXPECT_THAT(outcome.detail, HasSubstr("wrong version number"));
}

TEST_F(TlsProbes, RefusedIsRefused) {
    const Target target = target_of(address_of(acceptor).port, policy());
    acceptor.close();
    EXPECT_EQ(look(target).observed, Observed::refused);
}

TEST_F(TlsProbes, StatusAndBodyAreJudgedAsInPlainHttp) {
    const auto observed = [this](const std::string& answer, TlsConduct::Ending ending) {
        const TlsBackend backend(valid(), {.answer = answer, .ending = ending});
        config::Health how = policy();
        how.expect_body = "all is well";
        return look_at(backend, how).observed;
    };
    using enum TlsConduct::Ending;
    EXPECT_EQ(observed("HTTP/1.1 503 No\r\n\r\n", wait), Observed::unavailable);
    EXPECT_EQ(observed("HTTP/1.1 404 No\r\n\r\n", wait), Observed::bad_status);
    EXPECT_EQ(observed("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nall is well", wait), Observed::answered);
    EXPECT_EQ(observed("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno", wait), Observed::bad_body);
    EXPECT_EQ(observed("HTTP/1.1 200 OK\r\n\r\nall is well", close_notify), Observed::answered);
    EXPECT_EQ(observed("HTTP/1.1 200 OK\r\n\r\nno", close_notify), Observed::bad_body);
    EXPECT_EQ(observed("HTTP/1.1 200 OK\r\n\r\nno", fin), Observed::bad_body) << "rude, but at its end";
    EXPECT_EQ(observed("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nno", fin), Observed::bad_response);
    EXPECT_EQ(observed("SSH-2.0\r\n\r\n", wait), Observed::bad_response);
}

TEST_F(TlsProbes, BodyThatNeverComesTimesOut) {
    const TlsBackend backend(valid(), {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"});
    config::Health how = policy();
    how.expect_body = "all is well";
    EXPECT_EQ(look_at(backend, how, impatient).observed, Observed::timeout);
}

TEST_F(TlsProbes, UnreadableCaFileIsALocalFaultAndSaysSo) {
    const TlsBackend backend(valid());
    config::Health how = policy();
    how.tls.ca_file = directory / "none.pem";
    const Outcome outcome = look_at(backend, how);
    EXPECT_EQ(outcome.observed, Observed::local_fault);
    EXPECT_EQ(outcome.detail, "ca_file " + how.tls.ca_file + ": No such file or directory");
}

TEST_F(TlsProbes, NewCaFileCountsFromTheNextProbeOn) {
    const CertificateAuthority next("next authority");
    const TlsBackend backend(next.issue({.names = {service}}));
    EXPECT_EQ(look_at(backend, policy()).observed, Observed::bad_tls);
    write(ca_file, authority.pem() + next.pem());
    EXPECT_EQ(look_at(backend, policy()).observed, Observed::answered);
    write(ca_file, authority.pem());
    EXPECT_EQ(look_at(backend, policy()).observed, Observed::bad_tls);
}

TEST_F(TlsProbes, CancelEndsAHandshakeAtOnce) {
    const TlsBackend backend(valid(), {.handshakes = false});
    std::optional<Outcome> outcome;
    clients.spawn("probe", probe_into(probe, target_of(backend.port(), policy()), 1h, &outcome));
    servers.spawn("pause", wait_for(50ms));
    run_until([&] { return servers.running() == 0; });
    clients.cancel_all();
    run_until([&] { return clients.running() == 0; });
    EXPECT_EQ(clients.failed(), 0U);
    EXPECT_TRUE(!outcome || outcome->observed == Observed::nothing);
}

TEST_F(TlsProbes, ManyAtOnce) {
    const TlsBackend backend(valid());
    constexpr std::size_t count = 50;
    std::vector<std::optional<Outcome>> outcomes(count);
    for (auto& outcome : outcomes) {
        clients.spawn("probe", probe_into(probe, target_of(backend.port(), policy()), patient, &outcome));
    }
    run_until([&] { return clients.running() == 0; });
    for (const auto& outcome : outcomes) EXPECT_EQ(outcome.value_or(Outcome{}).observed, Observed::answered);
    EXPECT_EQ(wait_for_end(backend, count).handshakes, count);
}

}  // namespace
}  // namespace taskdns::health
