// What is told of the connections towards an endpoint, and what is remembered of them at most.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/health_connections.hpp"

namespace taskdns::health {
namespace {

using namespace testing_story;
using std::chrono::microseconds;
using testing::IsEmpty;

TcpSocket with_rtt(TcpSocket socket, int rtt_us) {
    socket.rtt = microseconds(rtt_us);
    return socket;
}
TcpSocket with_retransmits(TcpSocket socket, std::uint32_t total) {
    socket.total_retransmits = total;
    return socket;
}
TcpSocket closing(std::uint64_t cookie) {
    TcpSocket socket = answered(cookie);
    socket.state = TcpState::other;
    return socket;
}

class Figures : public testing::Test {
protected:
    Ledger ledger;
    EndpointConnections after(const std::vector<Step>& story) { return ledger.play(story).figures(); }
};

TEST_F(Figures, AreNoneBeforeAConnection) {
    ledger.play({dump(0), event(1, refused(1, 10))});
    EXPECT_EQ(ledger.ledger.find(endpoint(1)), nullptr);
    EXPECT_EQ(ledger.ledger.find(endpoint(10)), nullptr);
    EXPECT_FALSE(ledger.ledger.seen_any());
    EXPECT_EQ(ledger.ledger.endpoints(), 0U);
}

TEST_F(Figures, OwnProbesAreNoConnections) {
    ledger.own.add(900);
    ledger.play({dump(0, {answered(900)}), event(1, refused(900))});
    EXPECT_FALSE(ledger.ledger.seen_any());
    EXPECT_EQ(ledger.ledger.endpoints(), 0U);
}

TEST_F(Figures, EventsAndDumpsAreSeen) {
    const auto last_seen = [&] { return ledger.figures().last_seen - start; };
    ledger.play(event(5, opening(1)));
    EXPECT_TRUE(ledger.ledger.seen_any());
    EXPECT_EQ(last_seen(), 5ms);
    ledger.play(dump(1000, {opening(2)}));
    EXPECT_EQ(last_seen(), 1000ms);
    ledger.play(partial_dump(2000, {opening(2)}));
    EXPECT_EQ(last_seen(), 2000ms);
    ledger.play(dump(3000));
    EXPECT_EQ(last_seen(), 2000ms);
}

TEST_F(Figures, OpenAreThoseOfTheLastDump) {
    EXPECT_EQ(after({dump(0, {answered(1), accepted(2), opening(3), closing(4), answered(5, 2)})}).open, 3U);
    EXPECT_EQ(after({partial_dump(1000, {answered(1)}), event(1500, answered(2))}).open, 3U);
    EXPECT_EQ(after({dump(2000, {answered(1)})}).open, 1U);
    EXPECT_EQ(after({dump(3000)}).open, 0U);
}

TEST_F(Figures, OpenIsSmoothedOverTheDumps) {
    EXPECT_DOUBLE_EQ(after({dump(0, {opening(1), opening(2)})}).smoothed_open, 2.0) << "the first as it is";
    EXPECT_DOUBLE_EQ(after({dump(1000, {opening(1)})}).smoothed_open, 1.7);
    EXPECT_DOUBLE_EQ(after({partial_dump(1500)}).smoothed_open, 1.7);
    EXPECT_DOUBLE_EQ(after({dump(2000)}).smoothed_open, 1.19);
    for (int second = 3; second < 16; ++second) ledger.play(dump(second * 1000));
    EXPECT_GT(ledger.figures().smoothed_open, 0.01);
    EXPECT_EQ(after({dump(16'000)}).smoothed_open, 0.0) << "1.19 * 0.7^14 is less than 0.01";
}

TEST_F(Figures, FirstDumpCountsThoughItNamesNone) {
    EXPECT_DOUBLE_EQ(after({event(0, answered(1)), dump(1), dump(1000, {answered(2)})}).smoothed_open, 0.3);
}

TEST_F(Figures, RttIsTheMeanOfTheEstablished) {
    EXPECT_EQ(after({dump(0, {with_rtt(answered(1), 100), with_rtt(accepted(2), 301), answered(3),
                              with_rtt(closing(4), 9000), with_rtt(opening(5), 9000)})})
                  .rtt,
              200us);
    EXPECT_EQ(after({event(500, with_rtt(answered(6), 8000))}).rtt, 200us) << "while others are established";
    EXPECT_EQ(after({dump(1000)}).rtt, 200us) << "of the last ones that were";
    EXPECT_EQ(after({dump(2000, {with_rtt(answered(6), 50)})}).rtt, 50us);
}

TEST_F(Figures, RttIsAnAverageOfTheClosedWhileNoneIsEstablished) {
    EXPECT_EQ(after({event(0, with_rtt(answered(1), 800))}).rtt, 800us);
    EXPECT_EQ(after({event(1, with_rtt(answered(2), 1600))}).rtt, 900us);
    EXPECT_EQ(after({event(1, with_rtt(answered(3), 100))}).rtt, 800us);
    EXPECT_EQ(after({event(1, answered(4)), dump(2, {answered(5)})}).rtt, 800us) << "none measured";
    EXPECT_EQ(
        after({dump(1000, {with_rtt(answered(5), 80)}), dump(2000), event(2001, with_rtt(answered(6), 160))}).rtt,
        90us);
}

TEST_F(Figures, RetransmitsAreCountedOnce) {
    EXPECT_EQ(after({dump(0, {with_retransmits(answered(1), 3), with_retransmits(answered(2), 1)})}).retransmits, 4U);
    EXPECT_EQ(after({dump(1000, {with_retransmits(answered(1), 5), with_retransmits(answered(2), 1)})}).retransmits,
              6U);
    EXPECT_EQ(after({partial_dump(1500, {with_retransmits(answered(1), 6)})}).retransmits, 6U);
    EXPECT_EQ(after({event(1600, with_retransmits(answered(1), 7))}).retransmits, 8U);
    EXPECT_EQ(after({event(1700, with_retransmits(answered(3), 10))}).retransmits, 18U) << "of one never named";
    EXPECT_EQ(after({dump(2000)}).retransmits, 18U) << "the end of cookie 2 was not seen";
    EXPECT_EQ(after({event(2500, with_retransmits(answered(2), 2))}).retransmits, 19U) << "now it is";
    EXPECT_EQ(after({dump(3000, {with_retransmits(answered(4), 1)}, {with_retransmits(answered(4), 1)})}).retransmits,
              20U);
}

TEST_F(Figures, RetransmitsOfASocketThatIsConnectedAgain) {
    EXPECT_EQ(after({dump(0, {with_retransmits(answered(1), 3)}), dump(1000, {answered(1)})}).retransmits, 3U);
    EXPECT_EQ(after({event(1500, with_retransmits(answered(1), 2))}).retransmits, 5U);
}

TEST_F(Figures, EndsAreCounted) {
    const EndpointConnections figures =
        after({event(0, answered(1)), event(0, answered(2)), event(0, accepted(3)), event(0, opening(4)),
               event(0, refused(5)), event(0, refused(6)), event(0, refused(7)), event(0, unanswered(8))});
    EXPECT_EQ(figures.answered, 2U);
    EXPECT_EQ(figures.refused, 3U);
    EXPECT_EQ(figures.unanswered, 1U) << "counted, though it is no evidence";
}

TEST_F(Figures, UnansweredAreCountedOnce) {
    EXPECT_EQ(after({dump(0), dump(1000, {unanswered(1), unanswered(2)})}).unanswered, 2U);
    EXPECT_EQ(after({dump(2000, {unanswered(1)}), event(2500, unanswered(1))}).unanswered, 2U);
    EXPECT_EQ(after({dump(3000, {unanswered(3), accepted(4)})}).unanswered, 2U) << "packets are lost";
    EXPECT_EQ(after({event(3500, unanswered(3))}).unanswered, 3U) << "but it was closed unanswered";
}

// What is remembered.

TEST_F(Figures, EndpointsThatAreNoneAnyMoreAreForgotten) {
    ledger.play({dump(0, {answered(1), answered(2, 9)})});
    ledger.last_endpoint = 8;
    ledger.play(event(500, refused(3, 9)));
    EXPECT_EQ(ledger.ledger.endpoints(), 2U);
    ledger.play(dump(1000, {answered(1), answered(2, 9)}));
    EXPECT_EQ(ledger.ledger.endpoints(), 1U);
    EXPECT_EQ(ledger.ledger.find(endpoint(9)), nullptr);
    EXPECT_THAT(ledger.evidence, IsEmpty());
}

TEST_F(Figures, EndpointsAreForgottenAfterAPartialDumpToo) {
    ledger.play({event(0, answered(2, 9))});
    ledger.last_endpoint = 8;
    ledger.play(partial_dump(1000));
    EXPECT_EQ(ledger.ledger.endpoints(), 0U);
}

TEST_F(Figures, EndpointThatComesBackHasItsOldConnections) {
    ledger.play({dump(0, {answered(2, 9)})});
    ledger.last_endpoint = 8;
    for (int second = 1; second <= 400; ++second) ledger.play(dump(second * 1000, {answered(2, 9)}));
    ledger.last_endpoint = 9;
    ledger.play({dump(401'000, {answered(2, 9)}), event(401'500, answered(2, 9))});
    EXPECT_THAT(ledger.words(), IsEmpty()) << "data on a connection that began long ago";
    EXPECT_EQ(ledger.figures(9).answered, 1U);
}

Sockets many(std::size_t count, std::uint64_t first = 1) {
    Sockets out;
    for (std::uint64_t cookie = first; cookie < first + count; ++cookie) out.push_back(answered(cookie));
    return out;
}

TEST_F(Figures, AsManyAsAreRememberedAreToldFromNewOnes) {
    ledger.play({dump(0, many(ConnectionLedger::most_remembered)), event(500, answered(1'000'000))});
    EXPECT_THAT(ledger.words(), testing::ElementsAre("1 answered 0"));
}

TEST_F(Figures, WithMoreNothingButRefusalsIsConcluded) {
    constexpr std::size_t more = ConnectionLedger::most_remembered + 1;
    ledger.play({dump(0), dump(1000)});
    Sockets sockets = many(more - 1, 100);
    sockets.insert(sockets.begin(), unanswered(1, 2));
    ledger.play({dump(2000, sockets), event(2500, answered(1'000'000)), event(2500, unanswered(1'000'001))});
    EXPECT_THAT(ledger.words(), testing::ElementsAre("1 answered 1000")) << "its reference had remembered all";
    EXPECT_EQ(ledger.figures().open, more - 1);
    for (const TcpSocket& socket : sockets) ledger.play(event(2600, socket));
    ledger.evidence.clear();
    ledger.play({dump(3000, {answered(1'000'002), unanswered(2)}), event(3100, refused(3))});
    EXPECT_THAT(ledger.words(), testing::ElementsAre("1 refused 3100"));
    ledger.evidence.clear();
    ledger.play({event(3200, answered(1'000'003, 2)), dump(4000, {unanswered(1, 3)})});
    EXPECT_THAT(ledger.words(), testing::ElementsAre("2 answered 3000", "3 timeout 4000")) << "there are fewer again";
}

TEST_F(Figures, TheGoneCountAmongTheRemembered) {
    constexpr std::size_t most = ConnectionLedger::most_remembered;
    ledger.play({dump(0, many(most)), dump(1000, {answered(most + 1)}), event(1500, answered(most + 2))});
    EXPECT_THAT(ledger.words(), testing::ElementsAre("1 answered 0")) << "from the dump; then it is one too many";
}

TEST_F(Figures, DumpDuringWhichTooManyEndIsNotComplete) {
    constexpr std::size_t most = ConnectionLedger::most_remembered;
    ledger.play({dump(0), dump(1000, {answered(1)}, Sockets(most + 1, opening(2)))});
    EXPECT_THAT(ledger.words(), IsEmpty());
    ledger.play(dump(2000, {answered(1)}, Sockets(most, opening(2))));
    EXPECT_THAT(ledger.words(), testing::ElementsAre("1 answered 0"));
}

TEST_F(Figures, LinesAndEndsOutsideADumpAreIgnored) {
    ledger.play({dump(0), pause_dumps()});
    ledger.ledger.living(answered(1));
    ledger.ledger.end_dump(true, ledger.evidence);
    EXPECT_FALSE(ledger.ledger.seen_any());
    ledger.play(event(500, answered(2)));
    EXPECT_THAT(ledger.words(), IsEmpty()) << "there is no reference";
}

TEST_F(Figures, DumpThatBeginsAgainForgetsTheFirstAttempt) {
    ledger.play(dump(0));
    ledger.ledger.begin_dump(start + 1s);
    ledger.ledger.living(answered(1));
    ledger.play(dump(2000, {answered(2, 2)}));
    EXPECT_THAT(ledger.words(), testing::ElementsAre("2 answered 0"));
}

}  // namespace
}  // namespace taskdns::health
