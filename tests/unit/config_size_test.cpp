// Sizes in octets: read, written, and what a mistake is told.
#include <gtest/gtest.h>

#include "config/size.hpp"

namespace taskdns::config {
namespace {

struct SizeCase {
    std::string name;
    std::string text;
    std::optional<std::size_t> octets;
    std::string written;  ///< by format_size
};
void PrintTo(const SizeCase& row, std::ostream* out) { *out << row.name; }

class Size : public testing::TestWithParam<SizeCase> {};

TEST_P(Size, IsReadAndWritten) {
    EXPECT_EQ(parse_size(GetParam().text), GetParam().octets);
    if (GetParam().octets) {
        EXPECT_EQ(format_size(*GetParam().octets), GetParam().written);
    }
}

INSTANTIATE_TEST_SUITE_P(Config, Size,
                         testing::Values(SizeCase{"Zero", "0", 0, "0"}, SizeCase{"ZeroWithUnit", "0MiB", 0, "0"},
                                         SizeCase{"Octets", "100B", 100, "100B"},
                                         SizeCase{"Kibi", "512KiB", 524'288, "512KiB"},
                                         SizeCase{"KibiThatAreMebi", "2048KiB", 2'097'152, "2MiB"},
                                         SizeCase{"Gibi", "1GiB", 1'073'741'824, "1GiB"},
                                         SizeCase{"Largest", "1024GiB", std::size_t{1} << 40, "1024GiB"},
                                         SizeCase{"Beyond", "1025GiB", {}, ""}, SizeCase{"NoUnit", "1024", {}, ""},
                                         SizeCase{"OtherUnit", "1MB", {}, ""}, SizeCase{"Empty", "", {}, ""},
                                         SizeCase{"Space", "1 MiB", {}, ""}, SizeCase{"Negative", "-1MiB", {}, ""}),
                         [](const auto& instance) { return instance.param.name; });

}  // namespace
}  // namespace taskdns::config
