// `taskdns status`: in a pipe, on a terminal, for programs, and where there is no daemon.
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>

#include "support/pick_port.hpp"
#include "support/vpc.hpp"

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr const char* escape = "\x1b";

/// A terminal of a size, and what a program has written to it.
class Terminal {
public:
    Terminal(unsigned short columns, unsigned short rows) : master_(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
        grantpt(master_);
        unlockpt(master_);
        slave_ = open(ptsname(master_), O_RDWR | O_NOCTTY | O_CLOEXEC);
        const winsize size{.ws_row = rows, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
        ioctl(slave_, TIOCSWINSZ, &size);
        fcntl(master_, F_SETFL, O_NONBLOCK);
    }
    ~Terminal() {
        close(slave_);
        close(master_);
    }
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;

    int descriptor() const { return slave_; }
    /// All so far.
    const std::string& text() {
        std::array<char, 4096> buffer{};
        for (ssize_t size = 1; size > 0;) {
            size = read(master_, buffer.data(), buffer.size());
            if (size > 0) text_.append(buffer.data(), static_cast<std::size_t>(size));
        }
        return text_;
    }

private:
    int master_;
    int slave_ = -1;
    std::string text_;
};

class Status : public testing::Test {
protected:
    Vpc vpc;
    const DaemonUnderTest daemon{vpc.daemon_options()};
    const std::string http = "127.0.0.1:" + std::to_string(daemon.http_port());

    void SetUp() override { ASSERT_TRUE(daemon.wait_until_ready()); }
    std::vector<std::string> command(std::vector<std::string> further = {}) const {
        std::vector<std::string> argv{taskdns_binary(), "status", "--http", http};
        argv.insert(argv.end(), further.begin(), further.end());
        return argv;
    }
    std::string with_port(const std::string& address) const {
        return address + ":" + std::to_string(vpc.backends.port());
    }
    void kill_one() {
        vpc.backends["127.0.0.12"].kill();
        ASSERT_TRUE(wait_until(4s, [&] {
            return daemon.get("/v1/services/" + std::string(Vpc::service)).body.find("unhealthy") !=
                   std::string::npos;
        }));
    }
    /// On `terminal`, with variables that may change what it looks like.
    static ChildProcess::Options on(const Terminal& terminal, std::vector<std::string> argv,
                                    std::map<std::string, std::string> environment) {
        return {.argv = std::move(argv),
                .environment = std::move(environment),
                .stdout_path = "",
                .stderr_path = "",
                .stdout_descriptor = terminal.descriptor()};
    }
};

TEST_F(Status, ShowsAllIsWellInAPipe) {
    const Outcome outcome = run(command());
    EXPECT_EQ(outcome.status, 0);
    EXPECT_EQ(outcome.err, "");
    EXPECT_THAT(outcome.out, AllOf(StartsWith("taskdns "), HasSubstr("\nAll well: 1 service, 4 endpoints served\n"),
                                   Not(HasSubstr(escape))));
    for (const std::string& address : vpc.backends.addresses())
        EXPECT_THAT(outcome.out, HasSubstr(with_port(address)));
    EXPECT_THAT(outcome.out, HasSubstr("UPSTREAM"));
}

TEST_F(Status, SaysWhatIsWrongFirst) {
    kill_one();
    const Outcome outcome = run(command());
    EXPECT_EQ(outcome.status, 0) << "shown: that something is wrong is no failure of showing it";
    EXPECT_THAT(outcome.out, HasSubstr("\n1 of 1 service with a warning: resource-server.local\n  warning  "
                                       "resource-server.local: " +
                                       with_port("127.0.0.12") + ": left out: connection refused"));
    EXPECT_THAT(outcome.out, HasSubstr("unhealthy:refused"));
}

TEST_F(Status, FindsTheConfiguredListener) {
    const Outcome outcome = run({taskdns_binary(), "status"}, {{"TASKDNS_HTTP_LISTEN", http}});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_THAT(outcome.out, HasSubstr("All well"));
}

TEST_F(Status, ShowsOneServiceByNameOrAlias) {
    const Outcome one = run(command({"RESOURCE-SERVER.local."}));
    EXPECT_EQ(one.status, 0) << one.err;
    EXPECT_THAT(one.out, HasSubstr(with_port("127.0.0.11")));
    const Outcome none = run(command({"nope.local"}));
    EXPECT_EQ(none.status, 1);
    EXPECT_THAT(none.err, HasSubstr("'nope.local' is not a configured service"));
    EXPECT_EQ(none.out, "");
}

TEST_F(Status, GivesProgramsOneDocument) {
    const Outcome outcome = run(command({"--json"}));
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    const boost::json::value document = boost::json::parse(outcome.out);
    EXPECT_TRUE(document.at("status").at("ready").as_bool());
    EXPECT_GE(document.at("status").at("uptime_seconds").to_number<int>(), 0);
    ASSERT_EQ(document.at("services").as_array().size(), 1U);
    EXPECT_EQ(document.at("services").as_array()[0].at("endpoints").as_array().size(), 4U);
    EXPECT_EQ(document.at("services").as_array()[0].at("name").as_string(), Vpc::service);
}

struct ColourCase {
    const char* name;
    std::map<std::string, std::string> environment;
    bool colours;
};

void PrintTo(const ColourCase& c, std::ostream* out) { *out << c.name; }

class StatusColours : public Status, public testing::WithParamInterface<ColourCase> {};

TEST_P(StatusColours, AreForTerminalsThatWantThem) {
    Terminal terminal(200, 50);
    ChildProcess child(on(terminal, command(), GetParam().environment));
    EXPECT_EQ(child.wait(5s), std::optional(0));
    EXPECT_THAT(terminal.text(), HasSubstr("All well"));
    EXPECT_EQ(terminal.text().find("\x1b[32m") != std::string::npos, GetParam().colours);
    EXPECT_EQ(terminal.text().find(escape) != std::string::npos, GetParam().colours);
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Table, StatusColours,
    testing::Values(
        ColourCase{"Usual", {{"TERM", "xterm-256color"}, {"NO_COLOR", ""}}, true},
        ColourCase{"EcsExec", {{"TERM", ""}, {"NO_COLOR", ""}}, true},
        ColourCase{"NoColor", {{"TERM", "xterm"}, {"NO_COLOR", "1"}}, false},
        ColourCase{"Dumb", {{"TERM", "dumb"}, {"NO_COLOR", ""}}, false}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

TEST_F(Status, KeepsToTheWidthOfTheTerminal) {
    Terminal terminal(60, 50);
    ChildProcess child(on(terminal, command(), {{"TERM", "dumb"}}));
    EXPECT_EQ(child.wait(5s), std::optional(0));
    std::istringstream lines(terminal.text());
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 60U + 1) << line;  // and the \r
    EXPECT_THAT(terminal.text(), HasSubstr(with_port("127.0.0.14") + "  healthy"));
}

TEST_F(Status, WatchesOnATerminalUntilCtrlC) {
    Terminal terminal(120, 40);
    ChildProcess child(on(terminal, command({"--watch"}), {{"TERM", "xterm"}, {"NO_COLOR", ""}}));
    ASSERT_TRUE(wait_until(5s, [&] { return terminal.text().find("All well") != std::string::npos; }));
    EXPECT_THAT(terminal.text(), StartsWith("\x1b[?1049h\x1b[?25l"));
    vpc.backends["127.0.0.12"].kill();
    EXPECT_TRUE(wait_until(6s, [&] { return terminal.text().find("with a warning") != std::string::npos; }));
    EXPECT_TRUE(child.running());
    child.signal(SIGINT);
    EXPECT_EQ(child.wait(500ms), std::optional(0));
    EXPECT_TRUE(terminal.text().ends_with("\x1b[?25h\x1b[?1049l")) << "the screen is as it was";
}

TEST_F(Status, WatchesWithoutATerminalInBlocks) {
    const TempDir dir;
    ChildProcess child(
        {.argv = command({"--watch"}), .environment = {}, .stdout_path = dir / "out", .stderr_path = ""});
    const auto blocks = [&] {
        const std::string out = read_file(dir / "out");
        std::size_t found = 0;
        for (auto at = out.find("taskdns 0"); at != std::string::npos; at = out.find("taskdns 0", at + 1)) ++found;
        return found;
    };
    EXPECT_TRUE(wait_until(8s, [&] { return blocks() >= 2; }));
    EXPECT_THAT(read_file(dir / "out"), AllOf(HasSubstr("\n\ntaskdns "), Not(HasSubstr(escape))));
    child.signal(SIGINT);
    EXPECT_EQ(child.wait(500ms), std::optional(0));
}

TEST(StatusWithoutDaemon, SaysInOneLineWhatToDo) {
    const Outcome outcome = run({taskdns_binary(), "status", "--http", "127.0.0.1:" + std::to_string(pick_port())});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    EXPECT_THAT(outcome.err, AllOf(HasSubstr("Connection refused"), HasSubstr("--http ADDRESS:PORT")));
}

TEST(StatusWithoutDaemon, RefusesWrongUsage) {
    EXPECT_EQ(run({taskdns_binary(), "status", "--http", "nowhere"}).status, 2);
    EXPECT_EQ(run({taskdns_binary(), "status", "--no-such-thing"}).status, 2);
    EXPECT_EQ(run({taskdns_binary(), "status", "a.local", "b.local"}).status, 2);
    EXPECT_EQ(run({taskdns_binary(), "status", "--config", "/nowhere.yaml"}).status, 2);
}

}  // namespace
}  // namespace taskdns::testing_support
