// The words for people, each as it is shown; and that none of docs/http-api.md is missing.
#include <fstream>
#include <iterator>
#include <regex>

#include <gtest/gtest.h>

#include "http_server/plain_words.hpp"

namespace taskdns::http_server {
namespace {

using namespace std::chrono_literals;

const WallTime noon = WallTime{} + 1'000'000'000s;

struct ReasonCase {
    const char* name;
    const char* reason;
    bool served;
    const char* text;
};

void PrintTo(const ReasonCase& c, std::ostream* out) { *out << c.name; }

class ExplainReason : public testing::TestWithParam<ReasonCase> {};

TEST_P(ExplainReason, Says) { EXPECT_EQ(explain_reason(GetParam().reason, GetParam().served), GetParam().text); }

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Table, ExplainReason,
    testing::Values(
        ReasonCase{"Served", "served", true, "in the answers, and the registry names it"},
        ReasonCase{"Refused", "unhealthy:refused", false, "left out: connection refused"},
        ReasonCase{"Timeout", "unhealthy:timeout", false, "left out: no answer in time"},
        ReasonCase{"Reset", "unhealthy:reset", false, "left out: connection reset"},
        ReasonCase{"Unreachable", "unhealthy:unreachable", false, "left out: no route to it"},
        ReasonCase{"Status", "unhealthy:status", false, "left out: unexpected HTTP status"},
        ReasonCase{"Unavailable", "unhealthy:unavailable", false, "left out: HTTP 503: it asks to be left out"},
        ReasonCase{"Response", "unhealthy:response", false, "left out: no HTTP answer"},
        ReasonCase{"Tls", "unhealthy:tls", false, "left out: TLS failed"},
        ReasonCase{"Body", "unhealthy:body", false, "left out: the body lacks the expected text"},
        ReasonCase{"Observed", "unhealthy:refused (observed)", false, "left out: connection refused, seen in the application's own connections"},
        ReasonCase{"ServedAllTheSame", "unhealthy:timeout", true, "no answer in time; served all the same, since there is none better"},
        ReasonCase{"Panic", "panic:timeout", true, "no answer in time; served all the same, since too many fail at once"},
        ReasonCase{"FirstCheck", "withheld:first_check", false, "new: left out until its first check, while others pass"},
        ReasonCase{"Drained", "drained", false, "somebody has drained it by the HTTP interface"},
        ReasonCase{"NotKnownHere", "something:else", false, "something:else"}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

std::string section(const std::string& heading) {
    std::ifstream file(TASKDNS_SOURCE_DIR "/docs/http-api.md");
    const std::string page{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    const std::size_t begin = page.find("\n" + heading + "\n");
    return begin == std::string::npos ? "" : page.substr(begin, page.find("\n#", begin + 5) - begin);
}

/// The documented list is closed: each word of it, and so each that an endpoint can have, is explained.
TEST(PlainWords, ExplainEachReasonOfTheDocuments) {
    const std::string text = section("### Reasons");
    const std::regex word("`([a-z_:]+)`");
    int found = 0;
    for (auto at = text.find("\n| `"); at != std::string::npos; at = text.find("\n| `", at + 1)) {
        const std::string cell = text.substr(at, text.find(" |", at + 3) - at);
        for (std::sregex_iterator i(cell.begin(), cell.end(), word), end; i != end; ++i) {
            EXPECT_NE(explain_reason((*i)[1].str(), false), (*i)[1].str()) << (*i)[1];
            ++found;
        }
    }
    EXPECT_GT(found, 15);
}

TEST(PlainWords, ExplainEachWordThatIsNoEvidence) {
    EXPECT_EQ(explain_outcome("late_timeout"), "no answer seen, but taskdns itself stood still");
    EXPECT_EQ(explain_outcome("local_fault"), "could not be checked from here");
}

TEST(PlainWords, ExplainEachRung) {
    for (const char* rung :
         {"not_ready", "healthy", "reserve", "unverified", "doubtful", "all", "last_healthy", "no_endpoint"}) {
        EXPECT_NE(explain_rung(rung), rung);
    }
}

struct AgeCase {
    const char* name;
    std::chrono::milliseconds age;
    const char* text;
};

void PrintTo(const AgeCase& c, std::ostream* out) { *out << c.name; }

class FormatAge : public testing::TestWithParam<AgeCase> {};

TEST_P(FormatAge, Says) { EXPECT_EQ(format_age(noon - GetParam().age, noon), GetParam().text); }

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Table, FormatAge,
    testing::Values(
        AgeCase{"BelowASecond", 999ms, "now"},
        AgeCase{"ClockSetBack", -5s, "now"},
        AgeCase{"ASecond", 1s, "1 s"},
        AgeCase{"LastOfSeconds", 119s, "119 s"},
        AgeCase{"FirstOfMinutes", 120s, "2 min"},
        AgeCase{"LastOfMinutes", 3599s, "59 min"},
        AgeCase{"FirstOfHours", 1h, "1 h 0 min"},
        AgeCase{"LastOfHours", 24h - 1s, "23 h 59 min"},
        AgeCase{"Days", 52h, "2 d 4 h"}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

TEST(PlainWords, SayThatATimeIsNotKnown) { EXPECT_EQ(format_age(WallTime{}, noon), "-"); }

TEST(PlainWords, RoundFigures) {
    EXPECT_EQ(format_latency(std::chrono::microseconds(412)), "0.41 ms");
    EXPECT_EQ(format_latency(std::chrono::microseconds(9'949)), "9.9 ms");
    EXPECT_EQ(format_latency(std::chrono::microseconds(9'951)), "10 ms");
    EXPECT_EQ(format_latency(std::chrono::microseconds(3'240'000)), "3.2 s");
    EXPECT_EQ(format_percent(0), "0 %");
    EXPECT_EQ(format_percent(0.001), "<1 %");
    EXPECT_EQ(format_percent(0.254), "25 %");
}

}  // namespace
}  // namespace taskdns::http_server
