// Endpoints of the task's own availability zone come first, as long as the zone can carry its share alone; in a
// network of its own: the task is at 10.0.1.5, the zones are 10.0.1.0/24 (its own), 10.0.2.0/24 and 10.0.3.0/24. What
// it prints: how many of the answers begin with another zone's address, at each step. To see it:
// build/dev/tests/integration --gtest_filter='Zone.*'
#include <array>
#include <cstdio>
#include <set>

#include <gmock/gmock.h>

#include "support/many_backends.hpp"
#include "support/network_namespaces.hpp"
#include "support/service_report.hpp"

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;

constexpr int answers = 240;
const std::array<std::string, 3> subnets{"10.0.1.", "10.0.2.", "10.0.3."};
const std::string own = subnets[0];

/// 10, 20, 40 and 80 of each subnet.
std::vector<std::string> all_addresses() {
    std::vector<std::string> out;
    for (const std::string& subnet : subnets) {
        for (const char* host : {"10", "20", "40", "80"}) out.push_back(subnet + host);
    }
    return out;
}

class Zone : public testing::Test {
protected:
    Zone() {
        network.add_addresses(addresses);
        {
            const auto inside = network.in_vpc();
            tasks.emplace(addresses);
        }
        std::string list;
        for (const std::string& address : addresses) list += (list.empty() ? "" : ", ") + address;
        const std::string common = ", source: static, port: " + std::to_string(tasks->port()) + ", addresses: [" +
                                   list + "], zone: {map: {10.0.1.0/24: a, 10.0.2.0/24: b, 10.0.3.0/24: c}, prefer: ";
        daemon.emplace(DaemonOptions{
            .yaml = "upstream: {servers: [10.0.1.1]}\n"
                    "defaults: {health: {interval: 200ms, fast_interval: 100ms, timeout: 150ms, rise: 1}}\n"
                    "services:\n  - {name: near.test" +
                    common + "true}}\n  - {name: all.test" + common + "false}}\n"});
    }

    /// So many of each zone answer; waits until that is what is served.
    void let_answer(const std::array<std::size_t, 3>& counts) {
        std::set<std::string> wanted;
        for (std::size_t i = 0; i < addresses.size(); ++i) {
            const bool answers_now = i % 4 < counts[i / 4];
            if (answers_now) wanted.insert(addresses[i]);
            const auto inside = network.in_vpc();
            tasks->set(addresses[i], answers_now ? Conduct::answers : Conduct::refuses);
        }
        const auto served = [&](const std::string& name) { return report(*daemon, name).served() == wanted; };
        ASSERT_TRUE(wait_until(4s, [&] { return served("near.test") && served("all.test"); }));
    }

    /// The percentage of answers that begin with an address of another zone.
    double cross_zone(const std::string& name) const {
        int foreign = 0;
        for (const auto& [address, times] : firsts(*daemon, name, answers)) {
            if (!address.starts_with(own)) foreign += times;
        }
        return 100.0 * foreign / answers;
    }

    void expect(const std::array<std::size_t, 3>& counts, bool preferred) {
        let_answer(counts);
        if (HasFatalFailure()) return;
        const double near = cross_zone("near.test");
        const double all = cross_zone("all.test");
        const ServiceReport now = report(*daemon, "near.test");
        const double sum = static_cast<double>(counts[0] + counts[1] + counts[2]);
        std::printf("%3zu %zu %zu%10.0f %%%11s%9.1f %%%9.1f %%\n", counts[0], counts[1], counts[2],
                    300.0 * static_cast<double>(counts[0]) / sum, now.zone_preferred ? "true" : "false", near, all);
        const double share = 100.0 * static_cast<double>(counts[1] + counts[2]) / sum;
        EXPECT_EQ(now.zone_preferred, preferred) << counts[0];
        constexpr double part_of_a_round = 2;  // points; 240 answers are not always whole rounds
        EXPECT_NEAR(near, preferred ? 0 : share, preferred ? 0 : part_of_a_round) << counts[0];
        EXPECT_NEAR(all, share, part_of_a_round) << counts[0];
    }

    const std::vector<std::string> addresses = all_addresses();
    NetworkNamespaces network;
    NetworkNamespaces::Inside inside_task = network.in_task();
    std::optional<ManyBackends> tasks;
    std::optional<DaemonUnderTest> daemon;
};

TEST_F(Zone, TheOwnOneComesFirstWhileItSuffices) {
    ASSERT_TRUE(daemon->wait_until_ready());
    EXPECT_EQ(report(*daemon, "near.test").zone, "a");
    std::printf("answers that begin with another zone's address, of %d\n%s\n", answers,
                "a b c   fair share  preferred    prefer    else");
    expect({4, 4, 4}, true);
    expect({3, 4, 4}, false);  // 82 % of its fair share
    expect({3, 4, 3}, true);   // 90 %
    expect({3, 3, 3}, true);
    expect({2, 3, 3}, false);  // 75 %
    expect({2, 2, 2}, true);
    expect({1, 2, 2}, false);
    expect({1, 1, 1}, false);  // its whole share, but one alone is no zone to rely on
    expect({0, 2, 2}, false);
    expect({2, 2, 2}, true);  // back as they return
    expect({4, 4, 4}, true);
    expect({4, 0, 0}, true);
}

}  // namespace
}  // namespace taskdns::testing_support
