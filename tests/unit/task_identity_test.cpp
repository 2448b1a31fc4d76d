// What a metadata URI tells of who we are.
#include <gtest/gtest.h>

#include "task/identity.hpp"

namespace taskdns::task {
namespace {

struct UriCase {
    const char* name;
    const char* uri;
    const char* identity;
};

void PrintTo(const UriCase& c, std::ostream* out) { *out << c.name; }

class IdentityIn : public testing::TestWithParam<UriCase> {};

TEST_P(IdentityIn, IsTheTasksIdWhereTheUriHasIt) { EXPECT_EQ(identity_in(GetParam().uri), GetParam().identity); }

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Uris, IdentityIn,
    testing::Values(
        UriCase{"Fargate", "http://169.254.170.2/v4/0123456789abcdef0123456789abcdef-3181852345", "0123456789abcdef0123456789abcdef"},
        UriCase{"Ec2", "http://169.254.170.2/v4/be674e12-9a3c-4b6f-8c9f-0123456789ab", "be674e12-9a3c-4b6f-8c9f-0123456789ab"},
        UriCase{"NoNumber", "http://169.254.170.2/v4/0123456789abcdef0123456789abcdef-", "0123456789abcdef0123456789abcdef-"},
        UriCase{"NoNumberButLetters", "http://169.254.170.2/v4/0123456789abcdef0123456789abcdef-12x", "0123456789abcdef0123456789abcdef-12x"},
        UriCase{"NoTaskId", "http://169.254.170.2/v4/0123456789abcdef0123456789abcdeg-12", "0123456789abcdef0123456789abcdeg-12"},
        UriCase{"TaskIdAlone", "http://169.254.170.2/v4/0123456789abcdef0123456789abcdef", "0123456789abcdef0123456789abcdef"},
        UriCase{"NothingBehindTheSlash", "http://169.254.170.2/v4/", ""},
        UriCase{"Nothing", "", ""}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

}  // namespace
}  // namespace taskdns::task
