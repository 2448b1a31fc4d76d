// What the kernel says of TCP sockets: recorded messages, and the kernel itself as the judge of what it is sent.
#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "health/tcp_diag.hpp"
#include "health_tcp_diag_messages.hpp"

namespace taskdns::health {
namespace {

using Octets = std::vector<std::uint8_t>;

Octets octets(std::string_view hex) {
    Octets out(hex.size() / 2);
    for (std::size_t i = 0; i < out.size(); ++i) std::from_chars(&hex[2 * i], &hex[2 * i] + 2, out[i], 16);
    return out;
}

DiagMessages parsed(std::span<const std::uint8_t> datagram) {
    // In a block of its own size, so that AddressSanitizer sees a read beyond its end.
    const Octets copy(datagram.begin(), datagram.end());
    DiagMessages out;
    parse_diag_messages(copy, out);
    return out;
}

void set_u16(Octets& message, std::size_t at, std::size_t value) {
    const auto word = static_cast<std::uint16_t>(value);
    std::memcpy(&message[at], &word, sizeof word);
}

void set_u32(Octets& message, std::size_t at, std::size_t value) {
    const auto word = static_cast<std::uint32_t>(value);
    std::memcpy(&message[at], &word, sizeof word);
}

struct Row {
    const char* name;
    const char* message;
    const char* remote;
    TcpState state;
    std::uint64_t bytes_acked;
    std::uint64_t bytes_received;
    std::uint32_t segments_out;
    std::uint32_t segments_in;
    std::uint32_t retransmits;
    std::uint32_t total_retransmits;
    int rtt_us;
    std::uint64_t cookie;
};
void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

class Recorded : public testing::TestWithParam<Row> {};

TEST_P(Recorded, IsRead) {
    const Row& row = GetParam();
    const DiagMessages said = parsed(octets(row.message));
    EXPECT_FALSE(said.done || said.interrupted || said.error != 0);
    ASSERT_EQ(said.sockets.size(), 1U);
    const TcpSocket& socket = said.sockets[0];
    EXPECT_EQ(socket.remote.to_string(), row.remote);
    EXPECT_TRUE(socket.state == row.state);
    EXPECT_EQ(socket.bytes_acked, row.bytes_acked);
    EXPECT_EQ(socket.bytes_received, row.bytes_received);
    EXPECT_EQ(socket.segments_out, row.segments_out);
    EXPECT_EQ(socket.segments_in, row.segments_in);
    EXPECT_EQ(socket.retransmits, row.retransmits);
    EXPECT_EQ(socket.total_retransmits, row.total_retransmits);
    EXPECT_EQ(socket.rtt, std::chrono::microseconds(row.rtt_us));
    EXPECT_EQ(socket.cookie, row.cookie);
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Kernel, Recorded,
    testing::Values(
        Row{"RefusedV4", recorded::refused_v4, "10.0.1.10:8081", TcpState::closed, 0, 0, 1, 1, 0, 0, 0, 4099},
        Row{"RefusedBlockingV4", recorded::refused_blocking_v4, "10.0.1.10", TcpState::closed, 0, 0, 0, 0, 0, 0, 0, 41},
        Row{"UnreachableV4", recorded::unreachable_v4, "10.0.7.5:8080", TcpState::closed, 0, 0, 1, 0, 0, 0, 0, 44},
        Row{"GivenUpV4", recorded::given_up_v4, "10.0.9.10:8080", TcpState::closed, 0, 0, 2, 0, 1, 1, 0, 4100},
        Row{"TimedOutV4", recorded::timed_out_v4, "10.0.9.10:8080", TcpState::closed, 0, 0, 3, 0, 2, 2, 0, 42},
        Row{"TimedOutBlockingV4", recorded::timed_out_blocking_v4, "10.0.9.10", TcpState::closed, 0, 0, 0, 0, 2, 0, 0, 43},
        Row{"NoArpV4", recorded::no_arp_v4, "10.0.8.77:8080", TcpState::closed, 0, 0, 1, 0, 3, 0, 0, 45},
        Row{"AbortedV4", recorded::aborted_v4, "10.0.9.10:8080", TcpState::closed, 0, 0, 1, 0, 0, 0, 0, 4101},
        Row{"ClosedByClientV4", recorded::closed_by_client_v4, "10.0.1.10:8080", TcpState::closed, 11, 1000, 5, 4, 0, 0, 5118, 4102},
        Row{"ClosedByServerV4", recorded::closed_by_server_v4, "10.0.1.10:8080", TcpState::closed, 11, 1001, 6, 5, 0, 0, 30, 4112},
        Row{"HalfClosedV4", recorded::half_closed_v4, "10.0.1.10:8080", TcpState::closed, 11, 1001, 6, 5, 0, 0, 5711, 4106},
        Row{"HalfClosedByServerV4", recorded::half_closed_by_server_v4, "10.0.1.10:8080", TcpState::closed, 11, 0, 5, 4, 0, 0, 14, 4114},
        Row{"ResetByServerV4", recorded::reset_by_server_v4, "10.0.1.10:8080", TcpState::closed, 10, 1000, 4, 4, 0, 0, 27, 4108},
        Row{"ResetByClientV4", recorded::reset_by_client_v4, "10.0.1.10", TcpState::closed, 0, 0, 0, 0, 0, 0, 0, 4110},
        Row{"NoDataV4", recorded::no_data_v4, "10.0.1.10:8080", TcpState::closed, 2, 0, 3, 2, 0, 0, 36, 4104},
        Row{"ResetWithoutDataV4", recorded::reset_without_data_v4, "10.0.1.10:8080", TcpState::closed, 1, 0, 2, 2, 0, 0, 12, 38},
        Row{"DumpSynSentV4", recorded::dump_syn_sent_v4, "10.0.9.10:8080", TcpState::syn_sent, 0, 0, 1, 0, 0, 0, 0, 4100},
        Row{"DumpSynSentAgainV4", recorded::dump_syn_sent_again_v4, "10.0.9.10:8080", TcpState::syn_sent, 0, 0, 2, 0, 1, 1, 0, 4100},
        Row{"DumpEstablishedV4", recorded::dump_established_v4, "10.0.1.10:8080", TcpState::established, 10, 1000, 4, 3, 0, 0, 28, 4112},
        Row{"DumpFinWaitV4", recorded::dump_fin_wait_v4, "10.0.1.10:8080", TcpState::other, 11, 0, 4, 3, 0, 0, 5711, 4106},
        Row{"DumpCloseWaitV4", recorded::dump_close_wait_v4, "10.0.1.10:8080", TcpState::other, 10, 0, 4, 3, 0, 0, 10, 4114},
        Row{"RefusedV6", recorded::refused_v6, "[fd00::10]:8081", TcpState::closed, 0, 0, 1, 1, 0, 0, 0, 48},
        Row{"GivenUpV6", recorded::given_up_v6, "[fd00:9::10]:8080", TcpState::closed, 0, 0, 2, 0, 1, 1, 0, 49},
        Row{"ClosedByClientV6", recorded::closed_by_client_v6, "[fd00::10]:8080", TcpState::closed, 11, 1000, 5, 4, 0, 0, 5240, 4118},
        Row{"DumpSynSentAgainV6", recorded::dump_syn_sent_again_v6, "[fd00:9::10]:8080", TcpState::syn_sent, 0, 0, 2, 0, 1, 1, 0, 49},
        Row{"DumpEstablishedV6", recorded::dump_established_v6, "[fd00::10]:8080", TcpState::established, 10, 1000, 4, 3, 0, 0, 17, 4118},
        Row{"RefusedMapped", recorded::refused_mapped, "10.0.1.10:8081", TcpState::closed, 0, 0, 1, 1, 0, 0, 0, 56},
        Row{"GivenUpMapped", recorded::given_up_mapped, "10.0.9.10:8080", TcpState::closed, 0, 0, 2, 0, 1, 1, 0, 57},
        Row{"ClosedByClientMapped", recorded::closed_by_client_mapped, "10.0.1.10:8080", TcpState::closed, 11, 1000, 5, 4, 0, 0, 5138, 59},
        Row{"DumpEstablishedMapped", recorded::dump_established_mapped, "10.0.1.10:8080", TcpState::established, 10, 1000, 4, 3, 0, 0, 16, 59}),
    [](const auto& param) { return std::string(param.param.name); });
// clang-format on

TEST(TcpDiag, KnowsWhoWasConnectedThoughHeIsNotAnyMore) {
    const auto was_connected = [](const char* message) {
        return parsed(octets(message)).sockets.at(0).was_connected;
    };
    EXPECT_TRUE(was_connected(recorded::reset_by_client_v4));
    EXPECT_TRUE(was_connected(recorded::closed_by_client_v4));
    EXPECT_TRUE(was_connected(recorded::no_data_v4));
    EXPECT_FALSE(was_connected(recorded::refused_v4));
    EXPECT_FALSE(was_connected(recorded::refused_blocking_v4));
    EXPECT_FALSE(was_connected(recorded::timed_out_blocking_v4));
    EXPECT_FALSE(was_connected(recorded::aborted_v4));
}

constexpr std::size_t info_at = 16 + sizeof(inet_diag_msg) + 8;  // in the recorded events: after INET_DIAG_PROTOCOL

/// An event whose tcp_info ends after `length` octets.
Octets with_info_of(std::size_t length, const char* message = recorded::closed_by_client_v4) {
    Octets event = octets(message);
    event.resize(info_at + 4 + length);
    set_u16(event, info_at, 4 + length);
    set_u32(event, 0, event.size());
    return event;
}

TEST(TcpDiag, LeavesOutAKernelThatDoesNotCountSegments) {
    for (const unsigned length : {0U, 104U, 136U, 143U}) EXPECT_TRUE(parsed(with_info_of(length)).sockets.empty());
    for (const unsigned length : {144U, 192U, 224U, 232U, 280U}) {
        const DiagMessages said = parsed(with_info_of(length));
        ASSERT_EQ(said.sockets.size(), 1U) << length;
        EXPECT_EQ(said.sockets[0].segments_in, 4U);
        EXPECT_EQ(said.sockets[0].bytes_received, 1000U);
    }
}

TEST(TcpDiag, ReadsALongerInfoThanItKnows) {
    Octets event = octets(recorded::refused_v4);
    event.resize(event.size() + 64, 0xFF);
    set_u16(event, info_at, 4 + 280 + 64);
    set_u32(event, 0, event.size());
    ASSERT_EQ(parsed(event).sockets.size(), 1U);
    EXPECT_EQ(parsed(event).sockets[0].segments_in, 1U);
}

TEST(TcpDiag, TellsAFinFromDataSinceTheKernelDoes) {
    const auto received = [](std::size_t length) {
        return parsed(with_info_of(length, recorded::half_closed_by_server_v4)).sockets.at(0).bytes_received;
    };
    EXPECT_EQ(received(152), 1U);  // 4.2 to 4.5
    EXPECT_EQ(received(156), 0U);
    EXPECT_EQ(received(280), 0U);
}

TEST(TcpDiag, TakesTheLargerCountOfRetransmits) {
    Octets message = octets(recorded::given_up_v4);
    message[16 + 3] = 7;  // idiag_retrans
    EXPECT_EQ(parsed(message).sockets.at(0).retransmits, 7U);
}

TEST(TcpDiag, ReadsBothWordsOfACookie) {
    Octets message = octets(recorded::refused_v4);
    set_u32(message, 16 + offsetof(inet_diag_msg, id.idiag_cookie) + 4, 3);
    EXPECT_EQ(parsed(message).sockets.at(0).cookie, (std::uint64_t{3} << 32) + 4099);
}

TEST(TcpDiag, LeavesOutWhatIsNotTcpOrHasNoFamily) {
    Octets other = octets(recorded::refused_v4);
    other[16 + sizeof(inet_diag_msg) + 4] = IPPROTO_SCTP;
    EXPECT_TRUE(parsed(other).sockets.empty());
    Octets family = octets(recorded::refused_v4);
    family[16] = AF_UNIX;
    EXPECT_TRUE(parsed(family).sockets.empty());
}

TEST(TcpDiag, ReadsAllMessagesOfADatagram) {
    Octets dump = octets(recorded::dump_syn_sent_again_v4);
    const auto add = [&](const char* hex) {
        const Octets more = octets(hex);
        dump.insert(dump.end(), more.begin(), more.end());
    };
    add(recorded::dump_established_v6);
    add(recorded::dump_done);
    DiagMessages said;
    parse_diag_messages(octets(recorded::refused_v4), said);
    parse_diag_messages(dump, said);  // appends
    EXPECT_EQ(said.sockets.size(), 3U);
    EXPECT_TRUE(said.done);
    EXPECT_EQ(said.error, 0);
    EXPECT_FALSE(said.interrupted);
    // Another length than a multiple of 4: the next message begins at the next one.
    Octets odd = octets(recorded::dump_done);
    set_u32(odd, 0, 17);
    const Octets refused = octets(recorded::refused_v4);
    odd.insert(odd.end(), refused.begin(), refused.end());
    EXPECT_EQ(parsed(odd).sockets.size(), 1U);
}

struct ControlRow {
    const char* name;
    std::uint16_t type;
    std::uint16_t flags;
    int code;
    bool done;
    int error;
    bool interrupted;
};
void PrintTo(const ControlRow& row, std::ostream* out) { *out << row.name; }

class Control : public testing::TestWithParam<ControlRow> {};

TEST_P(Control, IsRead) {
    const ControlRow& row = GetParam();
    Octets message(20);
    set_u32(message, 0, message.size());
    set_u16(message, 4, row.type);
    set_u16(message, 6, row.flags);
    std::memcpy(&message[16], &row.code, sizeof row.code);
    const DiagMessages said = parsed(message);
    EXPECT_EQ(said.done, row.done);
    EXPECT_EQ(said.error, row.error);
    EXPECT_EQ(said.interrupted, row.interrupted);
    EXPECT_TRUE(said.sockets.empty());
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    TcpDiag, Control,
    testing::Values(
        ControlRow{"Done",            NLMSG_DONE,          NLM_F_MULTI,                    0,         true,  0,      false},
        ControlRow{"DoneTooEarly",    NLMSG_DONE,          NLM_F_MULTI,                    -ENOMEM,   true,  ENOMEM, false},
        ControlRow{"Interrupted",     NLMSG_DONE,          NLM_F_MULTI | NLM_F_DUMP_INTR,  0,         true,  0,      true},
        ControlRow{"Error",           NLMSG_ERROR,         0,                              -ENOENT,   false, ENOENT, false},
        ControlRow{"Acknowledgement", NLMSG_ERROR,         0,                              0,         false, 0,      false},
        ControlRow{"LargestError",    NLMSG_ERROR,         0,                              -4095,     false, 4095,   false},
        ControlRow{"NoErrno",         NLMSG_ERROR,         0,                              -4096,     false, 0,      false},
        ControlRow{"Positive",        NLMSG_ERROR,         0,                              1,         false, 0,      false},
        ControlRow{"Noop",            NLMSG_NOOP,          0,                              -ENOENT,   false, 0,      false},
        ControlRow{"ShortSocket",     SOCK_DIAG_BY_FAMILY, 0,                              0,         false, 0,      false}),
    [](const auto& param) { return std::string(param.param.name); });
// clang-format on

class Damaged : public testing::TestWithParam<const char*> {};

TEST_P(Damaged, IsLeftOutOrRead) {
    const Octets whole = octets(GetParam());
    for (std::size_t length = 0; length < whole.size(); ++length) {
        EXPECT_TRUE(parsed(std::span(whole).first(length)).sockets.empty()) << "datagram cut at " << length;
        if (length < 16) continue;
        Octets cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
        set_u32(cut, 0, length);  // the message says so itself, but not its attributes
        EXPECT_TRUE(parsed(cut).sockets.empty()) << "message cut at " << length;
    }
    for (std::size_t at = 0; at < whole.size(); ++at) {
        for (const unsigned flip : {0x01U, 0x04U, 0x80U, 0xFFU}) {
            Octets flipped = whole;
            flipped[at] = static_cast<std::uint8_t>(flipped[at] ^ flip);
            EXPECT_LE(parsed(flipped).sockets.size(), 1U) << at;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(TcpDiag, Damaged,
                         testing::Values(recorded::refused_v4, recorded::closed_by_client_mapped,
                                         recorded::dump_syn_sent_again_v6));

TEST(TcpDiag, EndsWithMessagesThatHaveNoLength) {
    EXPECT_TRUE(parsed(Octets(4096)).sockets.empty());
    Octets attribute = octets(recorded::refused_v4);
    set_u16(attribute, 16 + sizeof(inet_diag_msg), 0);
    EXPECT_TRUE(parsed(attribute).sockets.empty());
}

}  // namespace
}  // namespace taskdns::health
