// Whatever the application itself does with its connections, and whatever a network that loses packets does to them,
// is no evidence against an endpoint that is well. In a network of its own, which can lose packets.
// TASKDNS_SECONDS=600 looks for ten minutes. To see the figures:
// build/dev/tests/integration --gtest_filter='ObservedTraffic.*'
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include <gmock/gmock.h>

#include "support/application.hpp"
#include "support/observed_report.hpp"
#include "support/task_network.hpp"

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using testing::HasSubstr;
using testing::Not;

const std::vector<std::string> addresses = address_range("10.0.1.", 11, 4);
const std::vector<std::string> services{"none.test", "tcp.test"};

/// How long each half lasts: without loss, and with it.
std::chrono::seconds half() {
    const char* wanted = std::getenv("TASKDNS_SECONDS");
    return std::chrono::seconds(std::max(wanted != nullptr ? std::atoi(wanted) : 20, 12) / 2);
}

/// Everything that an application may do, to each endpoint in turn.
std::vector<Turn> every_manner(std::uint16_t port, std::uint16_t closed_port) {
    const std::vector<Turn> manners{
        {.port = port},
        {.port = port, .mapped = true},
        {.port = port, .manner = Manner::reset},
        {.port = port, .manner = Manner::half_close},
        {.port = port, .manner = Manner::abort},
        {.port = port, .manner = Manner::abort, .mapped = true},
        {.port = port, .connect_timeout = 100ms},
        {.port = port, .manner = Manner::silence, .read_timeout = 150ms},
        {.port = closed_port},
    };
    std::vector<Turn> turns;
    for (const Turn& manner : manners) {
        for (const Turn& turn : turns_to(addresses, manner)) turns.push_back(turn);
    }
    return turns;
}

class ObservedTraffic : public testing::Test {
protected:
    std::uint16_t port() const { return task.backends.port(); }
    std::uint16_t closed_port() const { return static_cast<std::uint16_t>(port() + 1); }

    std::string yaml() const {
        return static_service(services[0], addresses, port(), "check: none") +
               static_service(services[1], addresses, port(), "check: tcp");
    }

    /// Every endpoint stays in the answers for so long, though nothing at all arrives for 400 ms each 5 s.
    void expect_all_named(const DaemonUnderTest& daemon, std::chrono::seconds time, unsigned percent) const {
        task.network.lose_packets(percent);
        const auto end = steady_clock::now() + time;
        for (auto blackout = steady_clock::now() + 2s; steady_clock::now() < end;) {
            if (steady_clock::now() >= blackout) {
                task.network.lose_packets(100);
                std::this_thread::sleep_for(400ms);
                task.network.lose_packets(percent);
                blackout += 5s;
            }
            for (const std::string& service : services) {
                ASSERT_EQ(named_by(daemon, service).size(), addresses.size())
                    << daemon.get("/v1/services/" + service).body;
            }
            std::this_thread::sleep_for(20ms);
        }
    }

    /// Whether the traffic was as it should be.
    void expect_every_outcome(const Application& application) const {
        for (const std::string& address : addresses) {
            const Met met = application.met(address, port());
            const Met closed = application.met(address, closed_port());
            EXPECT_GT(met.answered, 100U) << address;
            EXPECT_GT(met.connected, met.answered) << address << ": some give up reading";
            EXPECT_GT(met.timed_out, 0U) << address << ": some give up connecting";
            EXPECT_EQ(met.refused, 0U) << address;
            EXPECT_GT(closed.refused, 10U) << address;
            std::printf("%s: %u connected, %u answered, %u gave up connecting; %u refused at a closed port\n",
                        address.c_str(), met.connected, met.answered, met.timed_out, closed.refused);
        }
        std::fflush(stdout);
    }

    TaskNetwork task{addresses};
};

TEST_F(ObservedTraffic, OfAnySortEjectsNoEndpointThatIsWell) {
    const DaemonUnderTest daemon(with_services(yaml()));
    ASSERT_TRUE(daemon.wait_until_ready());
    const Application application(every_manner(port(), closed_port()), 4ms);
    ASSERT_NO_FATAL_FAILURE(expect_all_named(daemon, half(), 0));
    ASSERT_NO_FATAL_FAILURE(expect_all_named(daemon, half(), 2));
    task.network.lose_packets(0);
    expect_every_outcome(application);
    EXPECT_THAT(daemon.log(), Not(HasSubstr("unhealthy")));

    for (const std::string& service : services) {
        EXPECT_EQ(observe_state(daemon, service), "on");
        for (const std::string& address : addresses) {
            const auto seen = observed_connections(daemon, service, address);
            ASSERT_TRUE(seen) << service << " " << address;
            EXPECT_GT(seen->answered, 100U) << "it did look";
            EXPECT_EQ(seen->refused, 0U);
        }
    }
    task.set(addresses[0], Conduct::refuses);
    EXPECT_TRUE(wait_until(500ms, [&] { return !named_by(daemon, services[0]).contains(addresses[0]); }))
        << "it still knows a refusal when it sees one";
}

}  // namespace
}  // namespace taskdns::testing_support
