// What docs/dns.md says of the header, the question and EDNS: queries written octet by octet, answers read the same
// way.
#include <gmock/gmock.h>

#include "unit/dns_server_answering.hpp"

namespace taskdns::dns_server {
namespace {

/// A message in parts: each row changes one of them.
struct Parts {
    std::uint8_t octet2 = 0x01;  ///< QR, opcode, AA, TC, RD
    std::uint8_t octet3 = 0x00;  ///< RA, Z, AD, CD, rcode
    std::array<std::uint8_t, 4> counts{1, 0, 0, 0};
    WireBytes question{5, 'm', 'i', 'x', 'e', 'd', 5, 'l', 'o', 'c', 'a', 'l', 0, 0, 1, 0, 1};
    WireBytes records;
    WireBytes behind;
};

WireBytes written(const Parts& parts) {
    WireBytes out{0xBE, 0xEF, parts.octet2, parts.octet3};
    for (const std::uint8_t count : parts.counts) out.insert(out.end(), {0, count});
    for (const WireBytes* octets : {&parts.question, &parts.records, &parts.behind})
        out.insert(out.end(), octets->begin(), octets->end());
    return out;
}

/// An OPT record: `size`, extended rcode, version, flags and options as they stand on the wire.
WireBytes opt(unsigned size = 1232, unsigned version = 0, unsigned flags = 0, const WireBytes& options = {}) {
    WireBytes out{0,
                  0,
                  41,
                  static_cast<std::uint8_t>(size >> 8),
                  static_cast<std::uint8_t>(size),
                  0,
                  static_cast<std::uint8_t>(version),
                  static_cast<std::uint8_t>(flags >> 8),
                  static_cast<std::uint8_t>(flags),
                  static_cast<std::uint8_t>(options.size() >> 8),
                  static_cast<std::uint8_t>(options.size())};
    out.insert(out.end(), options.begin(), options.end());
    return out;
}

WireBytes joined(std::initializer_list<WireBytes> parts) {
    WireBytes out;
    for (const WireBytes& part : parts) out.insert(out.end(), part.begin(), part.end());
    return out;
}

/// A record of another type, such as a TSIG (250), with the root as its owner.
WireBytes record(std::uint8_t type, const WireBytes& rdata = {}) {
    return joined({{0, 0, type, 0, 255, 0, 0, 0, 0, 0, static_cast<std::uint8_t>(rdata.size())}, rdata});
}

Parts with_opt(const WireBytes& octets, std::uint8_t records = 1) {
    return {.counts = {1, 0, 0, records}, .question = Parts{}.question, .records = octets, .behind = {}};
}

/// Octets 2 and 3, the four counts, how many octets of question are echoed, and what the OPT record behind all says:
/// "8580 1/1/0/1 question 17; opt 1232 rcode 0 version 0 flags 8000 options 0"; "silence".
std::string look(const WireBytes& query, Transport transport = Transport::udp) {
    Answering answering;
    const Outcome result = answering.raw(query, transport);
    if (result.action == Action::drop) return "silence";
    EXPECT_EQ(result.action, Action::send);
    const WireBytes a = answering.bytes(result);
    EXPECT_NO_THROW(testing_support::parse_reply(a));
    EXPECT_EQ(a[0] << 8 | a[1], id);
    std::size_t echoed = 0;
    while (12 + echoed < std::min(a.size(), query.size()) && a[5] == 1 && echoed < 17 &&
           a[12 + echoed] == query[12 + echoed])
        ++echoed;
    std::array<char, 128> text{};
    std::snprintf(text.data(), text.size(), "%02x%02x %u/%u/%u/%u question %zu", a[2], a[3], a[5], a[7], a[9], a[11],
                  echoed);
    std::string out = text.data();
    if (a[11] == 0) return out;
    const std::uint8_t* const o = &a[a.size() - 11];  // none of these answers has options: OPT is the last 11 octets
    std::snprintf(text.data(), text.size(), "; opt %u rcode %u version %u flags %04x options %u", o[3] << 8 | o[4],
                  o[5], o[6], o[7] << 8 | o[8], o[9] << 8 | o[10]);
    EXPECT_EQ(o[0] << 16 | o[1] << 8 | o[2], 41) << "owned by the root, and of type OPT";
    return out + text.data();
}

struct MessageCase {
    std::string name;
    Parts query;
    std::string expected;
};
void PrintTo(const MessageCase& row, std::ostream* out) { *out << row.name; }

class ConformanceMessage : public testing::TestWithParam<MessageCase> {};

TEST_P(ConformanceMessage, Gets) { EXPECT_EQ(look(written(GetParam().query)), GetParam().expected); }

const std::string good = "8580 1/1/0/0 question 17";
const std::string good_with_opt = "8580 1/1/0/1 question 17; opt 1232 rcode 0 version 0 flags 0000 options 0";
const std::string formerr = "8181 1/0/0/0 question 17";
const std::string formerr_with_opt = "8181 1/0/0/1 question 17; opt 1232 rcode 0 version 0 flags 0000 options 0";
const std::string formerr_alone = "8181 0/0/0/0 question 0";
const WireBytes two_questions = joined({Parts{}.question, Parts{}.question});

// clang-format off
INSTANTIATE_TEST_SUITE_P(Header, ConformanceMessage, testing::Values(
    MessageCase{"Plain", {}, good},
    MessageCase{"Response", {.octet2 = 0x81}, "silence"},
    MessageCase{"ResponseWithAnotherOpcode", {.octet2 = 0xA8}, "silence"},
    MessageCase{"RdIsCopied", {.octet2 = 0x00}, "8480 1/1/0/0 question 17"},
    MessageCase{"AaAndTcAreIgnored", {.octet2 = 0x07}, good},
    MessageCase{"RaAndRcodeAreIgnored", {.octet3 = 0x8F}, good},
    MessageCase{"ZIsIgnoredAndZero", {.octet3 = 0x40}, good},
    MessageCase{"AdIsIgnoredAndZero", {.octet3 = 0x20}, good},
    MessageCase{"CdIsCopied", {.octet3 = 0x10}, "8590 1/1/0/0 question 17"},
    MessageCase{"NoQuestion", {.counts = {0, 0, 0, 0}, .question = {}}, formerr_alone},
    MessageCase{"NoQuestionButOneCounted", {.question = {}}, formerr_alone},
    MessageCase{"NoQuestionCountedButOneThere", {.counts = {0, 0, 0, 0}}, formerr_alone},
    MessageCase{"TwoQuestions", {.counts = {2, 0, 0, 0}, .question = two_questions}, formerr_alone},
    MessageCase{"TwoQuestionsButOneCounted", {.question = two_questions}, formerr},
    MessageCase{"AnAnswer", {.counts = {1, 1, 0, 0}, .records = record(1, {1, 2, 3, 4})}, formerr},
    MessageCase{"AnAuthority", {.counts = {1, 0, 1, 0}, .records = record(1, {1, 2, 3, 4})}, formerr},
    MessageCase{"AnAdditionalRecord", {.counts = {1, 0, 0, 1}, .records = record(1, {1, 2, 3, 4})}, good},
    MessageCase{"AnAdditionalRecordThatIsCut", {.counts = {1, 0, 0, 1}, .records = {0, 0, 1, 0}}, formerr},
    MessageCase{"MoreAdditionalCountedThanThere", {.counts = {1, 0, 0, 2}, .records = record(1, {1, 2, 3, 4})}, formerr},
    MessageCase{"TrailingOctets", {.behind = {0}}, formerr},
    MessageCase{"TrailingOctetsBehindOpt", {.counts = {1, 0, 0, 1}, .records = opt(), .behind = {1, 2}}, formerr_with_opt}),
    [](const auto& instance) { return instance.param.name; });

INSTANTIATE_TEST_SUITE_P(Opcode, ConformanceMessage, testing::Values(
    MessageCase{"IQuery", {.octet2 = 0x09}, "8984 1/0/0/0 question 17"},
    MessageCase{"Status", {.octet2 = 0x11}, "9184 1/0/0/0 question 17"},
    MessageCase{"Unassigned3", {.octet2 = 0x19}, "9984 1/0/0/0 question 17"},
    MessageCase{"Notify", {.octet2 = 0x20}, "a084 1/0/0/0 question 17"},
    MessageCase{"NotifyWithAnAnswer", {.octet2 = 0x24, .counts = {1, 1, 0, 0}, .records = record(6)}, "a084 1/0/0/0 question 17"},
    MessageCase{"Update", {.octet2 = 0x28}, "a884 1/0/0/0 question 17"},
    MessageCase{"UpdateWithARecord", {.octet2 = 0x28, .counts = {1, 0, 1, 0}, .records = record(1, {1, 2, 3, 4})}, "a884 1/0/0/0 question 17"},
    MessageCase{"StatefulOperations", {.octet2 = 0x30, .counts = {0, 0, 0, 0}, .question = {}}, "b084 0/0/0/0 question 0"},
    MessageCase{"Unassigned15", {.octet2 = 0x79}, "f984 1/0/0/0 question 17"},
    MessageCase{"WithOpt", {.octet2 = 0x11, .counts = {1, 0, 0, 1}, .records = opt()}, "9184 1/0/0/1 question 17; opt 1232 rcode 0 version 0 flags 0000 options 0"},
    MessageCase{"WithVersion1", {.octet2 = 0x11, .counts = {1, 0, 0, 1}, .records = opt(1232, 1)}, "9184 1/0/0/1 question 17; opt 1232 rcode 0 version 0 flags 0000 options 0"}),
    [](const auto& instance) { return instance.param.name; });

INSTANTIATE_TEST_SUITE_P(Question, ConformanceMessage, testing::Values(
    MessageCase{"APointer", {.question = {0xC0, 12, 0, 1, 0, 1}}, formerr_alone},
    MessageCase{"APointerBehindALabel", {.question = {1, 'a', 0xC0, 12, 0, 1, 0, 1}}, formerr_alone},
    MessageCase{"ALabelOf64Octets", {.question = joined({{64}, WireBytes(64, 'a'), {0, 0, 1, 0, 1}})}, formerr_alone},
    MessageCase{"ALabelOfType1", {.question = {0x41, 1, 0, 0, 1, 0, 1}}, formerr_alone},
    MessageCase{"ALabelOfType2", {.question = {0x81, 1, 0, 0, 1, 0, 1}}, formerr_alone},
    MessageCase{"ALabelBeyondTheEnd", {.question = {9, 'a'}}, formerr_alone},
    MessageCase{"NoRoot", {.question = {1, 'a'}}, formerr_alone},
    MessageCase{"NoType", {.question = {1, 'a', 0}}, formerr_alone},
    MessageCase{"NoClass", {.question = {1, 'a', 0, 0, 1, 0}}, formerr_alone}),
    [](const auto& instance) { return instance.param.name; });

INSTANTIATE_TEST_SUITE_P(Edns, ConformanceMessage, testing::Values(
    MessageCase{"Opt", with_opt(opt()), good_with_opt},
    MessageCase{"DoIsCopied", with_opt(opt(1232, 0, 0x8000)), "8580 1/1/0/1 question 17; opt 1232 rcode 0 version 0 flags 8000 options 0"},
    MessageCase{"OtherFlagsAreZero", with_opt(opt(1232, 0, 0x7FFF)), good_with_opt},
    MessageCase{"SizeBelow512", with_opt(opt(0)), good_with_opt},
    MessageCase{"SizeOf65535", with_opt(opt(65535)), good_with_opt},
    MessageCase{"Version1", with_opt(opt(1232, 1)), "8180 1/0/0/1 question 17; opt 1232 rcode 1 version 0 flags 0000 options 0"},
    MessageCase{"Version255WithOptionsThatDoNotRead", with_opt(opt(1232, 255, 0x8000, {1})), "8180 1/0/0/1 question 17; opt 1232 rcode 1 version 0 flags 8000 options 0"},
    MessageCase{"ExtendedRcodeInAQueryIsIgnored", with_opt({0, 0, 41, 4, 208, 9, 0, 0, 0, 0, 0}), good_with_opt},
    MessageCase{"UnknownOption", with_opt(opt(1232, 0, 0, {0xFD, 0xE9, 0, 2, 1, 2})), good_with_opt},
    MessageCase{"Cookie", with_opt(opt(1232, 0, 0, {0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8})), good_with_opt},
    MessageCase{"CookieOfAWrongLength", with_opt(opt(1232, 0, 0, {0, 10, 0, 1, 1})), good_with_opt},
    MessageCase{"Keepalive", with_opt(opt(1232, 0, 0, {0, 11, 0, 0})), good_with_opt},
    MessageCase{"Nsid", with_opt(opt(1232, 0, 0, {0, 3, 0, 0})), good_with_opt},
    MessageCase{"ClientSubnet", with_opt(opt(1232, 0, 0, {0, 8, 0, 4, 0, 1, 0, 0})), good_with_opt},
    MessageCase{"Padding", with_opt(opt(1232, 0, 0, {0, 12, 0, 3, 0, 0, 0})), good_with_opt},
    MessageCase{"TheSameOptionTwice", with_opt(opt(1232, 0, 0, {0, 3, 0, 0, 0, 3, 0, 0})), good_with_opt},
    MessageCase{"AnOptionThatIsCut", with_opt(opt(1232, 0, 0, {0, 10, 0, 8, 1})), formerr},
    MessageCase{"OptTwice", with_opt(joined({opt(), opt()}), 2), formerr_with_opt},
    MessageCase{"OptAmongOthers", with_opt(joined({record(1, {1, 2, 3, 4}), opt(), record(250, {1})}), 3), good_with_opt},
    MessageCase{"OptOwnedByAName", with_opt(joined({{1, 'x'}, opt()})), formerr},
    MessageCase{"OptOwnedByAPointerToTheRoot", with_opt(joined({{0xC0, 24}, WireBytes{0, 41, 4, 208, 0, 0, 0, 0, 0, 0}})), formerr},
    MessageCase{"OptInTheAnswerSection", {.counts = {1, 1, 0, 0}, .records = opt()}, formerr},
    MessageCase{"OptInTheAuthoritySection", {.counts = {1, 0, 1, 0}, .records = opt()}, formerr},
    MessageCase{"OptThatIsCut", with_opt({0, 0, 41, 4, 208, 0, 0, 0}), formerr},
    MessageCase{"OptLongerThanTheMessage", with_opt({0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 9}), formerr},
    MessageCase{"Tsig", with_opt(record(250, {1, 2, 3})), good}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

TEST(ConformanceMessage, ARuntGetsSilence) {
    for (std::size_t octets = 0; octets < 12; ++octets) {
        const WireBytes runt(octets, 0);
        EXPECT_EQ(look(runt), "silence") << octets;
        EXPECT_EQ(look(runt, Transport::tcp), "silence") << octets;
    }
}

TEST(ConformanceMessage, TheHeadersMistakesAreTheSameOverTcp) {
    EXPECT_EQ(look(written({.octet3 = 0x60}), Transport::tcp), good);
    EXPECT_EQ(look(written({.behind = {0}}), Transport::tcp), formerr);
    EXPECT_EQ(look(written({.octet2 = 0x81}), Transport::tcp), "silence");
}

TEST(ConformanceMessage, TheEchoIsOctetForOctet) {
    WireBytes query = written({});
    for (unsigned letters = 0; letters < 1024; ++letters) {  // every case of the ten letters of mixed.local
        for (unsigned i = 0, at = 0; at < 13; ++at) {
            const std::uint8_t lower = Parts{}.question[at];
            if (lower < 'a') continue;
            query[12 + at] = static_cast<std::uint8_t>((letters >> i++ & 1) != 0 ? lower - 32 : lower);
        }
        ASSERT_EQ(look(query), good) << letters;
    }
}

}  // namespace
}  // namespace taskdns::dns_server
