// The application's own refused connection takes an endpoint out of the answers at once, without any probe.
// TASKDNS_TRIALS=100 makes more of the trials. To see the table:
// build/dev/tests/integration --gtest_filter='*ObservedRefusal*'
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <thread>

#include <gmock/gmock.h>

#include "support/application.hpp"
#include "support/observed_report.hpp"
#include "support/task_network.hpp"

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;
using std::chrono::duration;
using std::chrono::steady_clock;
using testing::HasSubstr;

constexpr std::size_t endpoints = 4;  // of each service

/// A service of its own for each trial, because who is out stays out for 30 s.
struct Trial {
    std::string service;
    std::vector<std::string> addresses;
};

std::vector<Trial> make_trials() {
    const char* wanted = std::getenv("TASKDNS_TRIALS");
    const int count = std::clamp(wanted != nullptr ? std::atoi(wanted) : 5, 1, 200);
    std::vector<Trial> trials;
    for (int i = 0; i < count; ++i) {
        const std::string number = std::to_string(i + 1);
        trials.push_back({"t" + number + ".test", address_range("127.0." + number + ".", 11, endpoints)});
    }
    return trials;
}

/// The application's sockets.
struct Sockets {
    std::string name;
    bool mapped = false;
    bool blocking = false;
};

void PrintTo(const Sockets& sockets, std::ostream* out) { *out << sockets.name; }

class ObservedRefusal : public testing::TestWithParam<Sockets> {
protected:
    ObservedRefusal() : trials(make_trials()), backends(all_addresses()), daemon(with_services(yaml())) {}

    std::vector<std::string> all_addresses() const {
        std::vector<std::string> all;
        for (const Trial& trial : trials) all.insert(all.end(), trial.addresses.begin(), trial.addresses.end());
        return all;
    }

    std::string yaml() const {
        std::string text;
        for (const Trial& trial : trials) {
            text += static_service(trial.service, trial.addresses, backends.port(), "check: none");
        }
        return text;
    }

    /// From the first refused connect() to the last answer that names the endpoint, in milliseconds.
    double run(const Trial& trial) {
        const std::string victim = trial.addresses[random() % trial.addresses.size()];
        const Turn turn{.port = backends.port(), .mapped = GetParam().mapped, .blocking = GetParam().blocking};
        const Application application(turns_to(trial.addresses, turn), 50ms);  // 20 connections a second
        const auto met = [&](const std::string& address) { return application.met(address, backends.port()); };
        EXPECT_TRUE(wait_until(5s, [&] {
            return std::ranges::all_of(trial.addresses, [&](const auto& a) { return met(a).answered > 0; });
        }));
        EXPECT_EQ(named_by(daemon, trial.service).size(), endpoints);

        std::this_thread::sleep_for(random() % 200 * 1ms);  // at any phase of the turns
        backends.set(victim, Conduct::refuses);
        const auto last = last_answer_that_names(daemon, trial.service, victim, 400ms, 3s);
        const auto refused = met(victim).first_refused;
        EXPECT_TRUE(refused) << "it connects to each every 200 ms";
        EXPECT_EQ(named_by(daemon, trial.service).size(), endpoints - 1);
        EXPECT_EQ(report(daemon, trial.service).reason(victim), "unhealthy:refused (observed)");
        if (!last || !refused) return 0;
        return std::max(0.0, duration<double, std::milli>(*last - *refused).count());
    }

    const std::vector<Trial> trials;
    ManyBackends backends;
    const DaemonUnderTest daemon;
    std::minstd_rand random{std::random_device{}()};
};

TEST_P(ObservedRefusal, LeavesTheAnswersAtOnce) {
    ASSERT_TRUE(daemon.wait_until_ready());
    std::vector<double> times;
    for (const Trial& trial : trials) times.push_back(run(trial));
    for (const Trial& trial : trials) {
        for (const std::string& address : trial.addresses) EXPECT_EQ(backends.wordless(address), 0U) << "probed";
    }
    std::printf(
        "from the first refused connect() to the last answer that names the endpoint, ms\n"
        "%-16s%8s%9s%9s%9s%9s\n%-16s%8zu%s\n",
        "sockets", "trials", "min", "median", "p90", "max", GetParam().name.c_str(), times.size(),
        quantiles(times).c_str());
    std::fflush(stdout);
    EXPECT_LE(*std::ranges::max_element(times), 50);
}

INSTANTIATE_TEST_SUITE_P(Health, ObservedRefusal,
                         testing::Values(Sockets{"Plain"}, Sockets{.name = "Mapped", .mapped = true},
                                         Sockets{.name = "Blocking", .blocking = true},
                                         Sockets{.name = "MappedBlocking", .mapped = true, .blocking = true}),
                         [](const auto& named) { return named.param.name; });

// Over a link the refusal comes later than connect(2) returns, and the kernel tells of it in another way.
TEST(ObservedRefusalOverALink, LeavesTheAnswersAtOnce) {
    const std::vector<std::string> addresses = address_range("10.0.1.", 11, 9);
    TaskNetwork task(addresses);
    const std::uint16_t port = task.backends.port();
    const DaemonUnderTest daemon(with_services(static_service("api.test", addresses, port, "check: none")));
    ASSERT_TRUE(daemon.wait_until_ready());
    std::vector<Turn> turns = turns_to(addresses, {.port = port});
    for (std::size_t i = 0; i < turns.size(); ++i) {
        turns[i].mapped = i % 2 == 1;
        turns[i].blocking = i % 4 >= 2;
    }
    const Application application(turns, 10ms);
    ASSERT_TRUE(wait_until(5s, [&] { return application.met(addresses.back(), port).answered > 2; }));
    std::vector<double> times;
    for (std::size_t i = 0; i < 6; ++i) {
        task.set(addresses[i], Conduct::refuses);
        const auto last = last_answer_that_names(daemon, "api.test", addresses[i], 400ms, 3s);
        const auto refused = application.met(addresses[i], port).first_refused;
        ASSERT_TRUE(refused);
        times.push_back(last ? std::max(0.0, duration<double, std::milli>(*last - *refused).count()) : 0);
    }
    std::printf("over a link, ms: min, median, p90, max\n%s\n", quantiles(times).c_str());
    std::fflush(stdout);
    EXPECT_LE(*std::ranges::max_element(times), 50);
    EXPECT_EQ(named_by(daemon, "api.test", 64).size(), addresses.size() - 6);
}

// 30 s pass in it: let others run beside it.
TEST(ObservedReturn, AnEndpointWithoutAProbeIsTriedAgainAfterHalfAMinute) {
    const std::vector<std::string> addresses = address_range("127.0.1.", 11, endpoints);
    const std::string& victim = addresses.front();
    ManyBackends backends(addresses);
    const DaemonUnderTest daemon(
        with_services(static_service("api.test", addresses, backends.port(), "check: none")));
    ASSERT_TRUE(daemon.wait_until_ready());
    std::optional<Application> application;
    application.emplace(turns_to(addresses, {.port = backends.port()}), 50ms);
    ASSERT_TRUE(wait_until(5s, [&] { return application->met(victim, backends.port()).answered > 0; }));
    const auto out = [&] { return !named_by(daemon, "api.test").contains(victim); };

    backends.set(victim, Conduct::refuses);
    const auto killed_at = steady_clock::now();
    ASSERT_TRUE(wait_until(2s, out));
    application.reset();  // else its next connection takes the endpoint out again, before anybody sees it back
    const auto out_for = [](steady_clock::time_point since) {
        return duration<double>(steady_clock::now() - since).count();
    };
    ASSERT_TRUE(wait_until(40s, [&] { return !out(); }));
    std::printf("named again %.1f s after it was killed\n", out_for(killed_at));
    EXPECT_GE(out_for(killed_at), 29);
    EXPECT_LE(out_for(killed_at), 36) << "that its time is over is noticed within 5 s";
    application.emplace(turns_to(addresses, {.port = backends.port()}), 50ms);
    EXPECT_TRUE(wait_until(1s, out)) << "it still refuses, and the application tries again";
    EXPECT_THAT(report(daemon, "api.test").reason(victim), HasSubstr("refused (observed)"));
    EXPECT_FALSE(wait_until(3s, [&] { return !out(); }));
}

}  // namespace
}  // namespace taskdns::testing_support
