// How long an endpoint that fails is still named, and what does not count as its failure; in a network of its own,
// where packets get lost and routes go (what loopback can show is in health_test.cpp).
// TASKDNS_TRIALS=50 makes more of the trials. To see the tables:
// build/dev/tests/integration --gtest_filter='*EndpointFaults*'
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <set>
#include <thread>

#include <gmock/gmock.h>

#include "support/backend.hpp"
#include "support/daemon_under_test.hpp"
#include "support/network_namespaces.hpp"

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;
using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::uint16_t port = 8080;
const std::string sound = "10.0.1.250";  // every service has this one besides

/// Backends in the VPC, and a daemon in the task, where the test's own thread is as well.
class Task {
public:
    explicit Task(const std::vector<std::string>& addresses) {
        network.add_addresses(addresses);
        for (const std::string& address : addresses) {
            const auto inside = network.in_vpc();
            backends[address] = std::make_unique<Backend>(address, port);
        }
    }

    void start_backend(const std::string& address) {
        const auto inside = network.in_vpc();
        backends.at(address)->start();
    }

    NetworkNamespaces network;
    std::map<std::string, std::unique_ptr<Backend>> backends;

private:
    NetworkNamespaces::Inside inside_ = network.in_task();
};

/// `health` is the inner part of the mapping, such as "check: tcp, interval: 1s".
std::string service_yaml(const std::string& name, const std::vector<std::string>& addresses,
                         const std::string& health) {
    std::string yaml = "  - {name: " + name + ", source: static, port: " + std::to_string(port) + ", addresses: [";
    for (const std::string& address : addresses) yaml += (address == addresses.front() ? "" : ", ") + address;
    return yaml + "], health: {" + health + "}}\n";
}

/// The upstream is never asked: nothing here is looked up.
DaemonOptions with_services(const std::string& yaml) {
    return {.yaml = "upstream: {servers: [10.0.1.1]}\nservices:\n" + yaml};
}

bool names(const DaemonUnderTest& daemon, const std::string& service, const std::string& address) {
    const std::vector<std::string> answer = daemon.ask_a(service);
    return std::find(answer.begin(), answer.end(), address) != answer.end();
}

/// What some answers name together: a single one may leave an address out, because the client would sort it first.
std::set<std::string> named_by(const DaemonUnderTest& daemon, const std::string& service) {
    std::set<std::string> all;
    for (int i = 0; i < 16; ++i) {
        for (const std::string& address : daemon.ask_a(service)) all.insert(address);
    }
    return all;
}

enum class Fault { refused, black_hole, status_503 };
constexpr std::array<Fault, 3> faults{Fault::refused, Fault::black_hole, Fault::status_503};

struct Settings {
    std::string name;
    milliseconds interval;
    milliseconds timeout;
    milliseconds fast_interval;

    std::string yaml(Fault fault) const {
        std::string text = fault == Fault::status_503 ? "check: http" : "check: tcp";
        if (name == "default") return text;
        const auto add = [&text](const char* key, milliseconds value) {
            text += ", " + std::string(key) + ": " + std::to_string(value.count()) + "ms";
        };
        add("interval", interval);
        add("timeout", timeout);
        add("fast_interval", fast_interval);
        return text;
    }

    milliseconds bound(Fault fault) const {
        const milliseconds doubt = fault == Fault::black_hole ? 3 * timeout + 2 * fast_interval : 0ms;
        return interval + doubt + 100ms;
    }
};

void PrintTo(const Settings& settings, std::ostream* out) { *out << settings.name; }

/// One service, one endpoint of which fails at its own time within an interval.
struct Trial {
    Fault fault = Fault::refused;
    std::string service;
    std::string address;
    steady_clock::time_point fails_at{};
    steady_clock::time_point last_named{};
    bool failed = false;

    milliseconds named_for() const { return duration_cast<milliseconds>(last_named - fails_at); }
};

std::vector<Trial> make_trials() {
    const char* wanted = std::getenv("TASKDNS_TRIALS");
    const std::size_t count =
        std::clamp<std::size_t>(wanted != nullptr ? std::strtoul(wanted, nullptr, 10) : 5, 1, 76);
    std::vector<Trial> trials;
    for (const Fault fault : faults) {
        for (std::size_t i = 0; i < count; ++i) {
            const std::string number = std::to_string(trials.size() + 10);
            trials.push_back({.fault = fault, .service = "t" + number + ".test", .address = "10.0.1." + number});
        }
    }
    return trials;
}

class EndpointFaults : public testing::TestWithParam<Settings> {
protected:
    static void fail(Task& task, Trial& trial) {
        trial.failed = true;
        trial.last_named = trial.fails_at = steady_clock::now();
        switch (trial.fault) {
            case Fault::refused:
                task.backends.at(trial.address)->kill();
                break;
            case Fault::black_hole:
                task.network.black_hole(trial.address);
                break;
            case Fault::status_503:
                task.backends.at(trial.address)->answer_with(503);
                break;
        }
    }

    /// Asks for every service each 10 ms, and lets the endpoints fail one after the other, so that the faults come at
    /// every phase of the checks.
    static void run_trials(Task& task, const DaemonUnderTest& daemon, std::vector<Trial>& trials) {
        const auto first = steady_clock::now() + 500ms;
        auto end = first;
        for (std::size_t i = 0; i < trials.size(); ++i) {
            const auto spread =
                GetParam().interval * static_cast<long>(i * faults.size()) / static_cast<long>(trials.size());
            trials[i].fails_at = first + spread % GetParam().interval;
            end = std::max(end, trials[i].fails_at + GetParam().bound(trials[i].fault) + 500ms);
        }
        for (auto tick = steady_clock::now(); steady_clock::now() < end;
             std::this_thread::sleep_until(tick += 10ms)) {
            for (Trial& trial : trials) {
                if (!trial.failed && steady_clock::now() >= trial.fails_at) fail(task, trial);
                const bool named = names(daemon, trial.service, trial.address);
                if (trial.failed && named) trial.last_named = steady_clock::now();
            }
            tick = std::max(tick, steady_clock::now() - 10ms);
        }
    }

    static void print_row(Fault fault, const std::vector<milliseconds>& times) {
        const auto part = [&times](std::size_t tenths) { return times[(times.size() - 1) * tenths / 10].count(); };
        const std::string label = fault == Fault::refused      ? "refused"
                                  : fault == Fault::black_hole ? "black hole"
                                                               : "status 503";
        std::printf("%-10s%-12s%8zu%8ld%8ld%8ld%8ld%8ld\n", GetParam().name.c_str(), label.c_str(), times.size(),
                    part(0), part(5), part(9), part(10), GetParam().bound(fault).count());
    }
};

TEST_P(EndpointFaults, LeaveTheAnswersInTime) {
    std::vector<Trial> trials = make_trials();
    std::vector<std::string> addresses{sound};
    std::string yaml;
    for (const Trial& trial : trials) {
        addresses.push_back(trial.address);
        yaml += service_yaml(trial.service, {sound, trial.address}, GetParam().yaml(trial.fault));
    }
    Task task(addresses);
    const DaemonUnderTest daemon(with_services(yaml));
    ASSERT_TRUE(daemon.wait_until_ready());
    for (const Trial& trial : trials) {
        ASSERT_TRUE(wait_until(3s, [&] { return names(daemon, trial.service, trial.address); })) << trial.address;
    }
    run_trials(task, daemon, trials);

    std::printf("from a fault to the last answer that names the endpoint, ms\n%-10s%-12s%8s%8s%8s%8s%8s%8s\n",
                "settings", "fault", "trials", "min", "p50", "p90", "max", "bound");
    for (const Fault fault : faults) {
        std::vector<milliseconds> times;
        for (const Trial& trial : trials) {
            if (trial.fault == fault) times.push_back(trial.named_for());
        }
        std::sort(times.begin(), times.end());
        print_row(fault, times);
        EXPECT_LE(times.back(), GetParam().bound(fault));
    }
    std::fflush(stdout);
}

INSTANTIATE_TEST_SUITE_P(Health, EndpointFaults,
                         testing::Values(Settings{"short", 1s, 300ms, 200ms}, Settings{"default", 2s, 1s, 500ms}),
                         [](const auto& named) { return named.param.name; });

const std::string quick = "check: tcp, interval: 300ms, timeout: 200ms, fast_interval: 100ms";

TEST(LocalFault, ARouteThatIsGoneTakesNoEndpointAway) {
    const std::vector<std::string> far{"10.0.2.10", "10.0.2.20", "10.0.3.10"};
    // Where all fail, all are served: only a service that keeps a near endpoint would show that the far ones have
    // left.
    const std::vector<std::string> mixed{"10.0.1.10", "10.0.2.10", "10.0.2.20", "10.0.3.10"};
    Task task(mixed);
    const DaemonUnderTest daemon(
        with_services(service_yaml("far.test", far, quick) + service_yaml("mixed.test", mixed, quick)));
    const auto all_are_named = [&daemon, &far, &mixed] {
        return named_by(daemon, "far.test").size() == far.size() &&
               named_by(daemon, "mixed.test").size() == mixed.size();
    };
    ASSERT_TRUE(daemon.wait_until_ready());
    ASSERT_TRUE(wait_until(3s, all_are_named));

    task.network.remove_default_route();
    const unsigned checks = task.backends["10.0.2.10"]->connections();
    const unsigned near_checks = task.backends["10.0.1.10"]->connections();
    const auto end = steady_clock::now() + 2s;  // more than `fall` checks, at any interval
    while (steady_clock::now() < end) {
        ASSERT_TRUE(all_are_named());
        std::this_thread::sleep_for(20ms);
    }
    EXPECT_LE(task.backends["10.0.2.10"]->connections(), checks + 1) << "nothing can have arrived";
    EXPECT_GE(task.backends["10.0.1.10"]->connections(), near_checks + 3) << "checks went on";
    EXPECT_THAT(daemon.log(), testing::Not(testing::HasSubstr("endpoint unhealthy")));

    task.network.restore_default_route();
    task.backends["10.0.2.20"]->kill();
    EXPECT_TRUE(wait_until(2s, [&] { return named_by(daemon, "far.test").size() == 2; })) << "it checks again";
}

/// An endpoint that failed is served again after so many checks, or one more that came before the answer did.
void expect_checks_until_back(Task& task, const DaemonUnderTest& daemon, const std::string& address,
                              unsigned needed) {
    task.backends.at(address)->kill();
    EXPECT_TRUE(wait_until(2s, [&] { return named_by(daemon, "api.test").count(address) == 0; }));
    const unsigned before = task.backends.at(address)->connections();
    task.start_backend(address);
    EXPECT_TRUE(wait_until(10s, [&] { return names(daemon, "api.test", address); }));
    const auto checks = [&] { return task.backends.at(address)->connections() - before; };
    EXPECT_LE(checks(), needed + 1);
    EXPECT_TRUE(wait_until(1s, [&] { return checks() >= needed; }))
        << "the backend may count later than it is checked";
}

TEST(FlapDamping, ThreeFlapsDoubleTheSuccessesThatBringAnEndpointBack) {
    const std::string flapping = "10.0.1.10";
    Task task({sound, flapping});
    const DaemonUnderTest daemon(with_services(service_yaml("api.test", {sound, flapping}, quick + ", rise: 2")));
    ASSERT_TRUE(daemon.wait_until_ready());
    ASSERT_TRUE(wait_until(3s, [&] { return names(daemon, "api.test", flapping); }));

    const std::vector<unsigned> needed{2, 2, 4, 4, 4, 8};  // after the 1st, 2nd, ... flap
    for (std::size_t flap = 0; flap < needed.size(); ++flap) {
        SCOPED_TRACE("flap " + std::to_string(flap + 1));
        expect_checks_until_back(task, daemon, flapping, needed[flap]);
    }
}

}  // namespace
}  // namespace taskdns::testing_support
