// The text that Prometheus reads, octet for octet.
#include <limits>

#include <gtest/gtest.h>

#include "base/metrics_text.hpp"

namespace taskdns {
namespace {

using namespace std::chrono_literals;

TEST(MetricsText, AnnouncesAFamilyOnceBeforeItsFirstSample) {
    MetricsText text;
    text.counter("taskdns_x_queries_total", "Queries.");
    text.sample({{"transport", "udp"}}, 3U);
    text.sample({{"transport", "tcp"}, {"server", "10.0.0.2:53"}}, 0U);
    text.gauge("taskdns_x_index", "Index.");
    text.sample({}, 7U);
    EXPECT_EQ(text.take(),
              "# HELP taskdns_x_queries_total Queries.\n"
              "# TYPE taskdns_x_queries_total counter\n"
              "taskdns_x_queries_total{transport=\"udp\"} 3\n"
              "taskdns_x_queries_total{transport=\"tcp\",server=\"10.0.0.2:53\"} 0\n"
              "# HELP taskdns_x_index Index.\n"
              "# TYPE taskdns_x_index gauge\n"
              "taskdns_x_index 7\n");
}

TEST(MetricsText, IsSilentOfAFamilyWithoutSamples) {
    MetricsText text;
    text.gauge("taskdns_x_index", "Index.");
    text.gauge("taskdns_x_other", "Other.");
    text.sample({}, 1U);
    EXPECT_EQ(text.take().find("taskdns_x_index"), std::string::npos);
}

TEST(MetricsText, EscapesWhatTheFormatAsksFor) {
    MetricsText text;
    text.gauge("taskdns_x_index", "A \"word\",\na \\ and more.");
    text.sample({{"name", "a \"b\"\\\nc"}}, 1U);
    EXPECT_EQ(text.take(),
              "# HELP taskdns_x_index A \"word\",\\na \\\\ and more.\n"
              "# TYPE taskdns_x_index gauge\n"
              "taskdns_x_index{name=\"a \\\"b\\\"\\\\\\nc\"} 1\n");
}

struct NumberCase {
    const char* name;
    double value;
    const char* text;
};
void PrintTo(const NumberCase& c, std::ostream* out) { *out << c.name; }

class MetricsNumber : public testing::TestWithParam<NumberCase> {};

TEST_P(MetricsNumber, IsWritten) {
    MetricsText text;
    text.gauge("x", "X.");
    text.sample({}, GetParam().value);
    EXPECT_EQ(text.take(), "# HELP x X.\n# TYPE x gauge\nx " + std::string(GetParam().text) + "\n");
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Base, MetricsNumber,
    testing::Values(
        NumberCase{"Zero",        0.0,    "0"},
        NumberCase{"Whole",       25.0,   "25"},
        NumberCase{"Fraction",    0.1,    "0.1"},
        NumberCase{"Small",       2.5e-06, "2.5e-06"},
        NumberCase{"Timestamp",   1795000000.25, "1795000000.25"},
        NumberCase{"Infinite",    std::numeric_limits<double>::infinity(),  "+Inf"},
        NumberCase{"Negative",    -std::numeric_limits<double>::infinity(), "-Inf"},
        NumberCase{"NotANumber",  std::numeric_limits<double>::quiet_NaN(), "NaN"}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

TEST(MetricsText, WritesBucketsThatAddUp) {
    static constexpr std::array<std::chrono::nanoseconds, 2> bounds{2500ns, 1s};
    Histogram histogram(bounds);
    histogram.observe(2us, 2);
    histogram.observe(500ms);
    histogram.observe(3s);
    MetricsText text;
    text.family(MetricsText::Type::histogram, "x_seconds", "X.");
    text.histogram({{"server", "a"}}, histogram.read());
    EXPECT_EQ(text.take(),
              "# HELP x_seconds X.\n"
              "# TYPE x_seconds histogram\n"
              "x_seconds_bucket{server=\"a\",le=\"2.5e-06\"} 2\n"
              "x_seconds_bucket{server=\"a\",le=\"1\"} 3\n"
              "x_seconds_bucket{server=\"a\",le=\"+Inf\"} 4\n"
              "x_seconds_sum{server=\"a\"} 3.500004\n"
              "x_seconds_count{server=\"a\"} 4\n");
}

TEST(MetricsText, WritesAHistogramWithoutLabels) {
    static constexpr std::array<std::chrono::nanoseconds, 1> bounds{1s};
    MetricsText text;
    text.family(MetricsText::Type::histogram, "x_seconds", "X.");
    text.histogram({}, Histogram(bounds).read());
    EXPECT_EQ(text.take(),
              "# HELP x_seconds X.\n# TYPE x_seconds histogram\nx_seconds_bucket{le=\"1\"} 0\n"
              "x_seconds_bucket{le=\"+Inf\"} 0\nx_seconds_sum 0\nx_seconds_count 0\n");
}

}  // namespace
}  // namespace taskdns
