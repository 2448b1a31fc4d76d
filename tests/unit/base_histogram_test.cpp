// Which bucket a duration falls into, and what a reading says of all.
#include <thread>

#include <gtest/gtest.h>

#include "base/histogram.hpp"

namespace taskdns {
namespace {

using namespace std::chrono_literals;
using Buckets = std::vector<std::uint64_t>;

constexpr std::array<std::chrono::nanoseconds, 3> bounds{1us, 10us, 100us};

struct BucketCase {
    const char* name;
    std::chrono::nanoseconds observed;
    Buckets buckets;
};
void PrintTo(const BucketCase& c, std::ostream* out) { *out << c.name; }

class HistogramBucket : public testing::TestWithParam<BucketCase> {};

TEST_P(HistogramBucket, TakesIt) {
    Histogram histogram(bounds);
    histogram.observe(GetParam().observed);
    const Histogram::Reading reading = histogram.read();
    EXPECT_EQ(reading.buckets, GetParam().buckets);
    EXPECT_EQ(reading.count, 1U);
    EXPECT_EQ(reading.sum, std::max(GetParam().observed, 0ns));
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Base, HistogramBucket,
    testing::Values(
        BucketCase{"Nothing",       0ns,     {1, 0, 0, 0}},
        BucketCase{"Negative",      -5ns,    {1, 0, 0, 0}},
        BucketCase{"AtABound",      1us,     {1, 0, 0, 0}},
        BucketCase{"AboveABound",   1001ns,  {0, 1, 0, 0}},
        BucketCase{"AtTheLast",     100us,   {0, 0, 1, 0}},
        BucketCase{"BeyondTheLast", 1s,      {0, 0, 0, 1}}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

TEST(Histogram, CountsABatchOnceForEachOfIt) {
    Histogram histogram(bounds);
    histogram.observe(5us, 16);
    EXPECT_EQ(histogram.read().buckets, (Buckets{0, 16, 0, 0}));
    EXPECT_EQ(histogram.read().count, 16U);
    EXPECT_EQ(histogram.read().sum, 80us);
}

TEST(Histogram, InterpolatesQuantilesWithinABucket) {
    Histogram histogram(bounds);
    EXPECT_EQ(histogram.read().quantile(0.5), 0ns) << "nothing observed";
    histogram.observe(500ns, 50);
    histogram.observe(5us, 50);
    EXPECT_EQ(histogram.read().quantile(0.5), 1us);
    EXPECT_EQ(histogram.read().quantile(0.75), 5500ns);
    EXPECT_EQ(histogram.read().quantile(1), 10us);
    histogram.observe(1h, 900);
    EXPECT_EQ(histogram.read().quantile(0.99), 100us) << "no more is known than that it is beyond the largest bound";
}

TEST(Histogram, TellsWhatIsNewSinceAnEarlierReading) {
    Histogram histogram(bounds);
    histogram.observe(5us, 3);
    const Histogram::Reading before = histogram.read();
    histogram.observe(50us, 2);
    const Histogram::Reading since = histogram.read().since(before);
    EXPECT_EQ(since.buckets, (Buckets{0, 0, 2, 0}));
    EXPECT_EQ(since.count, 2U);
    EXPECT_EQ(since.sum, 100us);
}

TEST(Histogram, IsReadWhileItIsWritten) {
    Histogram histogram(bounds);
    constexpr std::uint64_t all = 200'000;
    std::thread writer([&] {
        for (std::uint64_t i = 0; i < all; ++i) histogram.observe(5us);
    });
    std::uint64_t last = 0;
    while (last < all) {
        const std::uint64_t count = histogram.read().count;
        EXPECT_GE(count, last);
        last = count;
    }
    writer.join();
    EXPECT_EQ(histogram.read().sum, 5us * all);
}

}  // namespace
}  // namespace taskdns
