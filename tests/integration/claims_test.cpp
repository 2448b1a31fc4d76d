// Addresses are used again: one that another service's registry names leaves the service that only holds it.
// What it prints: who is served, and why. To see it: build/dev/tests/integration --gtest_filter='Claims.*'
#include <cstdio>

#include <gmock/gmock.h>

#include "support/fake_registry.hpp"
#include "support/many_backends.hpp"
#include "support/service_report.hpp"

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;

const std::string orders = "orders.test";
const std::string stock = "stock.test";
const std::string moving = "127.0.1.13";

class Claims : public testing::Test {
protected:
    Claims() {
        registry.set(orders, {"127.0.1.11", "127.0.1.12", moving}, 0);
        registry.set(stock, {"127.0.1.21"}, 0);
        const std::string port = std::to_string(tasks.port());
        daemon.emplace(DaemonOptions{.yaml = "upstream: {timeout: 100ms, attempts: 1}\n"
                                             "defaults: {record: A, port: " +
                                             port +
                                             ", poll: {min: 100ms}, health: {interval: 300ms, fast_interval: 100ms, "
                                             "timeout: 200ms}}\nservices: [{name: " +
                                             orders + "}, {name: " + stock + "}]\n",
                                     .upstream_port = registry.port()});
    }
    void SetUp() override {
        ASSERT_TRUE(daemon->wait_until_ready());
        ASSERT_TRUE(wait_until(3s, [&] { return report(*daemon, orders).served().size() == 3; }));
    }

    void show(const char* step) const {
        const ServiceReport of_orders = report(*daemon, orders);
        const ServiceReport of_stock = report(*daemon, stock);
        std::printf("%-44sorders: %-12s(13: %s)  stock: %-8s(13: %s)\n", step,
                    last_numbers(of_orders.served()).c_str(), of_orders.reason(moving).c_str(),
                    last_numbers(of_stock.served()).c_str(), of_stock.reason(moving).c_str());
    }
    bool has_moved() const {
        return report(*daemon, orders).find(moving) == nullptr && report(*daemon, stock).serves(moving);
    }

    ManyBackends tasks{{"127.0.1.11", "127.0.1.12", moving, "127.0.1.21"}};
    FakeRegistry registry;
    std::optional<DaemonUnderTest> daemon;
};

TEST_F(Claims, AWithdrawnAddressLeavesTheReserve) {
    registry.set(orders, {"127.0.1.11", "127.0.1.12"}, 0);
    ASSERT_TRUE(wait_until(3s, [&] { return report(*daemon, orders).reason(moving) == "withdrawn"; }));
    show("orders' registry names 13 no more");
    registry.set(stock, {"127.0.1.21", moving}, 0);
    EXPECT_TRUE(wait_until(3s, [&] { return has_moved(); }));
    show("stock's registry names it");

    tasks.set("127.0.1.11", Conduct::refuses);
    tasks.set("127.0.1.12", Conduct::refuses);
    EXPECT_TRUE(wait_until(3s, [&] { return report(*daemon, orders).rung == "all"; })) << "there is no reserve";
    EXPECT_FALSE(named_by(*daemon, orders).contains(moving));
    EXPECT_THAT(named_by(*daemon, stock), testing::Contains(moving));
    show("all of orders refuse");
}

TEST_F(Claims, AnAddressHeldBecauseTheRegistryIsSilentLeaves) {
    registry.silence(orders);
    const auto held = [&] { return report(*daemon, orders).reason(moving) == "held:upstream_failed"; };
    ASSERT_TRUE(wait_until(3s, held));
    EXPECT_TRUE(named_by(*daemon, orders).contains(moving)) << "it passes";
    show("orders' registry fails");
    registry.set(stock, {"127.0.1.21", moving}, 0);
    EXPECT_TRUE(wait_until(3s, [&] { return has_moved(); }));
    show("stock's registry names 13");
    EXPECT_FALSE(named_by(*daemon, orders).contains(moving));
    EXPECT_EQ(last_numbers(named_by(*daemon, orders)), "11 12") << "the others stay";
}

TEST_F(Claims, TwoServicesMayNameTheSameTasks) {
    registry.set(stock, {"127.0.1.21", moving}, 0);
    ASSERT_TRUE(wait_until(3s, [&] { return report(*daemon, stock).serves(moving); }));
    show("both name 13");
    EXPECT_EQ(last_numbers(named_by(*daemon, orders)), "11 12 13");
    EXPECT_EQ(last_numbers(named_by(*daemon, stock)), "13 21");
}

}  // namespace
}  // namespace taskdns::testing_support
