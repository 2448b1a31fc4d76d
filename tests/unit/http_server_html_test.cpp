// Nothing that anybody writes becomes markup.
#include <gtest/gtest.h>

#include "http_server/html.hpp"

namespace taskdns::http_server {
namespace {

struct EscapeCase {
    const char* name;
    std::string text;
    const char* html;
};

void PrintTo(const EscapeCase& c, std::ostream* out) { *out << c.name; }

class EscapeHtml : public testing::TestWithParam<EscapeCase> {};

TEST_P(EscapeHtml, Gives) { EXPECT_EQ(escape_html(GetParam().text), GetParam().html); }

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Table, EscapeHtml,
    testing::Values(
        EscapeCase{"Plain", "10.0.1.10:8080 (healthy)", "10.0.1.10:8080 (healthy)"},
        EscapeCase{"Markup", "<b a=\"x\" c='y'>&amp;", "&lt;b a=&quot;x&quot; c=&#39;y&#39;&gt;&amp;amp;"},
        EscapeCase{"Utf8", "ä€😀", "ä€😀"},
        EscapeCase{"WhiteSpace", "a\nb\tc\r", "a b c "},
        EscapeCase{"Controls", std::string("a\0\x1B\x7F", 4), "a���"},
        EscapeCase{"C1Controls", "\xC2\x9B[31m", "�[31m"},
        EscapeCase{"WritingDirection", "a\xE2\x80\xAEz", "a�z"},
        EscapeCase{"LoneContinuation", "a\x80z", "a�z"},
        EscapeCase{"CutShort", "a\xE2\x82", "a��"},
        EscapeCase{"Overlong", "\xC0\xBC\xE0\x80\xBC", "�����"},
        EscapeCase{"Surrogate", "\xED\xA0\x80", "���"},
        EscapeCase{"BeyondUnicode", "\xF4\x90\x80\x80", "����"},
        EscapeCase{"LeadWithoutContinuation", "\xC3<", "�&lt;"},
        EscapeCase{"Empty", "", ""}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

TEST(EscapeUrl, LeavesOnlyWhatIsUnreserved) {
    EXPECT_EQ(escape_url("_http._tcp.orders-1~x"), "_http._tcp.orders-1~x");
    EXPECT_EQ(escape_url("a/b?c#d\"e\\032\xFF"), "a%2Fb%3Fc%23d%22e%5C032%FF");
}

}  // namespace
}  // namespace taskdns::http_server
