// The tools that people look with say the same of our answers: dig, kdig, drill, host, nslookup, delv.
#include <algorithm>
#include <functional>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/version.hpp"
#include "support/child_process.hpp"
#include "support/daemon_under_test.hpp"

namespace taskdns::testing_support {
namespace {

using testing::IsEmpty;

/// What a tool is asked to ask.
struct Question {
    std::string name;
    std::string type;
    std::string rr_class = "IN";
    bool tcp = false;
};

/// What a tool read: the rcode, and the answer section's records as "owner type rdata" without TTLs, sorted, lower
/// case.
struct Reading {
    std::string rcode;
    std::vector<std::string> records;

    bool operator==(const Reading&) const = default;
};
void PrintTo(const Reading& reading, std::ostream* out) {
    *out << reading.rcode;
    for (const std::string& record : reading.records) *out << "\n  " << record;
}

std::vector<std::string> words_of(const std::string& line) {
    std::istringstream in(line);
    return {std::istream_iterator<std::string>(in), {}};
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> out;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) out.push_back(line);
    return out;
}

std::string lower(std::string text) {
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

std::string joined(const std::vector<std::string>& words, std::size_t from) {
    std::string out;
    for (std::size_t i = from; i < words.size(); ++i) out += (out.empty() ? "" : " ") + words[i];
    return out;
}

std::string with_dot(const std::string& name) { return name.ends_with('.') ? name : name + "."; }

void add_record(Reading& reading, const std::string& owner, const std::string& type, const std::string& rdata) {
    reading.records.push_back(lower(with_dot(owner) + " " + type + " " + rdata));
}

/// dig, kdig, drill and delv: lines in presentation form below "ANSWER SECTION", the rcode after "status:" or
/// "rcode:".
Reading read_sections(const std::string& text) {
    Reading out;
    bool in_answer = false;
    for (const std::string& line : lines_of(text)) {
        for (const char* const before : {"status: ", "rcode: "}) {
            const std::size_t at = line.find(before);
            if (at != std::string::npos && out.rcode.empty()) {
                const std::string rest = line.substr(at + std::string(before).size());
                out.rcode = rest.substr(0, rest.find_first_of(",;"));
            }
        }
        if (line.starts_with(";;")) in_answer = line.find("ANSWER SECTION") != std::string::npos;
        if (line.empty() || line.starts_with(';') || !in_answer) continue;
        const auto words = words_of(line);  // owner TTL class type rdata
        if (words.size() >= 5) add_record(out, words[0], words[3], joined(words, 4));
    }
    std::ranges::sort(out.records);
    return out;
}

/// `delv -i`: records without sections, a negative answer as a comment, and no rcode.
Reading read_delv(const std::string& text) {
    Reading out{.rcode = "NOERROR", .records = {}};
    for (const std::string& line : lines_of(text)) {
        if (line.find("$NXDOMAIN") != std::string::npos) out.rcode = "NXDOMAIN";
        if (line.find("SERVFAIL") != std::string::npos) out.rcode = "SERVFAIL";
        if (line.empty() || line.starts_with(';')) continue;
        const auto words = words_of(line);
        if (words.size() >= 5 && words[3] != "\\-") add_record(out, words[0], words[3], joined(words, 4));
    }
    std::ranges::sort(out.records);
    return out;
}

/// `host`: "api.local has address 10.0.1.1" and such; "Host x not found: 3(NXDOMAIN)".
Reading read_host(const std::string& text) {
    static const std::vector<std::pair<std::string, std::string>> phrases{
        {" has address ", "A"},      {" has IPv6 address ", "AAAA"}, {" has SRV record ", "SRV"},
        {" has SOA record ", "SOA"}, {" descriptive text ", "TXT"},  {" domain name pointer ", "PTR"}};
    Reading out{.rcode = "NOERROR", .records = {}};
    for (const std::string& line : lines_of(text)) {
        if (const std::size_t at = line.find("not found: "); at != std::string::npos) {
            out.rcode = line.substr(line.find('(', at) + 1);
            out.rcode.resize(out.rcode.find(')'));
        }
        for (const auto& [phrase, type] : phrases) {
            const std::size_t at = line.find(phrase);
            if (at != std::string::npos) add_record(out, line.substr(0, at), type, line.substr(at + phrase.size()));
        }
    }
    std::ranges::sort(out.records);
    return out;
}

/// `nslookup`: behind the server's own lines "Name: x" and "Address: y" pairs; "x  service = 1 1 80 target.", and so
/// on.
Reading read_nslookup(const std::string& text) {
    static const std::vector<std::pair<std::string, std::string>> phrases{
        {"\tservice = ", "SRV"}, {"\ttext = ", "TXT"}, {"\tname = ", "PTR"}};
    Reading out{.rcode = "NOERROR", .records = {}};
    std::string owner;
    std::string soa;  // its fields stand on lines of their own
    const std::string answer = text.substr(std::min(text.find("\n\n"), text.size()));
    for (const std::string& line : lines_of(answer)) {
        const auto words = words_of(line);
        if (words.empty()) continue;
        if (words[0] == "**") {
            out.rcode = words.back();
        } else if (words[0] == "Name:") {
            owner = words[1];
        } else if (words[0] == "Address:") {
            add_record(out, owner, words[1].find(':') == std::string::npos ? "A" : "AAAA", words[1]);
        } else if (line.starts_with('\t')) {
            const bool is_name = words[0] == "origin" || words[0] == "mail";  // printed without its last dot
            soa += (soa.empty() ? "" : " ") + words.back() + (is_name ? "." : "");
        } else {
            owner = words[0];
        }
        for (const auto& [phrase, type] : phrases) {
            const std::size_t at = line.find(phrase);
            if (at != std::string::npos) add_record(out, line.substr(0, at), type, line.substr(at + phrase.size()));
        }
    }
    if (!soa.empty()) add_record(out, owner, "SOA", soa);
    std::ranges::sort(out.records);
    return out;
}

struct Tool {
    std::string name;
    std::function<std::vector<std::string>(const Question&, const std::string& port)> command;
    std::function<Reading(const std::string& text)> read;
};

void add_if(std::vector<std::string>& words, bool condition, const std::string& word) {
    if (condition) words.push_back(word);
}

std::vector<Tool> tools() {
    const auto dig_like = [](const std::string& program) {
        return [program](const Question& q, const std::string& port) {
            std::vector<std::string> words{program, "@127.0.0.1", "-p", port, "-c", q.rr_class, "-t", q.type, q.name};
            add_if(words, q.tcp, "+tcp");
            return words;
        };
    };
    return {
        {"dig", dig_like("dig"), read_sections},
        {"kdig", dig_like("kdig"), read_sections},
        {"drill",
         [](const Question& q, const std::string& port) {
             std::vector<std::string> words{"drill", "-p", port};
             add_if(words, q.tcp, "-t");
             words.insert(words.end(), {q.name, "@127.0.0.1", q.type, q.rr_class});
             return words;
         },
         read_sections},
        {"host",
         [](const Question& q, const std::string& port) {
             std::vector<std::string> words{"host", "-p", port, "-t", q.type, "-c", q.rr_class};
             add_if(words, q.tcp, "-T");
             words.insert(words.end(), {with_dot(q.name), "127.0.0.1"});
             return words;
         },
         read_host},
        {"nslookup",
         [](const Question& q, const std::string& port) {
             std::vector<std::string> words{"nslookup", "-port=" + port, "-type=" + q.type, "-class=" + q.rr_class};
             add_if(words, q.tcp, "-vc");
             words.insert(words.end(), {with_dot(q.name), "127.0.0.1"});
             return words;
         },
         read_nslookup},
        {"delv",
         [](const Question& q, const std::string& port) {
             std::vector<std::string> words{"delv", "-i",       "@127.0.0.1", "-p",   port,
                                            "-c",   q.rr_class, "-t",         q.type, with_dot(q.name)};
             add_if(words, q.tcp, "+tcp");
             return words;
         },
         read_delv},
    };
}

struct ToolCase {
    std::string name;
    Question question;
    Reading expected;
    bool delv_can = true;  ///< it knows class IN only
};
void PrintTo(const ToolCase& row, std::ostream* out) { *out << row.name; }

class DnsTools : public testing::TestWithParam<ToolCase> {
protected:
    const DaemonUnderTest daemon{{.yaml = "forward: {enabled: false}\n"
                                          "services:\n"
                                          "  - name: api.internal\n"
                                          "    aliases: [api.example]\n"
                                          "    source: static\n"
                                          "    addresses: ['10.0.1.1:80', '10.0.1.2:80', '[fd00::1]:80']\n"
                                          "    answer: {fair: false}\n"
                                          "    health: {check: none}\n"
                                          "  - name: v4.internal\n"
                                          "    source: static\n"
                                          "    addresses: ['10.0.2.1']\n"
                                          "    health: {check: none}\n"}};
};

TEST_P(DnsTools, Agree) {
    const ToolCase& row = GetParam();
    ASSERT_TRUE(daemon.wait_until_ready());
    for (const Tool& tool : tools()) {
        if (tool.name == "delv" && !row.delv_can) continue;
        const Outcome ran = run(tool.command(row.question, std::to_string(daemon.dns_port())));
        Reading reading = tool.read(ran.out);
        for (std::string& record : reading.records) {  // how old a state is differs from tool to tool
            if (record.find(" txt \"1") != std::string::npos) record.resize(record.rfind(' '));
        }
        EXPECT_EQ(reading, row.expected) << tool.name << " said:\n" << ran.out << ran.err;
    }
}

const std::string soa = " soa localhost. nobody.invalid. 1 3600 1200 604800 5";

// clang-format off
INSTANTIATE_TEST_SUITE_P(All, DnsTools, testing::Values(
    ToolCase{"A", {"api.internal", "A"}, {"NOERROR", {"api.internal. a 10.0.1.1", "api.internal. a 10.0.1.2"}}},
    ToolCase{"AOverTcp", {"api.internal", "A", "IN", true}, {"NOERROR", {"api.internal. a 10.0.1.1", "api.internal. a 10.0.1.2"}}},
    ToolCase{"AOfAnAlias", {"api.example", "A"}, {"NOERROR", {"api.example. a 10.0.1.1", "api.example. a 10.0.1.2"}}},
    ToolCase{"Aaaa", {"api.internal", "AAAA"}, {"NOERROR", {"api.internal. aaaa fd00::1"}}},
    ToolCase{"Srv", {"api.internal", "SRV"}, {"NOERROR", {
        "api.internal. srv 1 1 80 ip-10-0-1-1.api.internal.", "api.internal. srv 1 1 80 ip-10-0-1-2.api.internal.",
        "api.internal. srv 1 1 80 ip6-fd000000000000000000000000000001.api.internal."}}},
    ToolCase{"SrvOverTcp", {"api.example", "SRV", "IN", true}, {"NOERROR", {
        "api.example. srv 1 1 80 ip-10-0-1-1.api.internal.", "api.example. srv 1 1 80 ip-10-0-1-2.api.internal.",
        "api.example. srv 1 1 80 ip6-fd000000000000000000000000000001.api.internal."}}},
    ToolCase{"Soa", {"api.internal", "SOA"}, {"NOERROR", {"api.internal." + soa}}},
    ToolCase{"Nodata", {"v4.internal", "AAAA"}, {"NOERROR", {}}},
    ToolCase{"NodataOfSrv", {"v4.internal", "SRV"}, {"NOERROR", {}}},
    ToolCase{"Target", {"ip-10-0-1-2.api.internal", "A"}, {"NOERROR", {"ip-10-0-1-2.api.internal. a 10.0.1.2"}}},
    ToolCase{"NoTarget", {"ip-10-0-1-9.api.internal", "A"}, {"NXDOMAIN", {}}},
    ToolCase{"Localhost", {"localhost", "A"}, {"NOERROR", {"localhost. a 127.0.0.1"}}},
    ToolCase{"Reverse", {"1.0.0.127.in-addr.arpa", "PTR"}, {"NOERROR", {"1.0.0.127.in-addr.arpa. ptr localhost."}}},
    ToolCase{"Refused", {"www.example", "A"}, {"REFUSED", {}}, false},
    ToolCase{"Version", {"version.bind", "TXT", "CH"}, {"NOERROR", {"version.bind. txt \"taskdns " + std::string(version) + "\""}}, false},
    ToolCase{"ChaosOfAService", {"v4.internal", "TXT", "CH"}, {"NOERROR", {"v4.internal. txt \"10.0.2.1 unchecked served"}}, false},
    ToolCase{"ChaosRefused", {"authors.bind", "TXT", "CH"}, {"REFUSED", {}}, false}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

}  // namespace
}  // namespace taskdns::testing_support
