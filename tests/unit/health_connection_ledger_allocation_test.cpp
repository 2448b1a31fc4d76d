// Events allocate nothing, once their endpoint is known.
#include <memory>

#include <gtest/gtest.h>

#include "support/allocations.hpp"
#include "unit/health_connections.hpp"

namespace taskdns::health {
namespace {

using testing_support::allocations;

using namespace testing_story;

TEST(LedgerAllocation, IsCounted) {
    const std::size_t before = allocations;
    const auto number = std::make_unique<int>(1);
    EXPECT_EQ(allocations - before, 1U) << *number;
}

TEST(LedgerAllocation, IsNoneForEvents) {
    Ledger ledger;
    Sockets named;
    for (std::uint64_t cookie = 1; cookie <= 1000; ++cookie) named.push_back(answered(cookie));
    // A first dump with as many events as the next: then there is room for them.
    ledger.play({dump(0), dump(1000, named, Sockets(4000, opening(0))), dump(2000, named)});
    ledger.evidence.reserve(10'000);
    std::size_t during = 0;
    for (const bool in_a_dump : {false, true}) {
        if (in_a_dump) ledger.ledger.begin_dump(start + 3s);
        const std::uint64_t first = in_a_dump ? 501 : 1;
        const std::size_t before = allocations;
        for (std::uint64_t cookie = first; cookie < first + 500; ++cookie) {
            const TimePoint now = start + 2500ms + milliseconds(cookie);
            ledger.ledger.destroyed(answered(cookie), now, ledger.evidence);  // named
            for (const TcpSocket& socket :
                 {answered(cookie + 10'000), accepted(cookie + 20'000), refused(cookie + 30'000),
                  unanswered(cookie + 40'000), opening(cookie + 50'000)}) {
                ledger.ledger.destroyed(socket, now, ledger.evidence);
            }
        }
        during += allocations - before;
        ledger.ledger.end_dump(true, ledger.evidence);
    }
    EXPECT_EQ(during, 0U);
    EXPECT_GE(ledger.evidence.size(), 1000U) << "there was something to say";
}

}  // namespace
}  // namespace taskdns::health
