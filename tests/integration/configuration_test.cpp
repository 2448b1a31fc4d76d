// Mistakes are all told at once, before anything starts; what we ship and print is free of them.
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

#include <gmock/gmock.h>

#include "support/daemon_under_test.hpp"
#include "support/pick_port.hpp"

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
}

struct Mistake {
    std::string line;      // of the file
    std::string position;  // LINE:COLUMN that is told
    std::string told;      // a part of the message
};

// One mistake each, in the order of the file.
const std::vector<Mistake> ten_mistakes{
    {"listen: {dns: ['127.0.0.1:none']}", "1:16", "listen.dns[0]"},
    {"upstream: {timeout: 5x}", "2:21", "upstream.timeout"},
    {"log: {level: loud}", "3:14", "log.level"},
    {"forward: {enabled: perhaps}", "4:20", "forward.enabled"},
    {"services:", "", ""},
    {"  - name: one.local", "", ""},
    {"    port: 70000", "7:11", "services[0].port"},
    {"    helth: {}", "8:5", "services[0].helth"},
    {"    poll: {min: 10, max: 20s}", "9:17", "services[0].poll.min"},
    {"    answer: {size: -1}", "10:20", "services[0].answer.size"},
    {"  - name: two.local", "", ""},
    {"    record: PTR", "12:13", "services[1].record"},
    {"    port: 1", "", ""},
    {"    port: 2", "14:5", "services[1].port"},
};

std::string file_with_ten_mistakes() {
    std::string text;
    for (const Mistake& mistake : ten_mistakes) text += mistake.line + "\n";
    return text;
}

TEST(Configuration, TellsTenMistakesInTenLinesAndExitsWith2) {
    const TempDir dir;
    write_file(dir / "f.yaml", file_with_ten_mistakes());
    const Outcome outcome = run({taskdns_binary(), "check-config", dir / "f.yaml"});
    EXPECT_EQ(outcome.status, 2);
    EXPECT_THAT(lines_of(outcome.err), SizeIs(10)) << outcome.err;
    const std::regex shape(R"(\S+/f\.yaml:\d+:\d+: \S+: .+ \(.+\))");
    for (const std::string& line : lines_of(outcome.err)) {
        EXPECT_TRUE(std::regex_match(line, shape)) << "no place, path or mend: " << line;
    }
    for (const Mistake& mistake : ten_mistakes) {
        if (mistake.told.empty()) continue;
        EXPECT_THAT(outcome.err, HasSubstr("f.yaml:" + mistake.position + ": " + mistake.told)) << outcome.err;
    }
    EXPECT_THAT(outcome.err, HasSubstr("health")) << "the nearest known key is suggested";
}

TEST(Configuration, StopsTheDaemonBeforeItStarts) {
    const TempDir dir;
    write_file(dir / "f.yaml", file_with_ten_mistakes());
    const Outcome outcome = run({taskdns_binary(), "run", "--config", dir / "f.yaml"});
    EXPECT_EQ(outcome.status, 2);
    EXPECT_THAT(lines_of(outcome.err), SizeIs(10)) << outcome.err;
    EXPECT_THAT(outcome.out, IsEmpty());
}

TEST(Configuration, OfVariablesIsCheckedToo) {
    const Outcome nothing = run({taskdns_binary()}, {{"TASKDNS_CONFIG_CONTENT", "{}"}});
    EXPECT_EQ(nothing.status, 2);
    EXPECT_THAT(lines_of(nothing.err), SizeIs(1)) << nothing.err;
    const Outcome bad = run({taskdns_binary()}, {{"TASKDNS_SERVICES", "a..b:8080,ok.local:http"}});
    EXPECT_EQ(bad.status, 2);
    EXPECT_THAT(lines_of(bad.err), SizeIs(2)) << bad.err;
    EXPECT_THAT(bad.err, HasSubstr("TASKDNS_SERVICES"));
    const Outcome missing = run({taskdns_binary(), "--config", "/nowhere/f.yaml"});
    EXPECT_EQ(missing.status, 2);
    EXPECT_THAT(lines_of(missing.err), SizeIs(1)) << missing.err;
}

std::vector<std::string> files_under(const std::filesystem::path& folder, const std::string& extension) {
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
        if (entry.path().extension() == extension) files.push_back(entry.path().string());
    }
    return files;
}

TEST(Configuration, OfEveryFileThatWeShipIsGood) {
    const std::vector<std::string> files = files_under(std::string(TASKDNS_SOURCE_DIR) + "/config", ".yaml");
    ASSERT_FALSE(files.empty());
    for (const std::string& file : files) {
        const Outcome outcome = run({taskdns_binary(), "check-config", file});
        EXPECT_EQ(outcome.status, 0) << outcome.err;
        EXPECT_THAT(outcome.err, IsEmpty());
    }
}

/// The ```yaml blocks of one document, each as deep in the file as its first line.
std::vector<std::string> yaml_blocks(const std::string& path) {
    std::vector<std::string> blocks;
    bool inside = false;
    for (const std::string& line : lines_of(read_file(path))) {
        if (inside && line == "```") {
            inside = false;
        } else if (inside) {
            blocks.back() += line + "\n";
        } else if (line == "```yaml") {
            inside = true;
            blocks.emplace_back();
        }
    }
    return blocks;
}

// A block that shows a part of a file is completed by a service, so that it is checked as well.
std::string completed(const std::string& block) {
    const bool has_services = std::regex_search(block, std::regex("(^|\n)services:"));
    return has_services ? block : block + "services: [{name: completed.local}]\n";
}

TEST(Configuration, InTheDocumentsIsGood) {
    const std::string root = TASKDNS_SOURCE_DIR;
    std::vector<std::string> documents = files_under(root + "/docs", ".md");
    documents.push_back(root + "/README.md");
    for (const std::string& document : documents) {
        for (const std::string& block : yaml_blocks(document)) {
            const TempDir dir;
            write_file(dir / "block.yaml", completed(block));
            const Outcome outcome = run({taskdns_binary(), "check-config", dir / "block.yaml"});
            EXPECT_EQ(outcome.status, 0) << document << ":\n" << block << outcome.err;
        }
    }
}

TEST(Configuration, OfAListenerThatCannotBindEndsTheStart) {
    const std::uint16_t port = pick_port();
    const std::map<std::string, std::string> environment{
        {"TASKDNS_SERVICES", "a.local"},
        {"TASKDNS_UPSTREAM", "127.0.0.1:1"},
        {"TASKDNS_DNS_LISTEN", "192.0.2.1:" + std::to_string(port)},  // RFC 5737: nobody's
        {"TASKDNS_CONFIG_CONTENT", "listen: {allow: [192.0.2.0/24]}"},
        {"TASKDNS_HTTP_LISTEN", "127.0.0.1:0"}};
    const Outcome outcome = run({taskdns_binary()}, environment);
    EXPECT_EQ(outcome.status, 1);
    EXPECT_THAT(outcome.err, HasSubstr("192.0.2.1:" + std::to_string(port)));
}

TEST(Configuration, ReachesTheDaemonFromAFileAVariableAndPlaceholders) {
    const TempDir dir;
    write_file(dir / "f.yaml",
               "services:\n  - {name: \"${STAGE:-dev}.one.local\", source: static, addresses: [10.0.0.1]}\n"
               "  - {name: two.local, source: static, addresses: [10.0.0.2]}\n");
    const std::uint16_t dns = pick_port();
    const std::uint16_t http = pick_port();
    const ChildProcess daemon(
        {.argv = {taskdns_binary(), "--config", dir / "f.yaml"},
         .environment = {{"STAGE", "test"},
                         {"TASKDNS_CONFIG_CONTENT",
                          "services: [{name: two.local, source: static, addresses: [10.0.0.3]}]"},
                         {"TASKDNS_UPSTREAM", "127.0.0.1:1"},
                         {"TASKDNS_DNS_LISTEN", "127.0.0.1:" + std::to_string(dns)},
                         {"TASKDNS_HTTP_LISTEN", "127.0.0.1:" + std::to_string(http)}},
         .stdout_path = dir / "log",
         .stderr_path = dir / "log"});
    EXPECT_TRUE(wait_until(5s, [&] { return http_get(http, "/readyz").status == 200; })) << read_file(dir / "log");
    EXPECT_THAT(ask_a("two.local", dns), testing::ElementsAre("10.0.0.3")) << "the variable is stronger";
}

}  // namespace
}  // namespace taskdns::testing_support
