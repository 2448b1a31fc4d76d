// The cache alone: what is kept, how long, within how many octets, and who leaves first.
#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <new>
#include <random>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "forward/cache.hpp"
#include "unit/forward_memory.hpp"

namespace taskdns::forward {

thread_local std::size_t allocations = 0;
thread_local std::size_t live_octets = 0;

}  // namespace taskdns::forward

using taskdns::forward::allocations;
using taskdns::forward::live_octets;

void* operator new(std::size_t size) {
    ++allocations;
    if (void* const memory = std::malloc(size)) {
        live_octets += malloc_usable_size(memory) + sizeof(void*);
        return memory;
    }
    throw std::bad_alloc();
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {  // its memory comes back to our delete
    ++allocations;
    void* const memory = std::malloc(size);
    if (memory != nullptr) live_octets += malloc_usable_size(memory) + sizeof(void*);
    return memory;
}
void operator delete(void* memory) noexcept {
    if (memory != nullptr) live_octets -= malloc_usable_size(memory) + sizeof(void*);
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept { operator delete(memory); }

namespace taskdns::forward {
namespace {

using namespace std::chrono_literals;

const KeyedHash hasher({1, 2});

/// A question and something of the size of an answer to it.
class Item {
public:
    explicit Item(const std::string& label, Form form = {}) : form_(form) {
        name_.push_back(static_cast<std::uint8_t>(label.size()));
        name_.insert(name_.end(), label.begin(), label.end());
        name_.push_back(0);
    }
    KeyView key() const { return {name_, form_.packed(), hasher}; }
    UpstreamAnswer answer(seconds lifetime, std::size_t size = 60, Kind kind = Kind::positive) const {
        UpstreamAnswer out;
        out.message.assign(size, 0xAB);
        out.ttls = {20, 40};
        out.errors = {0, 15, 0, 2, 0, 6};
        out.lifetime = lifetime;
        out.kind = kind;
        out.authentic = true;
        return out;
    }

private:
    dns::Bytes name_;
    Form form_;
};

std::string label(std::size_t number) { return "name-" + std::to_string(number); }

class Caching : public testing::Test {
protected:
    TimePoint now{1h};
    Cache cache{std::size_t{1} << 20, 1h};
};

TEST_F(Caching, KeepsWhatItIsGiven) {
    const Item item("a");
    EXPECT_EQ(cache.find(item.key()), nullptr);
    cache.store(item.key(), item.answer(50s), now);
    const Entry* entry = cache.find(item.key());
    ASSERT_NE(entry, nullptr);
    EXPECT_THAT(entry->message(), testing::SizeIs(60));
    EXPECT_THAT(entry->message(), testing::Each(0xAB));
    EXPECT_THAT(entry->ttls(), testing::ElementsAre(20, 40));
    EXPECT_THAT(entry->errors(), testing::ElementsAre(0, 15, 0, 2, 0, 6));
    EXPECT_TRUE(entry->authentic);
    EXPECT_EQ(entry->expiry, now + 50s);
    EXPECT_EQ(entry->prefetch_at, now + 45s) << "the last tenth";
    cache.remove(item.key());
    EXPECT_EQ(cache.find(item.key()), nullptr);
    EXPECT_EQ(cache.entries(), 0U);
}

struct KeyCase {
    std::string name;
    std::string label;
    Form form;
};
void PrintTo(const KeyCase& row, std::ostream* out) { *out << row.name; }

class CacheKey : public testing::TestWithParam<KeyCase> {};

TEST_P(CacheKey, TellsItApart) {
    Cache cache(std::size_t{1} << 20, 1h);
    const Item item("a", {.type = 1});
    cache.store(item.key(), item.answer(50s), TimePoint{});
    EXPECT_EQ(cache.find(Item(GetParam().label, GetParam().form).key()), nullptr);
}

INSTANTIATE_TEST_SUITE_P(Forward, CacheKey,
                         testing::Values(KeyCase{"Name", "b", {.type = 1}}, KeyCase{"LongerName", "aa", {.type = 1}},
                                         KeyCase{"Type", "a", {.type = 28}},
                                         KeyCase{"Class", "a", {.type = 1, .klass = 4}},
                                         KeyCase{"Do", "a", {.type = 1, .dnssec_ok = true}},
                                         KeyCase{"Cd", "a", {.type = 1, .checking_disabled = true}},
                                         KeyCase{"Rd", "a", {.type = 1, .recursion_desired = false}}),
                         [](const auto& instance) { return instance.param.name; });

TEST(CacheForm, IsUnpackedAsItWasPacked) {
    const Form form{.type = 0xFFFE, .klass = 0x8001, .dnssec_ok = true, .checking_disabled = false};
    EXPECT_EQ(Form::unpacked(form.packed()), form);
}

TEST_F(Caching, StoresNothingForNoTime) {
    const Item item("a");
    cache.store(item.key(), item.answer(50s), now);
    cache.store(item.key(), item.answer(0s), now);
    EXPECT_EQ(cache.find(item.key()), nullptr) << "nor what was there before: it has been refreshed";
}

TEST_F(Caching, KnowsWhatIsOfUseWhenStale) {
    const Item good("a");
    const Item bad("b");
    cache.store(good.key(), good.answer(10s), now);
    cache.store(bad.key(), bad.answer(10s, 60, Kind::failure), now);
    const Entry& entry = *cache.find(good.key());
    EXPECT_TRUE(cache.is_usable_when_stale(entry, now + 10s + 1h - 1ms));
    EXPECT_FALSE(cache.is_usable_when_stale(entry, now + 10s + 1h));
    EXPECT_FALSE(cache.is_usable_when_stale(*cache.find(bad.key()), now + 11s)) << "a failure never is";
}

TEST(CacheOfNothing, HoldsNothing) {
    Cache cache(0, 1h);
    const Item item("a");
    cache.store(item.key(), item.answer(50s), TimePoint{});
    EXPECT_EQ(cache.find(item.key()), nullptr);
}

TEST_F(Caching, TakesNothingThatWouldFillHalfOfIt) {
    Cache small(64 << 10, 1h);
    const Item item("a");
    small.store(item.key(), item.answer(50s, 40 << 10), now);
    EXPECT_EQ(small.find(item.key()), nullptr);
    small.store(item.key(), item.answer(50s, 30 << 10), now);
    EXPECT_NE(small.find(item.key()), nullptr);
}

/// One hundred popular names, each asked for now and then, while 100,000 others come once each.
TEST_F(Caching, PopularNamesSurviveAScan) {
    std::vector<Item> popular;
    for (std::size_t i = 0; i < 100; ++i) popular.emplace_back("popular-" + std::to_string(i));
    std::size_t hits = 0;
    std::size_t asked = 0;
    for (std::size_t i = 0; i < 100'000; ++i) {
        const Item once(label(i));
        if (cache.find(once.key()) == nullptr) cache.store(once.key(), once.answer(300s, 100), now);
        if (i % 10 != 0) continue;
        const Item& item = popular[(i / 10) % popular.size()];
        const bool warm = i >= 10 * popular.size();
        const bool hit = cache.find(item.key()) != nullptr;
        if (!hit) cache.store(item.key(), item.answer(300s, 100), now);
        asked += warm ? 1 : 0;
        hits += warm && hit ? 1 : 0;
    }
    EXPECT_GE(static_cast<double>(hits), 0.99 * static_cast<double>(asked)) << hits << " of " << asked;
    EXPECT_GT(cache.evictions(), 90'000U);
    EXPECT_LE(cache.bytes(), std::size_t{1} << 20);
}

TEST(CacheBound, HoldsUnderRandomSizesAsMallocCounts) {
    constexpr std::size_t limit = 256 << 10;
    std::mt19937 random(20'261'122);
    const std::size_t before = live_octets;
    {
        Cache cache(limit, 1h);
        TimePoint now{1h};
        for (int i = 0; i < 20'000; ++i) {
            const Item item(label(random() % 3'000));
            const std::size_t size = random() % 50 == 0 ? random() % 60'000 : 30 + random() % 500;
            if (random() % 20 == 0) {
                cache.remove(item.key());
            } else {
                cache.store(item.key(), item.answer(seconds(random() % 100), size), now);
            }
            if (random() % 2 == 0) cache.find(Item(label(random() % 3'000)).key());
            now += 10ms;
            ASSERT_LE(cache.bytes(), limit);
            if (i % 100 != 0 || !is_real_malloc) continue;
            // Items of this loop are gone but for `item`: what lives is the cache.
            ASSERT_LE(live_octets - before, cache.bytes() + 256) << "counted too little";
            ASSERT_GE(live_octets - before + 256, cache.bytes()) << "counted too much";
        }
        EXPECT_GT(cache.entries(), 100U);
    }
    EXPECT_EQ(live_octets, before) << "nothing is left behind";
}

TEST_F(Caching, EvictsTheDeadBeforeThePopular) {
    Cache small(64 << 10, 0s);
    const Item dead("dead");
    small.store(dead.key(), dead.answer(1s), now);
    small.find(dead.key());
    std::vector<Item> others;
    std::size_t stored = 0;
    while (small.evictions() == 0) {
        const Item item(label(stored++));
        small.store(item.key(), item.answer(300s), now + 2s);
    }
    EXPECT_EQ(small.find(dead.key()), nullptr) << "its bit does not save it";
    EXPECT_NE(small.find(Item(label(0)).key()), nullptr);
}

TEST(KeyedHashing, DependsOnEverything) {
    const KeyedHash hash({0x0706050403020100U, 0x0F0E0D0C0B0A0908U});
    const KeyedHash other({0x0706050403020101U, 0x0F0E0D0C0B0A0908U});
    const std::vector<std::uint8_t> octets{1, 2, 3};
    EXPECT_NE(hash(octets, 7), other(octets, 7)) << "the key decides";
    EXPECT_NE(hash(octets, 7), hash(octets, 8));
    EXPECT_NE(hash(std::vector<std::uint8_t>{0, 0}, 7), hash(std::vector<std::uint8_t>{0, 0, 0}, 7));
}

}  // namespace
}  // namespace taskdns::forward
