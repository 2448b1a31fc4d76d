// An https check against real TLS servers: a valid certificate passes, an expired one does not, and HTTP says why.
// What it prints: each endpoint's reason and detail. To see it:
// build/dev/tests/integration --gtest_filter='HttpsCheck.*'
#include <cstdio>

#include <gmock/gmock.h>

#include "support/pick_port.hpp"
#include "support/service_report.hpp"
#include "support/temp_dir.hpp"
#include "support/tls_backend.hpp"

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;
using std::chrono::hours;

const std::string valid = "127.0.1.11";
const std::string expired = "127.0.1.12";
const std::string misnamed = "127.0.1.13";

TEST(HttpsCheck, PassesAValidCertificateAndSaysWhatIsWrongWithAnother) {
    const TempDir dir;
    const CertificateAuthority authority;
    write_file(dir / "ca.pem", authority.pem());
    const std::uint16_t port = pick_port({valid, expired, misnamed});
    const TlsBackend good(authority.issue({.names = {"orders.test"}}), {.address = valid, .port = port});
    const TlsBackend bad(authority.issue({.names = {"orders.test"}, .begins = hours(-48), .ends = hours(-24)}),
                         {.address = expired, .port = port});
    const TlsBackend other(authority.issue({.names = {"stock.test"}}), {.address = misnamed, .port = port});
    const std::string common = ", source: static, port: " + std::to_string(port) + ", addresses: [" + valid + ", " +
                               expired + ", " + misnamed + "], answer: {fair: false}, health: {check: https, " +
                               "interval: 300ms, fast_interval: 100ms, timeout: 250ms, ";
    const DaemonUnderTest daemon({.yaml = "services:\n  - {name: orders.test" + common +
                                          "tls: {ca_file: " + (dir / "ca.pem") + "}}}\n  - {name: unverified.test" +
                                          common + "tls: {verify: false}}}\n"});
    const auto judged = [&] {
        const ServiceReport now = report(daemon, "orders.test");
        return now.reason(valid) == "served" && now.reason(expired) == "unhealthy:tls" &&
               now.reason(misnamed) == "unhealthy:tls";
    };
    EXPECT_TRUE(wait_until(5s, judged));
    EXPECT_TRUE(wait_until(5s, [&] { return report(daemon, "unverified.test").served().size() == 3; }));
    const ServiceReport now = report(daemon, "orders.test");
    for (const EndpointReport& endpoint : now.endpoints) {
        std::printf("%-12s%-10s%-15s%s\n", endpoint.address.c_str(), endpoint.state.c_str(), endpoint.reason.c_str(),
                    endpoint.detail.c_str());
    }
    ASSERT_NE(now.find(expired), nullptr);
    EXPECT_THAT(now.find(expired)->detail, testing::HasSubstr("expired"));
    EXPECT_NE(now.find(misnamed)->detail, "");
    EXPECT_EQ(now.find(valid)->detail, "");
    EXPECT_EQ(last_numbers(named_by(daemon, "orders.test")), "11");
    EXPECT_EQ(last_numbers(named_by(daemon, "unverified.test")), "11 12 13");
    EXPECT_NE(good.seen().server_name, "");
}

}  // namespace
}  // namespace taskdns::testing_support
