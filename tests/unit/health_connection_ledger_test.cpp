// What follows from the application's connections: stories of dumps and events, and the evidence of each.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/health_connections.hpp"

namespace taskdns::health {
namespace {

using namespace testing_story;

struct FateCase {
    std::string name;
    bool destroyed = false;
    TcpSocket socket;
    ConnectionFate expected = ConnectionFate::unknown;
};
void PrintTo(const FateCase& row, std::ostream* out) { *out << row.name; }

class Fate : public testing::TestWithParam<FateCase> {};

TEST_P(Fate, IsWhatTheSocketSays) { EXPECT_EQ(fate(GetParam().socket, GetParam().destroyed), GetParam().expected); }

/// A socket that never got data.
TcpSocket segments(TcpState state, std::uint32_t out, std::uint32_t in, std::uint32_t retransmits,
                   std::uint32_t total_retransmits, std::uint64_t bytes_acked = 0) {
    TcpSocket socket = socket_to(1, 1, state);
    socket.segments_out = out;
    socket.segments_in = in;
    socket.retransmits = retransmits;
    socket.total_retransmits = total_retransmits;
    socket.bytes_acked = bytes_acked;
    return socket;
}

constexpr bool living = false;
constexpr bool ended = true;
constexpr TcpState syn_sent = TcpState::syn_sent;
constexpr TcpState closed = TcpState::closed;

// clang-format off
INSTANTIATE_TEST_SUITE_P(Health, Fate, testing::Values(
    FateCase{"Answered",              living, answered(1),                                          ConnectionFate::answered},
    FateCase{"AnsweredAndEnded",      ended,  answered(1),                                          ConnectionFate::answered},
    FateCase{"Accepted",              living, accepted(1),                                          ConnectionFate::accepted},
    FateCase{"AcceptedAndEnded",      ended,  segments(closed, 2, 1, 0, 0, 1),                      ConnectionFate::accepted},
    FateCase{"AcceptedAfterALoss",    ended,  segments(closed, 3, 1, 0, 1, 1),                      ConnectionFate::accepted},
    FateCase{"Refused",               ended,  segments(closed, 1, 1, 0, 0),                         ConnectionFate::refused},
    FateCase{"RefusedAfterALoss",     ended,  segments(closed, 2, 1, 0, 1),                         ConnectionFate::refused},
    FateCase{"LivingIsNotRefused",    living, segments(syn_sent, 1, 1, 0, 0),                       ConnectionFate::unknown},
    FateCase{"LivingWithASegment",    living, segments(syn_sent, 2, 1, 1, 1),                       ConnectionFate::unknown},
    FateCase{"Opening",               living, segments(syn_sent, 1, 0, 0, 0),                       ConnectionFate::unknown},
    FateCase{"Unanswered",            living, segments(syn_sent, 2, 0, 1, 1),                       ConnectionFate::unanswered},
    FateCase{"UnansweredInNoOtherState", living, segments(TcpState::other, 2, 0, 1, 1),             ConnectionFate::unknown},
    FateCase{"UnansweredAndEnded",    ended,  segments(closed, 2, 0, 0, 1),                         ConnectionFate::unanswered},
    FateCase{"LivingByThePresentSegment", living, segments(syn_sent, 2, 0, 0, 1),                   ConnectionFate::unknown},
    FateCase{"EndedWithoutANeighbour", ended, segments(closed, 1, 0, 1, 0),                         ConnectionFate::unanswered},
    FateCase{"GivenUpAtOnce",         ended,  segments(closed, 1, 0, 0, 0),                         ConnectionFate::unknown}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

struct StoryCase {
    std::string name;
    std::vector<Step> story;
    std::vector<std::string> evidence;
};
void PrintTo(const StoryCase& row, std::ostream* out) { *out << row.name; }

/// Cookies from 900 on are our own.
class Evidences : public testing::TestWithParam<StoryCase> {};

TEST_P(Evidences, AreWhatFollows) {
    Ledger ledger;
    ledger.own.add(900);
    EXPECT_EQ(ledger.play(GetParam().story).words(), GetParam().evidence);
}

SocketAddress elsewhere() { return {endpoint(1).address, 9}; }
TcpSocket to_elsewhere(TcpSocket socket) {
    socket.remote = elsewhere();
    return socket;
}
TcpSocket without_port(TcpSocket socket) {
    socket.remote.port = 0;
    return socket;
}
TcpSocket once_connected(TcpSocket socket) {
    socket.was_connected = true;
    return socket;
}
const auto name_of = [](const auto& instance) { return instance.param.name; };
constexpr int minute = 60'000;

// clang-format off
INSTANTIATE_TEST_SUITE_P(Refused, Evidences, testing::Values(
    StoryCase{"AtOnceEvenIfNothingElseIsKnown", {event(5, refused(1))}, {"1 refused 5"}},
    StoryCase{"EveryOne", {event(5, refused(1)), event(6, refused(2)), event(6, refused(3, 2))},
        {"1 refused 5", "1 refused 6", "2 refused 6"}},
    StoryCase{"WhilePaused", {dump(0), pause_dumps(), event(5, refused(1))}, {"1 refused 5"}},
    StoryCase{"DuringADump", {dump(0), dump(1000, {opening(1)}, {refused(1)})}, {"1 refused 1000"}},
    StoryCase{"NotOurOwn", {event(5, refused(900))}, {}},
    StoryCase{"NotElsewhere", {event(5, to_elsewhere(refused(1))), event(5, refused(1, 10))}, {}},
    StoryCase{"ButItMayBeFromBeforeWhereOthersAreAccepted", {dump(0), event(500, accepted(1)), event(700, refused(2)), event(700, refused(3, 2))},
        {"1? refused 700", "2 refused 700"}},
    StoryCase{"CertainOnceThatIsLongAgo", {dump(0), event(500, accepted(1)), dump(1000), dump(2000), event(2700, refused(2))}, {"1 refused 2700"}},
    StoryCase{"AfterItWentUnanswered", {dump(0), dump(1000), dump(2000, {unanswered(1)}), event(2500, refused(1))},
        {"1 timeout 2000", "1 refused 2500"}}), name_of);

INSTANTIATE_TEST_SUITE_P(WithoutAPort, Evidences, testing::Values(
    StoryCase{"IsOnlyASuspicion", {event(5, without_port(opening(1)))}, {"1? refused 5"}},
    StoryCase{"OfOneThatADumpSawUnaccepted", {dump(0, {opening(1)}), event(5, without_port(opening(1)))}, {"1? refused 5"}},
    StoryCase{"NotOfOneThatADumpSawAccepted", {dump(0, {accepted(1)}), event(5, without_port(opening(1)))}, {}},
    StoryCase{"NotOfOneThatWasConnected", {event(5, without_port(once_connected(opening(1))))}, {}},
    StoryCase{"NotOfOneThatWaited", {event(5, without_port(unanswered(1)))}, {}},
    StoryCase{"NotOurOwn", {event(5, without_port(opening(900)))}, {}},
    StoryCase{"NotElsewhere", {event(5, without_port(opening(1, 10)))}, {}}), name_of);

INSTANTIATE_TEST_SUITE_P(Success, Evidences, testing::Values(
    StoryCase{"OfANewOneThatEnds", {dump(0), event(500, answered(1))}, {"1 answered 0"}},
    StoryCase{"OfANewOneThatLives", {dump(0), dump(1000, {answered(1)})}, {"1 answered 0"}},
    StoryCase{"NotWithoutADump", {event(500, answered(1)), dump(1000, {answered(2)})}, {}},
    StoryCase{"NotOfWhatHasLivedForLong", {dump(0, {answered(1), answered(2)}), dump(1000, {answered(1)}), event(1500, answered(1)), event(1500, answered(2))}, {}},
    StoryCase{"OnceOfWhatIsNamedAgain", {dump(0), dump(1000, {answered(1)}), dump(2000, {answered(1)}), event(2500, answered(1))}, {"1 answered 0"}},
    StoryCase{"NotOfWhatIsOnlyAccepted", {dump(0), dump(1000, {accepted(1)}), event(1100, accepted(2))}, {}},
    StoryCase{"NotOfDataOnAnOldOneThatWasAccepted", {dump(0), dump(1000, {accepted(1)}), dump(2000, {answered(1)}), event(2100, answered(1))}, {}},
    StoryCase{"OfOneThatTheLastDumpSawUnaccepted", {dump(0), dump(1000, {opening(1), opening(2)}), event(1500, answered(2)), dump(2000, {answered(1)})},
        {"1 answered 1000", "1 answered 1000"}},
    StoryCase{"NotOfOneThatAnEarlierDumpSawUnaccepted", {dump(0, {opening(1)}), dump(1000), event(1500, answered(1))}, {}},
    StoryCase{"OneFromEventsBetweenTwoDumps", {dump(0), event(100, answered(1)), event(200, answered(2)), event(300, answered(3, 2)), dump(1000), event(1500, answered(4)), event(1600, answered(5))},
        {"1 answered 0", "2 answered 0", "1 answered 1000"}},
    StoryCase{"OneFromADump", {dump(0), dump(1000, {answered(1), answered(2), answered(3, 2)})}, {"1 answered 0", "2 answered 0"}},
    StoryCase{"FromEventsAndFromTheDump", {dump(0), event(500, answered(1)), dump(1000, {answered(2)})}, {"1 answered 0", "1 answered 0"}},
    StoryCase{"SinceTheLastCompleteDump", {dump(0), partial_dump(1000), event(1500, answered(1)), dump(2000, {answered(2)})}, {"1 answered 0", "1 answered 0"}},
    StoryCase{"PartialDumpConcludesNothing", {dump(0), partial_dump(1000, {answered(1)})}, {}},
    StoryCase{"PartialDumpMakesNobodyOld", {dump(0), partial_dump(1000, {answered(1)}), dump(2000, {answered(1)})}, {"1 answered 0"}},
    StoryCase{"PartialDumpMakesNobodyNew", {dump(0, {answered(1)}), partial_dump(1000), event(1500, answered(1))}, {}},
    StoryCase{"NotAfterAPause", {dump(0), pause_dumps(), event(500, answered(1)), dump(1000, {answered(2)})}, {}},
    StoryCase{"FromTheNextDumpButOneAfterAPause", {dump(0), pause_dumps(), dump(1000), dump(2000, {answered(1)})}, {"1 answered 1000"}},
    StoryCase{"OfTheOldReferenceDuringADump", {dump(0, {answered(1)}), dump(1000, {}, {answered(1), answered(2)})}, {"1 answered 0"}},
    StoryCase{"OnceOfOneThatEndsDuringTheDump", {dump(0), dump(1000, {answered(1)}, {answered(1)}), dump(2000)}, {"1 answered 0"}},
    StoryCase{"NotOfOneThatWasResetLongAgoAndIsClosedNow", {dump(0, {answered(1)}), dump(1000), dump(2000), event(2500, answered(1))}, {}},
    StoryCase{"GoneOnesAreKnownForFiveMinutes", {dump(0, {answered(1)}), dump(5 * minute), event(5 * minute, answered(1))}, {}},
    StoryCase{"GoneOnesAreForgottenAfterFiveMinutes", {dump(0, {answered(1)}), dump(5 * minute + 1), event(5 * minute + 101, answered(1))}, {"1 answered 300001"}},
    StoryCase{"EventThatMayBeLateCountsFromTheDumpBefore", {dump(0), dump(1000), event(1099, answered(1)), event(1100, answered(2))}, {"1 answered 0", "1 answered 1000"}},
    StoryCase{"EventThatMayBeLateIsNothingAfterTheFirstDump", {dump(0), event(99, answered(1))}, {}},
    StoryCase{"EventThatMayBeLateIsNothingAfterAPause", {dump(0), pause_dumps(), dump(1000), event(1099, answered(1))}, {}},
    StoryCase{"EventThatMayBeOlderThanTwoDumps", {dump(0), dump(1000), dump(1040), event(1099, answered(1))}, {}},
    StoryCase{"EventThatMayBeOlderThanOneOfTwoDumps", {dump(0), dump(1000), dump(1040), event(1100, answered(1))}, {"1 answered 1000"}},
    StoryCase{"NotOurOwn", {dump(0), event(500, answered(900)), dump(1000, {answered(900)})}, {}},
    StoryCase{"NotElsewhere", {dump(0), event(500, to_elsewhere(answered(1))), dump(1000, {to_elsewhere(answered(2))})}, {}}), name_of);

INSTANTIATE_TEST_SUITE_P(SuccessAfterARefusal, Evidences, testing::Values(
    StoryCase{"NotOfOneThatMayBeOlder", {dump(0), event(500, refused(1)), event(600, answered(2)), dump(1000, {answered(3)})}, {"1 refused 500"}},
    StoryCase{"OfOneThatIsYounger", {dump(0), event(500, refused(1)), dump(1000), event(1100, answered(2)), dump(2000, {answered(3)})},
        {"1 refused 500", "1 answered 1000", "1 answered 1000"}},
    StoryCase{"NotByALateEventOfOneThatMayBeOlder", {dump(0), event(500, refused(1)), dump(1000), event(1099, answered(2))}, {"1 refused 500"}},
    StoryCase{"OfOneThatBeganAfterADumpAtThatTime", {dump(0), event(1000, refused(1)), dump(1000), event(1100, answered(2)), dump(2000, {answered(3)})}, {"1 refused 1000", "1 answered 1000", "1 answered 1000"}},
    StoryCase{"OfOthers", {dump(0), event(500, refused(1)), event(600, answered(2, 2))}, {"1 refused 500", "2 answered 0"}}), name_of);

INSTANTIATE_TEST_SUITE_P(Unanswered, Evidences, testing::Values(
    StoryCase{"InADump", {dump(0), dump(1000), dump(2000, {unanswered(1), unanswered(2), unanswered(3, 2)})}, {"1 timeout 2000", "1 timeout 2000", "2 timeout 2000"}},
    StoryCase{"AtItsEnd", {dump(0), dump(1000), event(1500, unanswered(1))}, {"1 timeout 1500"}},
    StoryCase{"OnceInItsLife", {dump(0), dump(1000), dump(2000, {unanswered(1)}), dump(3000, {unanswered(1)}), event(3500, unanswered(1))}, {"1 timeout 2000"}},
    StoryCase{"OnceThoughADumpIsPartial", {dump(0), dump(1000, {unanswered(1)}), partial_dump(2000), dump(3000), event(3500, unanswered(1))}, {"1 timeout 1000"}},
    StoryCase{"OnceThoughThereWasAPause", {dump(0), dump(1000, {unanswered(1)}), pause_dumps(), dump(2000, {unanswered(1)}), dump(3000, {unanswered(1)})}, {"1 timeout 1000"}},
    StoryCase{"OnceIfItEndsDuringTheDump", {dump(0), dump(1000), dump(2000, {unanswered(1)}, {unanswered(1)})}, {"1 timeout 2000"}},
    StoryCase{"OnceIfSeveralEndDuringTheDump", {dump(0), dump(1000), dump(2000, {unanswered(1), unanswered(3)}, {unanswered(3), unanswered(2), unanswered(1)})}, {"1 timeout 2000", "1 timeout 2000", "1 timeout 2000"}},
    StoryCase{"OnceIfNamedTwice", {dump(0), dump(1000, {unanswered(1), unanswered(1)})}, {"1 timeout 1000"}},
    StoryCase{"NotInAPartialDump", {dump(0), dump(1000), partial_dump(2000, {unanswered(1)}), dump(3000, {unanswered(1)})}, {"1 timeout 3000"}},
    StoryCase{"BeforeASuccess", {dump(0), dump(1000), dump(2000, {answered(1, 2), unanswered(2), answered(3, 3)})}, {"1 timeout 2000", "2 answered 1000", "3 answered 1000"}},
    StoryCase{"NotOurOwn", {dump(0), dump(1000, {unanswered(900)}), event(1100, unanswered(900))}, {}},
    StoryCase{"NotElsewhere", {dump(0), dump(1000, {to_elsewhere(unanswered(1))}), event(1100, to_elsewhere(unanswered(1)))}, {}}), name_of);

// Nobody knows what else has been answered in the second before.
INSTANTIATE_TEST_SUITE_P(UnansweredWithoutReference, Evidences, testing::Values(
    StoryCase{"NotBeforeADump", {event(5, unanswered(1)), dump(1000, {unanswered(2)})}, {}},
    StoryCase{"NotByAnEventAfterOneDump", {dump(0), event(900, unanswered(1))}, {}},
    StoryCase{"NotInADumpTooSoonAfterTheFirst", {dump(0), dump(899, {unanswered(1)}), event(899, unanswered(2))}, {}},
    StoryCase{"InADumpASynsTimeoutLater", {dump(0), dump(900, {unanswered(1)}), event(900, unanswered(2))}, {"1 timeout 900", "1 timeout 900"}},
    StoryCase{"LaterIfItLives", {dump(0, {unanswered(1)}), dump(1000, {unanswered(1)})}, {"1 timeout 1000"}},
    StoryCase{"NotAfterAPause", {dump(0), dump(1000), pause_dumps(), event(1500, unanswered(1)), dump(2000, {unanswered(2)}), event(2100, unanswered(3))}, {}},
    StoryCase{"NextButOneAfterAPause", {dump(0), dump(1000), pause_dumps(), dump(2000), dump(3000, {unanswered(2)})}, {"1 timeout 3000"}}), name_of);

INSTANTIATE_TEST_SUITE_P(UnansweredBesideOthers, Evidences, testing::Values(
    StoryCase{"AcceptedInTheSameDump", {dump(0), dump(1000), dump(2000, {unanswered(1), accepted(2)})}, {}},
    StoryCase{"AnsweredInTheSameDump", {dump(0), dump(1000), dump(2000, {unanswered(1), answered(2)})}, {"1 answered 1000"}},
    StoryCase{"AcceptedByAnEventBefore", {dump(0), dump(1000), event(1100, accepted(2)), dump(2000, {unanswered(1)})}, {}},
    StoryCase{"AcceptedByAnEventThatMayBeLate", {dump(0), dump(1000), event(1099, accepted(2)), dump(2000, {unanswered(1)})}, {"1 timeout 2000"}},
    StoryCase{"AcceptedByAnotherEndpoint", {dump(0), dump(1000), dump(2000, {unanswered(1), accepted(2, 2)})}, {"1 timeout 2000"}},
    StoryCase{"OldOneProvesNothing", {dump(0), dump(1000, {accepted(2)}), dump(2000, {unanswered(1), answered(2)}), event(2001, answered(2)), event(2002, unanswered(3))}, {"1 timeout 2000", "1 timeout 2002"}},
    StoryCase{"AcceptedInTheDumpBefore", {dump(0), dump(1000, {accepted(2)}), dump(2000, {unanswered(1)})}, {"1 timeout 2000"}},
    StoryCase{"AcceptedBeforeTheLastDump", {dump(0), event(999, accepted(2)), dump(1000), dump(2000, {unanswered(1)})}, {"1 timeout 2000"}},
    StoryCase{"EventAfterADumpThatNamedOne", {dump(0), dump(1000), dump(2000, {accepted(2)}), event(2999, unanswered(1))}, {}},
    StoryCase{"EventAfterTheNextDump", {dump(0), dump(1000), dump(2000, {accepted(2)}), dump(3000), event(3001, unanswered(1))}, {"1 timeout 3001"}},
    StoryCase{"ADumpOutOfTurnChangesNothing", {dump(0), dump(1000), event(1500, accepted(2)), dump(1600), dump(1899, {unanswered(1)}), event(1899, unanswered(3))}, {}},
    StoryCase{"ADumpOutOfTurnAndTheNext", {dump(0), dump(1000), event(1500, accepted(2)), dump(1600), dump(2000), dump(3000, {unanswered(1)})}, {"1 timeout 3000"}},
    StoryCase{"AgainLaterIfItLives", {dump(0), dump(1000), dump(2000, {unanswered(1), accepted(2)}), dump(3000, {unanswered(1), accepted(2)})}, {"1 timeout 3000"}},
    StoryCase{"NotLaterIfOthersAreAnsweredAgain", {dump(0), dump(1000), dump(2000, {unanswered(1), accepted(2)}), dump(3000, {unanswered(1), accepted(3)}), event(3500, unanswered(1))}, {}},
    StoryCase{"OneThatWasSentAgainAndAccepted", {dump(0), dump(1000, {opening(2)}), dump(2000, {unanswered(1), accepted(2)})}, {}},
    StoryCase{"AcceptedTwoSecondsAgo", {dump(0), dump(1000), event(1500, accepted(2)), partial_dump(2000), event(3500, unanswered(1))}, {}},
    StoryCase{"AcceptedLongerAgoThanThat", {dump(0), dump(1000), event(1500, accepted(2)), partial_dump(2000), event(3501, unanswered(1))}, {"1 timeout 3501"}}), name_of);
// clang-format on

}  // namespace
}  // namespace taskdns::health
