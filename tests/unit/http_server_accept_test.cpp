// Which form a client would rather have.
#include <ostream>

#include <gtest/gtest.h>

#include "http_server/accept.hpp"

namespace taskdns::http_server {
namespace {

enum class Choice { json, text, either };

struct AcceptCase {
    const char* name;
    const char* accept;
    Choice choice;
};

void PrintTo(const AcceptCase& c, std::ostream* out) { *out << c.name; }

class ChooseFormat : public testing::TestWithParam<AcceptCase> {};

TEST_P(ChooseFormat, FollowsAcceptAndElseTheRoute) {
    const auto& c = GetParam();
    const Format by_default_json = choose_format(c.accept, Format::json);
    const Format by_default_text = choose_format(c.accept, Format::text);
    EXPECT_EQ(by_default_json, c.choice == Choice::text ? Format::text : Format::json);
    EXPECT_EQ(by_default_text, c.choice == Choice::json ? Format::json : Format::text);
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Table, ChooseFormat,
    testing::Values(
        AcceptCase{"Absent", "", Choice::either},
        AcceptCase{"Anything", "*/*", Choice::either},
        AcceptCase{"Json", "application/json", Choice::json},
        AcceptCase{"JsonInUpperCase", "Application/JSON", Choice::json},
        AcceptCase{"JsonWithParameters", "application/json;charset=utf-8", Choice::json},
        AcceptCase{"Problem", "application/problem+json", Choice::json},
        AcceptCase{"AnyApplication", "application/*", Choice::json},
        AcceptCase{"Text", "text/plain", Choice::text},
        AcceptCase{"AnyText", "text/*", Choice::text},
        AcceptCase{"Both", "application/json, text/plain", Choice::either},
        AcceptCase{"RatherText", "application/json;q=0.5, text/plain", Choice::text},
        AcceptCase{"RatherJson", "text/plain;q=0.5,application/json;q=0.6", Choice::json},
        AcceptCase{"JsonElseAnything", "application/json, */*;q=0.1", Choice::json},
        AcceptCase{"AnythingButText", "text/plain;q=0, */*", Choice::json},
        AcceptCase{"TheMoreSpecificCounts", "text/*;q=0.9, text/plain;q=0.1, application/json;q=0.5", Choice::json},
        AcceptCase{"TheMoreSpecificCountsInAnyOrder", "text/plain;q=0.1, text/*;q=0.9, application/json;q=0.5", Choice::json},
        AcceptCase{"SpacesEverywhere", "  application/json ; q = 0.2 ,\ttext/plain ; q=0.1 ", Choice::json},
        AcceptCase{"UpperCaseQ", "application/json;Q=0.2, text/plain", Choice::text},
        AcceptCase{"NeitherOfTheTwo", "image/png", Choice::either},
        AcceptCase{"ABrowser", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Choice::either},
        AcceptCase{"QualityIsNoNumber", "text/plain;q=x, application/json;q=0.1", Choice::json},
        AcceptCase{"QualityIsNotANumber", "text/plain;q=nan, application/json;q=0.1", Choice::json},
        AcceptCase{"Nonsense", ";;,/,*/", Choice::either}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

}  // namespace
}  // namespace taskdns::http_server
