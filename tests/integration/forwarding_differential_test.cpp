// 2,000 mixed questions, each to unbound directly and through taskdns: the same answer, but for what this table says
// (docs/forwarding.md has it for people):
//
//   AA           never set by us
//   TTL          at least 1 s, at most 300 s, of negative answers 5 s; else not above the resolver's, but for a
//   second
//                of rounding: unbound's seconds end with those of the wall clock, ours a second after the answer came
//   OPT          1,232 octets; our EDE may stand beside the resolver's
//   size         no UDP answer of ours is above 1,232 octets, so unbound is not asked for more
//   TC           both or neither; our cut answers have no records (RFC 2181 section 9), unbound's have some
//   additional   what fits into the 1,232 octets that we ask with, or nothing; unbound leaves out single records by
//   the
//                client's size
//
// Seeded: a failure prints the question by its number.
#include <algorithm>
#include <map>
#include <random>

#include <gmock/gmock.h>

#include "support/vpc.hpp"

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;

constexpr unsigned seed = 20'261'122;
constexpr int questions = 2'000;
constexpr std::uint32_t rounding = 1;

std::string text_of(std::size_t octets) {
    std::string out;
    for (; octets > 0; octets -= std::min<std::size_t>(octets, 200)) {
        out += " \"" + std::string(std::min<std::size_t>(octets, 200), 'x') + "\"";
    }
    return out;
}

Zone mixed_zone() {
    Zone zone{.origin = "mixed.",
              .ttl = 300s,
              .soa_minimum = 60s,
              .records = {"www A 192.0.2.1",
                          "www A 192.0.2.2",
                          "www AAAA 2001:db8::1",
                          "www TXT \"a\" \"b\"",
                          "long 86400 A 192.0.2.3",
                          "short 30 A 192.0.2.4",
                          "alias CNAME www",
                          "chain CNAME alias",
                          "to-nothing CNAME none",
                          "to-nodata CNAME text",
                          "text TXT \"only text\"",
                          "mail MX 10 mx1",
                          "mail MX 20 mx2",
                          "mx1 A 192.0.2.5",
                          "mx2 A 192.0.2.6",
                          "_http._tcp SRV 1 2 80 www",
                          "_http._tcp SRV 3 4 8080 mx1",
                          "unknown TYPE65280 \\# 4 01020304",
                          "caa CAA 0 issue \"ca.example\"",
                          "medium TXT" + text_of(450),
                          "wide TXT" + text_of(900),
                          "huge TXT" + text_of(3'000)}};
    // Signatures that nobody verifies: with DO they are part of the answers.
    const std::string signature = " 300 20360101000000 20260101000000 12345 mixed. " + std::string(86, 'A') + "==";
    for (const char* const type : {"A 13 2", "AAAA 13 2", "TXT 13 2"}) {
        zone.records.push_back("www RRSIG " + std::string(type) + signature);
    }
    zone.records.push_back("@ RRSIG SOA 13 1" + signature);
    for (int i = 0; i < 40; ++i) zone.records.push_back("many A 192.0.2." + std::to_string(100 + i));
    for (int i = 0; i < 30; ++i) {
        zone.records.push_back("crowd SRV 1 1 80 host-" + std::to_string(i));
        zone.records.push_back("host-" + std::to_string(i) + " A 192.0.2." + std::to_string(200 + i));
    }
    return zone;
}

class Questions {
public:
    DnsQuery next() {
        DnsQuery query;
        const auto& [name, type] = pick(names_);
        query.name = mixed_case(name + ".mixed");
        query.type = chance(2) ? type : pick(types_);
        query.tcp = chance(4);
        if (chance(3))
            query.edns.reset();
        else
            query.edns = pick(sizes_);
        query.dnssec_ok = query.edns && chance(4);
        query.recursion_desired = !chance(10);
        query.checking_disabled = chance(5);
        query.authentic_data = chance(4);
        if (chance(25)) query.rr_class = 4;  // Hesiod
        return query;
    }

private:
    bool chance(unsigned one_in) { return random_() % one_in == 0; }
    template <class T>
    const T& pick(const std::vector<T>& from) {
        return from[random_() % from.size()];
    }
    std::string mixed_case(std::string name) {
        for (char& letter : name) {
            if (letter >= 'a' && letter <= 'z' && chance(3)) letter = static_cast<char>(letter - 'a' + 'A');
        }
        return name;
    }

    std::mt19937 random_{seed};
    /// With the type that they have.
    const std::vector<std::pair<std::string, std::string>> names_{{"www", "A"},
                                                                  {"www", "AAAA"},
                                                                  {"www", "TXT"},
                                                                  {"long", "A"},
                                                                  {"short", "A"},
                                                                  {"alias", "A"},
                                                                  {"chain", "AAAA"},
                                                                  {"to-nothing", "A"},
                                                                  {"to-nodata", "A"},
                                                                  {"text", "TXT"},
                                                                  {"mail", "MX"},
                                                                  {"_http._tcp", "SRV"},
                                                                  {"unknown", "TYPE65280"},
                                                                  {"caa", "CAA"},
                                                                  {"medium", "TXT"},
                                                                  {"wide", "TXT"},
                                                                  {"huge", "TXT"},
                                                                  {"many", "A"},
                                                                  {"crowd", "SRV"},
                                                                  {"none", "A"},
                                                                  {"none-2", "AAAA"},
                                                                  {"a.b.c.none", "TXT"}};
    const std::vector<std::string> types_{"A",   "AAAA", "TXT", "MX", "SRV",       "CNAME",     "NS",
                                          "SOA", "PTR",  "CAA", "DS", "TYPE65280", "TYPE65281", "HTTPS"};
    const std::vector<std::uint16_t> sizes_{0, 512, 600, 800, 1232, 1400, 4096, 65'535};
};

DnsQuery as_we_would_send(DnsQuery query) {
    if (!query.tcp && query.edns) query.edns = std::min<std::uint16_t>(*query.edns, 1232);
    return query;
}

std::string described(const DnsQuery& query) {
    return query.name + " class " + std::to_string(query.rr_class) + " " + query.type +
           (query.tcp ? " tcp" : " udp") +
           (query.edns ? " edns " + std::to_string(*query.edns) : std::string(" no edns")) +
           (query.dnssec_ok ? " do" : "") + (query.recursion_desired ? "" : " no rd") +
           (query.checking_disabled ? " cd" : "") + (query.authentic_data ? " ad" : "");
}

/// Records without TTLs, letters folded: which case an owner name has depends on who asked first.
std::vector<std::string> set_of(const std::vector<DnsRecord>& records) {
    std::vector<std::string> out;
    for (const DnsRecord& record : records) {
        std::string line = record.owner + " " + record.type + " " + record.rdata;
        std::transform(line.begin(), line.end(), line.begin(), [](unsigned char c) { return std::tolower(c); });
        out.push_back(line);
    }
    std::sort(out.begin(), out.end());
    return out;
}

std::string without_aa(const DnsReply& reply) {
    const std::string& flags = reply.flags;
    return flags.starts_with("aa ") ? flags.substr(3) : flags;
}

std::uint32_t least_ttl(const std::vector<DnsRecord>& records) {
    std::uint32_t least = UINT32_MAX;
    for (const DnsRecord& record : records) least = std::min(least, record.ttl);
    return least;
}

std::uint32_t most_ttl(const std::vector<DnsRecord>& records) {
    std::uint32_t most = 0;
    for (const DnsRecord& record : records) most = std::max(most, record.ttl);
    return most;
}

void expect_same_records(const DnsReply& ours, const DnsReply& direct) {
    EXPECT_EQ(set_of(ours.answer), set_of(direct.answer));
    EXPECT_EQ(set_of(ours.authority), set_of(direct.authority));
    const auto mine = set_of(ours.additional);
    const auto theirs = set_of(direct.additional);
    EXPECT_TRUE(std::includes(mine.begin(), mine.end(), theirs.begin(), theirs.end()) ||
                std::includes(theirs.begin(), theirs.end(), mine.begin(), mine.end()));
    for (const auto section : {&DnsReply::answer, &DnsReply::authority}) {
        if ((ours.*section).empty()) continue;
        const std::uint32_t direct_ttl = most_ttl(direct.*section) + rounding;
        EXPECT_LE(most_ttl(ours.*section), std::clamp<std::uint32_t>(direct_ttl, 1, 300));
        EXPECT_GE(least_ttl(ours.*section), 1U);
    }
    const bool negative = direct.rcode == "NXDOMAIN" || set_of(direct.answer).empty();
    if (negative && !ours.authority.empty()) {
        EXPECT_LE(most_ttl(ours.authority), 5U);
    }
}

void expect_same(const DnsReply& ours, const DnsReply& direct, const DnsQuery& query) {
    ASSERT_TRUE(ours.arrived && direct.arrived);
    EXPECT_EQ(ours.rcode, direct.rcode);
    EXPECT_EQ(without_aa(ours), without_aa(direct));
    EXPECT_FALSE(ours.has_flag("aa"));
    EXPECT_EQ(ours.question, direct.question);
    EXPECT_EQ(ours.has_opt, query.edns.has_value());
    if (ours.has_opt) {
        EXPECT_EQ(ours.payload_size, 1232);
    }
    if (ours.has_flag("tc")) {
        EXPECT_TRUE(ours.answer.empty() && ours.authority.empty() && ours.additional.empty());
    } else {
        expect_same_records(ours, direct);
    }
}

/// That the questions are as mixed as they should be.
struct Seen {
    int signed_answers = 0;
    int cut = 0;
    std::map<std::string, int> rcodes;

    void note(const DnsReply& reply) {
        if (!reply.rdata("RRSIG").empty()) ++signed_answers;
        if (reply.has_flag("tc")) ++cut;
        ++rcodes[reply.rcode];
    }
};

TEST(ForwardingDifferential, TwoThousandMixedQuestions) {
    Vpc vpc{{.registered = {}, .other_zones = {mixed_zone()}}};
    const DaemonUnderTest daemon(vpc.daemon_options("", "upstream: {max_qps: 10000}\n"));
    // First all to the resolver alone: what it says must not depend on what it has learnt meanwhile.
    for (Questions questions_of_seed; const int i : std::vector<int>(questions)) {
        static_cast<void>(i);
        DnsQuery query = questions_of_seed.next();
        query.port = vpc.resolver.port();
        ask(as_we_would_send(query));
    }
    Questions mixed;
    Seen seen;
    for (int number = 0; number < questions; ++number) {
        DnsQuery query = mixed.next();
        query.port = vpc.resolver.port();
        const DnsReply direct = ask(as_we_would_send(query));
        const DnsReply ours = daemon.ask(query);
        expect_same(ours, direct, query);
        seen.note(ours);
        ASSERT_FALSE(testing::Test::HasFailure())
            << "question " << number << " of seed " << seed << ": " << described(query) << "\ndirect: " << direct
            << "\nthrough taskdns: " << ours;
    }
    EXPECT_GT(seen.signed_answers, 20) << "DO was worth nothing";
    EXPECT_GT(seen.cut, 50) << "nothing was too large";
    for (const char* const rcode : {"NOERROR", "NXDOMAIN", "REFUSED"}) EXPECT_GT(seen.rcodes[rcode], 50) << rcode;
}

}  // namespace
}  // namespace taskdns::testing_support
