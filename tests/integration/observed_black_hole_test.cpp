// The application's own connections that nobody answers take an endpoint out of the answers, without any probe; and
// beside probes they never make it later. In a network of its own, where packets get lost.
// TASKDNS_TRIALS=50 makes more of the trials. To see the tables:
// build/dev/tests/integration --gtest_filter='*ObservedBlackHole*'
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <thread>

#include <gmock/gmock.h>

#include "support/application.hpp"
#include "support/observed_report.hpp"
#include "support/task_network.hpp"

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;
using std::chrono::duration;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

const std::vector<std::string> sound{"10.0.1.251", "10.0.1.252", "10.0.1.253"};  // every service has these besides

struct Settings {
    std::string name;
    std::string health;
    std::optional<milliseconds> from_fault;  ///< the bound that the probes alone hold; none: no probes
};

void PrintTo(const Settings& settings, std::ostream* out) { *out << settings.name; }

/// One service, one endpoint of which is lost at a time of its own.
struct Trial {
    std::string service;
    std::string address;
    steady_clock::time_point lost_at{};
    steady_clock::time_point last_named{};
    std::optional<steady_clock::time_point> first_unanswered;  ///< when that connect() began
    bool lost = false;
};

std::vector<Trial> make_trials() {
    const char* wanted = std::getenv("TASKDNS_TRIALS");
    const int count = std::clamp(wanted != nullptr ? std::atoi(wanted) : 5, 1, 100);
    std::vector<Trial> trials;
    for (int i = 0; i < count; ++i) {
        const std::string number = std::to_string(i + 10);
        trials.push_back({.service = "t" + number + ".test", .address = "10.0.1." + number});
    }
    return trials;
}

class ObservedBlackHole : public testing::TestWithParam<Settings> {
protected:
    std::vector<std::string> all_addresses() const {
        std::vector<std::string> all = sound;
        for (const Trial& trial : trials) all.push_back(trial.address);
        return all;
    }

    std::string yaml() const {
        std::string text;
        for (const Trial& trial : trials) {
            std::vector<std::string> addresses = sound;
            addresses.push_back(trial.address);
            text += static_service(trial.service, addresses, port(), GetParam().health);
        }
        return text;
    }

    /// To each of its endpoints every 200 ms, as 20 a second over four do.
    std::vector<Turn> turns() const { return turns_to(all_addresses(), {.port = port()}); }

    /// Asks for every service each 5 ms; the endpoints are lost one after the other, at every phase of the dumps.
    void run(const DaemonUnderTest& daemon, const Application& application) {
        const auto first = steady_clock::now() + 1s;
        for (std::size_t i = 0; i < trials.size(); ++i) {
            trials[i].lost_at = first + 1170ms * static_cast<long>(i) / static_cast<long>(trials.size());
        }
        const auto end = trials.back().lost_at + 4s + GetParam().from_fault.value_or(0ms);
        for (auto tick = steady_clock::now(); steady_clock::now() < end;) {
            for (Trial& trial : trials) {
                if (!trial.lost && steady_clock::now() >= trial.lost_at) {
                    trial.lost = true;
                    task.network.black_hole(trial.address);
                    trial.lost_at = steady_clock::now();
                }
                if (names(daemon, trial.service, trial.address)) trial.last_named = steady_clock::now();
            }
            tick = std::max(tick + 5ms, steady_clock::now() - 5ms);
            std::this_thread::sleep_until(tick);
        }
        for (Trial& trial : trials) {
            trial.first_unanswered = application.met(trial.address, port()).waiting_since;
        }
    }

    void print(const char* from, const std::vector<double>& times, milliseconds bound) const {
        std::printf("%-10s%-20s%8zu%s%9ld\n", GetParam().name.c_str(), from, times.size(), quantiles(times).c_str(),
                    static_cast<long>(bound.count()));
        EXPECT_LE(*std::ranges::max_element(times), bound.count()) << from;
    }

    std::uint16_t port() const { return task.backends.port(); }

    std::vector<Trial> trials = make_trials();
    TaskNetwork task{all_addresses()};
};

TEST_P(ObservedBlackHole, LeavesTheAnswersInTime) {
    const DaemonUnderTest daemon(with_services(yaml()));
    ASSERT_TRUE(daemon.wait_until_ready());
    const Application application(turns(), 200ms / (trials.size() + sound.size()));
    for (const Trial& trial : trials) {
        ASSERT_TRUE(wait_until(5s, [&] { return application.met(trial.address, port()).answered > 1; }));
        ASSERT_TRUE(wait_until(5s, [&] { return names(daemon, trial.service, trial.address); })) << trial.address;
    }
    run(daemon, application);

    std::vector<double> from_connect;
    std::vector<double> from_fault;
    for (const Trial& trial : trials) {
        ASSERT_TRUE(trial.first_unanswered) << trial.address;
        from_connect.push_back(duration<double, std::milli>(trial.last_named - *trial.first_unanswered).count());
        from_fault.push_back(duration<double, std::milli>(trial.last_named - trial.lost_at).count());
        EXPECT_EQ(named_by(daemon, trial.service).size(), sound.size());
        if (!GetParam().from_fault) {
            EXPECT_EQ(report(daemon, trial.service).reason(trial.address), "unhealthy:timeout (observed)");
        }
    }
    std::printf("a black hole, to the last answer that names the endpoint, ms\n%-10s%-20s%8s%9s%9s%9s%9s%9s\n",
                "settings", "from", "trials", "min", "median", "p90", "max", "bound");
    const milliseconds without_probes = 2'500ms;
    print("unanswered connect", from_connect, GetParam().from_fault.value_or(without_probes));
    print("the fault", from_fault, GetParam().from_fault.value_or(without_probes + 200ms));
    std::fflush(stdout);
}

// With probes: interval + fall * timeout + (fall - 1) * fast_interval, and 100 ms.
INSTANTIATE_TEST_SUITE_P(
    Health, ObservedBlackHole,
    testing::Values(Settings{"none", "check: none", std::nullopt}, Settings{"tcp", "check: tcp", 6'100ms},
                    Settings{"quick", "check: tcp, interval: 1s, timeout: 300ms, fast_interval: 200ms", 2'400ms}),
    [](const auto& named) { return named.param.name; });

}  // namespace
}  // namespace taskdns::testing_support
