// A zone that shrinks by much is followed soon, but not on the word of a single answer.
// What it prints: when each answer of the registry came, and when those that it left out left.
// To see it: build/dev/tests/integration --gtest_filter='ScaleIn.*'
#include <atomic>
#include <cstdio>
#include <thread>

#include <gmock/gmock.h>

#include "support/fake_registry.hpp"
#include "support/many_backends.hpp"
#include "support/service_report.hpp"

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;
using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::UnorderedElementsAreArray;

const std::string service = "orders.test";

/// Asks every 20 ms, in a thread of its own, and remembers whom each answer named.
class Application {
public:
    struct Answer {
        steady_clock::time_point at;
        std::vector<std::string> addresses;
    };

    explicit Application(const DaemonUnderTest& daemon)
        : thread_([this, &daemon] {
              for (auto tick = steady_clock::now(); !stopping_; std::this_thread::sleep_until(tick += 20ms)) {
                  Answer answer{.at = {}, .addresses = daemon.ask_a(service)};
                  answer.at = steady_clock::now();
                  answers_.push_back(std::move(answer));
              }
          }) {}
    ~Application() {
        if (thread_.joinable()) stop();
    }
    Application(const Application&) = delete;
    Application& operator=(const Application&) = delete;

    /// All answers so far.
    const std::vector<Answer>& stop() {
        stopping_ = true;
        thread_.join();
        return answers_;
    }

private:
    std::atomic<bool> stopping_ = false;
    std::vector<Answer> answers_;  // the thread's until it has ended
    std::thread thread_;
};

class ScaleIn : public testing::Test {
protected:
    ScaleIn() {
        registry.set(service, addresses, 1);
        daemon.emplace(DaemonOptions{.yaml = "services:\n  - name: " + service +
                                             "\n    record: A\n    port: " + std::to_string(tasks.port()) +
                                             "\n    poll: {min: 100ms}\n    answer: {size: 16}\n    health: "
                                             "{interval: 300ms, fast_interval: 100ms, timeout: 200ms}\n",
                                     .upstream_port = registry.port()});
    }
    void SetUp() override {
        ASSERT_TRUE(daemon->wait_until_ready());
        ASSERT_TRUE(wait_until(3s, [&] { return daemon->ask_a(service).size() == addresses.size(); }));
    }

    /// Answers with so many records since `begin`.
    std::vector<FakeRegistry::Answered> answers_of(std::size_t records, steady_clock::time_point begin) const {
        std::vector<FakeRegistry::Answered> out = registry.answers(service);
        std::erase_if(out, [&](const auto& answer) { return answer.at < begin || answer.records != records; });
        return out;
    }

    const std::vector<std::string> addresses = address_range("127.0.1.", 11, 10);
    const std::vector<std::string> stay{addresses.begin(), addresses.begin() + 3};
    ManyBackends tasks{addresses};
    FakeRegistry registry;
    std::optional<DaemonUnderTest> daemon;
};

long ms(steady_clock::duration duration) { return static_cast<long>(duration_cast<milliseconds>(duration).count()); }

TEST_F(ScaleIn, FromTenToThreeIsFollowedWithTheSecondAnswer) {
    Application application(*daemon);
    std::this_thread::sleep_for(300ms);
    const auto begin = steady_clock::now();
    registry.set(service, stay, 1);
    ASSERT_TRUE(wait_until(30s, [&] { return daemon->ask_a(service).size() == 3; }));
    std::this_thread::sleep_for(500ms);
    const std::vector<Application::Answer>& answers = application.stop();

    std::printf("the zone goes from 10 to 3 tasks at 0 ms; the other 7 still answer; TTL 1 s\n");
    const std::vector<FakeRegistry::Answered> shrunk = answers_of(3, begin);
    for (const auto& answer : shrunk) std::printf("%6ld ms: the registry names 3\n", ms(answer.at - begin));
    auto last_of_ten = begin;
    for (const Application::Answer& answer : answers) {
        EXPECT_FALSE(answer.addresses.empty());
        if (answer.addresses.size() > 3) last_of_ten = answer.at;
    }
    std::printf("%6ld ms: the last answer that names one of the 7\n", ms(last_of_ten - begin));
    ASSERT_GE(shrunk.size(), 2U);
    EXPECT_GT(last_of_ten, shrunk[0].at + 500ms) << "one answer alone changes nothing";
    EXPECT_LE(last_of_ten, shrunk[1].at + 100ms);
    EXPECT_LE(last_of_ten - begin, 30s);
    EXPECT_THAT(answers.back().addresses, UnorderedElementsAreArray(stay));
}

TEST_F(ScaleIn, ThoseThatFailLeaveWhileTheGuardWaits) {
    Application application(*daemon);
    registry.set(service, stay, 60);  // so that the confirmation does not come soon
    ASSERT_TRUE(wait_until(4s, [&] { return report(*daemon, service).registry == "guarded"; }));
    const auto killed_at = steady_clock::now();
    const std::vector<std::string> dead{addresses[8], addresses[9]};
    for (const std::string& address : dead) tasks.set(address, Conduct::refuses);
    std::this_thread::sleep_for(1s);
    const ServiceReport at_last = report(*daemon, service);
    auto last_named = killed_at;
    for (const Application::Answer& answer : application.stop()) {
        EXPECT_FALSE(answer.addresses.empty());
        for (const std::string& address : dead) {
            if (std::ranges::count(answer.addresses, address) > 0) last_named = answer.at;
        }
    }
    std::printf(
        "guarded: 2 of the 7 are killed at 0 ms, last answer that names one %ld ms (interval 300 ms); still "
        "served: %s, %s\n",
        ms(last_named - killed_at), last_numbers(at_last.served()).c_str(), at_last.reason(addresses[7]).c_str());
    EXPECT_LE(last_named - killed_at, 300ms + 100ms);
    EXPECT_EQ(at_last.registry, "guarded");
    EXPECT_EQ(at_last.served().size(), 8U);
    EXPECT_EQ(at_last.reason(addresses[7]), "held:shrink_guard");
    EXPECT_EQ(at_last.reason(addresses[8]), "unhealthy:refused");
}

TEST_F(ScaleIn, AWrongAnswerChangesNothing) {
    Application application(*daemon);
    const auto begin = steady_clock::now();
    registry.set(service, {addresses[4]}, 1);
    ASSERT_TRUE(wait_until(3s, [&] { return !answers_of(1, begin).empty(); }));
    registry.set(service, addresses, 1);
    ASSERT_TRUE(wait_until(3s, [&] { return answers_of(10, begin).size() >= 2; }));
    std::this_thread::sleep_for(200ms);
    const std::vector<Application::Answer>& answers = application.stop();
    EXPECT_EQ(answers_of(1, begin).size(), 1U);
    std::size_t different = 0;
    for (const Application::Answer& answer : answers) {
        if (std::set<std::string>(answer.addresses.begin(), answer.addresses.end()).size() != addresses.size())
            ++different;
    }
    std::printf("one answer with 1 of 10: %zu of %zu answers in %ld ms are not the 10\n", different, answers.size(),
                ms(answers.back().at - begin));
    EXPECT_EQ(different, 0U);
    EXPECT_GE(answers.size(), 60U);
    EXPECT_EQ(report(*daemon, service).registry, "complete");
}

}  // namespace
}  // namespace taskdns::testing_support
