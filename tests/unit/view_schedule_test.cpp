// Slots: who comes first how often, and who stands behind: rotation, weights, fairness, tiers, random order.
#include <map>
#include <random>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "view/schedule.hpp"
#include "view/view.hpp"
#include "view_client_sorts.hpp"

namespace taskdns::view {
namespace {

using testing::Each;
using testing::ElementsAre;

Turn turn(const std::string& address, double weight = 1, bool first = true, unsigned tier = 0) {
    Turn out;
    out.destination.address = *IpAddress::parse(address);
    out.destination.source = {*IpAddress::parse(out.destination.address.is_v4() ? "10.0.1.5" : "fd00::1:5"), 24};
    out.weight = weight;
    out.first = first;
    out.tier = tier;
    return out;
}

/// All in one subnet that is not ours: any may stand behind any.
std::vector<Turn> alike(std::size_t count) {
    std::vector<Turn> out;
    for (std::size_t i = 0; i < count; ++i) {
        out.push_back(turn("172.16." + std::to_string(i / 250) + "." + std::to_string(i % 250 + 1)));
        out.back().destination.source.address = *IpAddress::parse("10.0.1.5");
    }
    return out;
}

std::vector<Turn> weighing(std::initializer_list<double> weights) {
    std::vector<Turn> out = alike(weights.size());
    std::size_t i = 0;
    for (const double weight : weights) out[i++].weight = weight;
    return out;
}

config::Answer answer(unsigned size = 8, config::Order order = config::Order::round_robin, bool fair = true) {
    config::Answer out;
    out.size = size;
    out.order = order;
    out.fair = fair;
    return out;
}

/// Letters, a slot per word: "abc" is record 0 first with 1 and 2 behind; '-' is padding.
std::string words(const Slots& slots) {
    std::string out;
    for (std::size_t i = 0; i < slots.numbers.size(); ++i) {
        if (i != 0 && i % slots.width == 0) out += ' ';
        const std::uint16_t number = slots.numbers[i];
        out += number == PreparedRrset::no_record ? '-' : static_cast<char>('a' + number);
    }
    return out;
}

std::size_t count_slots(const Slots& slots) { return slots.width == 0 ? 0 : slots.numbers.size() / slots.width; }

/// How often each record stands at `place` of a slot.
std::vector<unsigned> count_at(const Slots& slots, std::size_t records, std::size_t place) {
    std::vector<unsigned> out(records);
    for (std::size_t i = place; i < slots.numbers.size(); i += slots.width) {
        if (slots.numbers[i] != PreparedRrset::no_record) ++out[slots.numbers[i]];
    }
    return out;
}

struct Row {
    const char* name;
    std::vector<Turn> turns;
    config::Answer answer;
    std::string words;
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

class BuildSchedule : public testing::TestWithParam<Row> {};

TEST_P(BuildSchedule, LaysOutTheSlots) {
    EXPECT_EQ(words(build_schedule(GetParam().turns, GetParam().answer, 1)), GetParam().words);
}

std::vector<Turn> with_first(std::vector<Turn> turns, const std::string& firsts) {
    for (std::size_t i = 0; i < turns.size(); ++i) turns[i].first = firsts[i] == 'x';
    return turns;
}

std::vector<Row> rows() {
    const config::Answer unfair = answer(8, config::Order::round_robin, false);
    const auto no_route = [](Turn each) {
        each.destination.source = {};
        return each;
    };
    // Common bits with 10.0.1.5/24: .4 31, .6 30, .7 30, .9 28; 10.0.2.1 22 outside the subnet.
    return {
        {"NoRecord", {}, answer(), ""},
        {"One", alike(1), answer(), "a"},
        {"EqualWeights", alike(3), answer(), "abc bca cab"},
        {"NoWiderThanSize", alike(4), answer(2), "ab bc cd da"},
        {"SizeZeroIsOne", alike(2), answer(0), "a b"},
        {"Weights", weighing({2, 1}), answer(), "ab ba ab"},
        {"BackupsMoveOnEachTimeThatTheSameIsFirst", weighing({3, 1, 1}), answer(2), "ab bc ac ca ab"},
        {"WeightZeroIsABackup", weighing({1, 0, 1}), answer(), "abc cab"},
        {"AllOfWeightZeroAreEqual", weighing({0, 0}), answer(), "ab ba"},
        {"ABackupThatIsNeverFirst", with_first(alike(3), "x.x"), answer(), "acb cab"},
        {"WeightZeroAmongTheFirstOnes", with_first(weighing({0, 9, 0}), "x.x"), answer(), "acb cab"},
        {"NoneIsFirstSoAllAre", with_first(alike(2), ".."), answer(), "ab ba"},
        {"OtherBackupsTakeTurns", with_first(alike(4), "xx.."), answer(3), "abc bad"},
        {"LowerTiersFirst",
         {turn("172.16.0.1"), turn("172.16.0.2", 1, false, 3), turn("172.16.0.3", 1, false, 1),
          turn("172.16.0.4", 1, false, 2)},
         unfair,
         "acdb"},
        {"FairBehindTheLongestPrefixAllStand", {turn("10.0.1.4"), turn("10.0.1.9")}, answer(), "ab b-"},
        {"FairChain",
         {turn("10.0.2.1"), turn("10.0.1.9"), turn("10.0.1.7"), turn("10.0.1.6"), turn("10.0.1.4")},
         answer(),
         "a---- ba--- cdba- dcba- ecdba"},
        {"Unfair", {turn("10.0.1.4"), turn("10.0.1.9")}, unfair, "ab ba"},
        {"NoRouteOnlyBehind", {no_route(turn("10.0.1.4")), turn("10.0.1.9")}, answer(), "a- ba"},
        {"NoRouteAtAll", {no_route(turn("10.0.1.4")), no_route(turn("10.0.1.9"))}, answer(), "ab ba"},
        {"FairIpv6", {turn("fd00::1:4"), turn("fd00::2:4")}, answer(), "ab b-"},
        {"FairWithinTheTiers",
         {turn("10.0.1.9"), turn("10.0.1.4", 1, false), turn("10.0.2.1", 1, false, 2), turn("10.0.1.10", 1, false)},
         answer(),
         "adc-"},
    };
}

INSTANTIATE_TEST_SUITE_P(Tables, BuildSchedule, testing::ValuesIn(rows()),
                         [](const auto& instance) { return instance.param.name; });

TEST(BuildSchedule, EachIsTheFirstBackupEquallyOften) {
    for (const std::size_t records : {2U, 7U, 100U}) {
        const Slots slots = build_schedule(alike(records), answer(), 1);
        EXPECT_THAT(count_at(slots, records, 1), Each(1U)) << records;
    }
}

TEST(BuildSchedule, TheLoadOfAHeavyOneFallsOnAllOthersAlike) {
    const auto backups = count_at(build_schedule(weighing({90, 1, 1, 1}), answer(), 1), 4, 1);
    EXPECT_EQ(std::accumulate(backups.begin(), backups.end(), 0U), 93U);
    for (const std::size_t other : {1U, 2U, 3U}) EXPECT_NEAR(backups[other], 30, 2);
}

TEST(BuildSchedule, FairBackupsAreEvenWhereTheRingHasOthers) {
    std::vector<Turn> turns;
    for (const char* address : {"10.0.2.1", "10.0.2.2", "10.0.2.3", "10.0.1.8", "10.0.1.9", "10.0.1.10"}) {
        turns.push_back(turn(address));
    }
    EXPECT_THAT(count_at(build_schedule(turns, answer(2), 1), 6, 1), Each(1U));
}

TEST(BuildSchedule, BackupsOfAnotherTierTakeTurns) {
    std::vector<Turn> turns = with_first(alike(20), "xxxxxxxxxx..........");
    const auto backups = count_at(build_schedule(turns, answer(11), 1), 20, 10);
    EXPECT_THAT(std::vector<unsigned>(backups.begin() + 10, backups.end()), Each(1U));
}

TEST(BuildSchedule, StaysWithinItsBounds) {
    struct Bound {
        std::size_t records;
        unsigned size;
    };
    for (const auto& [records, size] : {Bound{1000, 8}, Bound{1000, 64}, Bound{3, 64}, Bound{5000, 64}}) {
        std::vector<Turn> turns = alike(records);
        std::mt19937 random(40);
        for (Turn& each : turns) each.weight = 1 + static_cast<double>(random() % 100);
        for (const config::Order order : {config::Order::weighted, config::Order::random}) {
            const Slots slots = build_schedule(turns, answer(size, order), 1);
            EXPECT_GE(count_slots(slots), records);
            EXPECT_LE(count_slots(slots), std::max<std::size_t>(records, 4096));
            EXPECT_LE(slots.numbers.size(), std::max<std::size_t>(records * slots.width, 64 * 1024));
        }
    }
}

// --- random ---

TEST(RandomOrder, EachIsFirstEquallyOftenInAnOrderOfEachRound) {
    for (const std::size_t records : {1U, 3U, 100U, 256U, 300U, 5000U}) {
        const Slots slots = build_schedule(alike(records), answer(1, config::Order::random), 7);
        const std::size_t rounds = std::max<std::size_t>(1, (255 + records) / records);
        EXPECT_EQ(count_slots(slots), rounds * records);
        EXPECT_THAT(count_at(slots, records, 0), Each(rounds));
    }
    const Slots slots = build_schedule(alike(10), answer(1, config::Order::random), 7);
    std::set<std::vector<std::uint16_t>> orders;
    for (std::size_t i = 0; i < slots.numbers.size(); i += 10) {
        orders.emplace(slots.numbers.begin() + static_cast<std::ptrdiff_t>(i),
                       slots.numbers.begin() + static_cast<std::ptrdiff_t>(i) + 10);
    }
    EXPECT_GT(orders.size(), 20U);
}

TEST(RandomOrder, FollowsTheSeed) {
    const auto numbers = [](std::uint32_t seed) {
        return build_schedule(alike(10), answer(4, config::Order::random), seed).numbers;
    };
    EXPECT_EQ(numbers(1), numbers(1));
    EXPECT_NE(numbers(1), numbers(2));
}

TEST(RandomOrder, OtherOrdersDoNot) {
    EXPECT_EQ(build_schedule(alike(10), answer(), 1).numbers, build_schedule(alike(10), answer(), 2).numbers);
}

TEST(RandomOrder, RespectsSlowStart) {
    const auto firsts = count_at(build_schedule(weighing({1, 0.1}), answer(2, config::Order::random), 1), 2, 0);
    EXPECT_EQ(firsts[0], 10 * firsts[1]);
}

TEST(RandomOrder, BackupsAreEven) {
    const Slots slots = build_schedule(alike(8), answer(3, config::Order::random), 1);
    for (const std::size_t place : {1U, 2U}) {
        for (const unsigned times : count_at(slots, 8, place)) EXPECT_NEAR(times, 32, 5 * 5.3);
    }
}

// --- properties ---

struct Drawn {
    std::vector<Turn> turns;
    config::Answer answer;
    std::uint32_t seed;
};

/// Anything that a service may have: one family, some weights, some zones and priorities, some without a route.
Drawn draw(std::mt19937& random) {
    static const std::vector<std::string> networks[] = {
        {"10.0.1.", "10.0.1.", "10.0.2.", "10.0.9.", "172.16.0.", "127.0.0.", "169.254.1."},
        {"fd00::1:", "fd00::2:", "fd00:0:0:1::", "2600:0:0:1::", "2600:0:0:2::", "2002::", "fe80::"}};
    static const std::vector<std::string> sources[] = {{"10.0.1.5", "10.0.9.7", "127.0.0.1", "169.254.1.7"},
                                                       {"fd00::1:5", "2600:0:0:1::9", "fe80::7"}};
    Drawn out;
    const std::size_t family = random() % 2;
    const bool weighted = random() % 3 == 0;
    const bool tiers = random() % 3 == 0;
    std::set<IpAddress> addresses;
    for (std::size_t i = 1 + random() % 40; i > 0; --i) {
        const std::string& network = networks[family][random() % networks[family].size()];
        Turn each;
        each.destination.address = *IpAddress::parse(network + std::to_string(1 + random() % 99));
        if (!addresses.insert(each.destination.address).second) continue;
        if (random() % 10 != 0) {
            each.destination.source.address = *IpAddress::parse(sources[family][random() % sources[family].size()]);
            each.destination.source.prefix_length = 20 + static_cast<unsigned>(random() % 10);
        }
        if (weighted) each.weight = static_cast<double>(random() % 6);
        if (tiers) each.first = random() % 2 == 0;
        if (!each.first) each.tier = static_cast<unsigned>(random() % 3);
        out.turns.push_back(each);
    }
    constexpr config::Order orders[] = {config::Order::round_robin, config::Order::weighted, config::Order::random};
    out.answer = answer(1 + static_cast<unsigned>(random() % 12), orders[random() % 3]);
    out.seed = static_cast<std::uint32_t>(random());
    return out;
}

/// The share of first places that each record should have, 0 for those that should have none.
std::vector<double> expected_shares(const std::vector<Turn>& turns) {
    const bool all = std::ranges::none_of(turns, &Turn::first);
    const auto may = [&](const Turn& each) { return all || each.first; };
    double total = 0;
    std::size_t count = 0;
    for (const Turn& each : turns) {
        if (may(each)) ++count, total += each.weight;
    }
    std::vector<double> out;
    for (const Turn& each : turns) {
        const double share = total > 0 ? each.weight / total : 1 / static_cast<double>(count);
        out.push_back(may(each) ? share : 0);
    }
    return out;
}

TEST(Property, FirstPlacesFollowTheWeights) {
    std::mt19937 random(41);
    for (int i = 0; i < 1000; ++i) {
        const auto [turns, answer, seed] = draw(random);
        const Slots slots = build_schedule(turns, answer, seed);
        const auto firsts = count_at(slots, turns.size(), 0);
        const auto shares = expected_shares(turns);
        for (std::size_t k = 0; k < turns.size(); ++k) {
            ASSERT_NEAR(firsts[k] / static_cast<double>(count_slots(slots)), shares[k], 1e-9);
        }
    }
}

TEST(Property, NoSlotHoldsARecordTwiceNorARecordBehindPadding) {
    std::mt19937 random(42);
    for (int i = 0; i < 1000; ++i) {
        auto [turns, answer, seed] = draw(random);
        answer.fair = random() % 2 == 0;
        const Slots slots = build_schedule(turns, answer, seed);
        ASSERT_EQ(slots.width, std::min<std::size_t>(turns.size(), answer.size));
        for (std::size_t at = 0; at < slots.numbers.size(); at += slots.width) {
            std::set<std::uint16_t> seen;
            for (std::size_t k = 0; k < slots.width; ++k) {
                const std::uint16_t number = slots.numbers[at + k];
                if (number == PreparedRrset::no_record) {
                    ASSERT_TRUE(answer.fair) << "without fairness every place is filled";
                } else {
                    ASSERT_LT(number, turns.size());
                    ASSERT_EQ(seen.size(), k);
                    ASSERT_TRUE(seen.insert(number).second);
                }
            }
        }
    }
}

TEST(Property, NoSortOfAClientMovesTheFirstAndNoAllowedBackupIsMissing) {
    std::mt19937 random(43);
    for (int i = 0; i < 300; ++i) {
        const auto [turns, answer, seed] = draw(random);
        const Slots slots = build_schedule(turns, answer, seed);
        for (std::size_t at = 0; at < slots.numbers.size(); at += slots.width * (1 + random() % 8)) {
            std::vector<Destination> records;
            for (std::size_t k = 0; k < slots.width; ++k) {
                const std::uint16_t number = slots.numbers[at + k];
                if (number != PreparedRrset::no_record) records.push_back(turns[number].destination);
            }
            ASSERT_EQ(client_sorts::place_of_first(records, client_sorts::compare_glibc), 0U);
            ASSERT_EQ(client_sorts::place_of_first(records, client_sorts::compare_musl), 0U);
            const SortKeys first = sort_keys(records.front());
            const auto allowed = std::ranges::count_if(
                turns, [&](const Turn& each) { return first.hold_back(sort_keys(each.destination)); });
            ASSERT_EQ(records.size(), std::min<std::size_t>(slots.width, static_cast<std::size_t>(allowed)));
        }
    }
}

}  // namespace
}  // namespace taskdns::view
