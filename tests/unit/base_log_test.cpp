// Log lines: their exact form, and that neither a caller nor the end of the process waits for whoever reads them.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/log.hpp"
#include "base/time.hpp"
#include "support/temp_dir.hpp"

namespace taskdns::log {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::string_view time_text = "2026-11-22T16:10:11.123Z";
constexpr std::size_t longest_line = 4'095;  // with its newline what a pipe takes at once

struct ValueCase {
    const char* name;
    std::string value;
    std::string text;
    std::string json;
};

void PrintTo(const ValueCase& c, std::ostream* out) { *out << c.name; }

class LogValue : public testing::TestWithParam<ValueCase> {};

TEST_P(LogValue, IsWritten) {
    const auto& c = GetParam();
    EXPECT_EQ(format_line(Format::text, Level::info, "T", "base", "seen", {{"value", c.value}}),
              "T info base: seen value=" + c.text);
    EXPECT_EQ(format_line(Format::json, Level::info, "T", "base", "seen", {{"value", c.value}}),
              R"({"time":"T","level":"info","layer":"base","event":"seen","value":)" + c.json + "}");
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    FormatLine, LogValue,
    testing::Values(
        ValueCase{"Bare",            "orders.local",         "orders.local",               R"("orders.local")"},
        ValueCase{"AddressAndPort",  "[fd00::1]:53",         "[fd00::1]:53",               R"("[fd00::1]:53")"},
        ValueCase{"Empty",           "",                     R"("")",                      R"("")"},
        ValueCase{"Space",           "a b",                  R"("a b")",                   R"("a b")"},
        ValueCase{"Equals",          "a=b",                  R"("a=b")",                   R"("a=b")"},
        ValueCase{"Quote",           R"(a"b)",               R"("a\"b")",                  R"("a\"b")"},
        ValueCase{"Backslash",       R"(a\b)",               R"("a\\b")",                  R"("a\\b")"},
        ValueCase{"Newline",         "a\nb",                 R"("a\nb")",                  R"("a\nb")"},
        ValueCase{"ReturnAndTab",    "a\r\tb",               R"("a\r\tb")",                R"("a\r\tb")"},
        ValueCase{"Escape",          "a\x1b[2J",             R"("a\x1b[2J")",              R"("a\u001b[2J")"},
        ValueCase{"Zero",            std::string("a\0b", 3), R"("a\x00b")",                R"("a\u0000b")"},
        ValueCase{"Delete",          "a\x7f",                R"("a\x7f")",                 R"("a\u007f")"},
        ValueCase{"C1Control",       "a\xc2\x9b",            R"("a\x9b")",                 R"("a\u009b")"},
        ValueCase{"FirstAfterC1",    "a\xc2\xa0",            "a\xc2\xa0",                  "\"a\xc2\xa0\""},
        ValueCase{"TwoBytes",        "gr\xc3\xb6n",          "gr\xc3\xb6n",                "\"gr\xc3\xb6n\""},
        ValueCase{"ThreeBytes",      "\xe2\x82\xac",         "\xe2\x82\xac",               "\"\xe2\x82\xac\""},
        ValueCase{"FourBytes",       "\xf0\x9f\x98\x80",     "\xf0\x9f\x98\x80",           "\"\xf0\x9f\x98\x80\""},
        ValueCase{"LoneContinuation","a\x80",                R"("a\x80")",                 "\"a\uFFFD\""},
        ValueCase{"CutSequence",     "a\xe2\x82",            R"("a\xe2\x82")",             "\"a\uFFFD\uFFFD\""},
        ValueCase{"BrokenSequence",  "\xe2(\xa1",            R"("\xe2(\xa1")",             "\"\uFFFD(\uFFFD\""},
        ValueCase{"OverlongTwo",     "\xc0\xaf",             R"("\xc0\xaf")",              "\"\uFFFD\uFFFD\""},
        ValueCase{"OverlongThree",   "\xe0\x9f\xbf",         R"("\xe0\x9f\xbf")",          "\"\uFFFD\uFFFD\uFFFD\""},
        ValueCase{"Surrogate",       "\xed\xa0\x80",         R"("\xed\xa0\x80")",          "\"\uFFFD\uFFFD\uFFFD\""},
        ValueCase{"LastBeforeSurrogates", "\xed\x9f\xbf",    "\xed\x9f\xbf",               "\"\xed\x9f\xbf\""},
        ValueCase{"OverlongFour",    "\xf0\x8f\xbf\xbf",     R"("\xf0\x8f\xbf\xbf")",      "\"\uFFFD\uFFFD\uFFFD\uFFFD\""},
        ValueCase{"Largest",         "\xf4\x8f\xbf\xbf",     "\xf4\x8f\xbf\xbf",           "\"\xf4\x8f\xbf\xbf\""},
        ValueCase{"AboveLargest",    "\xf4\x90\x80\x80",     R"("\xf4\x90\x80\x80")",      "\"\uFFFD\uFFFD\uFFFD\uFFFD\""},
        ValueCase{"NoSuchByte",      "\xff",                 R"("\xff")",                  "\"\uFFFD\""}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

TEST(FormatLine, NamesEveryLevel) {
    EXPECT_THAT(format_line(Format::text, Level::debug, "T", "a", "b", {}), StartsWith("T debug a"));
    EXPECT_THAT(format_line(Format::text, Level::info, "T", "a", "b", {}), StartsWith("T info a"));
    EXPECT_THAT(format_line(Format::text, Level::warning, "T", "a", "b", {}), StartsWith("T warning a"));
    EXPECT_THAT(format_line(Format::text, Level::error, "T", "a", "b", {}), StartsWith("T error a"));
}

TEST(FormatLine, WritesTextAsTheDocumentationShowsIt) {
    EXPECT_EQ(format_line(Format::text, Level::info, time_text, "discovery", "poll failed",
                          {{"service", "orders.local"}, {"reason", "timeout from 10.0.0.2:53"}}),
              R"(2026-11-22T16:10:11.123Z info discovery: poll failed service=orders.local )"
              R"(reason="timeout from 10.0.0.2:53")");
}

TEST(FormatLine, KeepsNumbersAndBooleansInJson) {
    const Fields fields{{"service", "orders.local"}, {"failures", 3U}, {"offset", -1}, {"served", false}};
    EXPECT_EQ(format_line(Format::json, Level::warning, time_text, "health", "endpoint down", fields),
              R"({"time":"2026-11-22T16:10:11.123Z","level":"warning","layer":"health","event":"endpoint down",)"
              R"("service":"orders.local","failures":3,"offset":-1,"served":false})");
    EXPECT_EQ(format_line(Format::text, Level::warning, time_text, "health", "endpoint down", fields),
              "2026-11-22T16:10:11.123Z warning health: endpoint down service=orders.local failures=3 offset=-1 "
              "served=false");
}

TEST(FormatLine, CutsWhatIsTooLongAndStaysWellFormed) {
    for (const std::size_t length : {4'000U, 4'020U, 4'040U, 4'060U, 4'080U, 4'095U, 5'000U, 100'000U}) {
        for (const char* piece : {"x", "\x01", "\xe2\x82\xac"}) {
            std::string value;
            while (value.size() < length) value += piece;
            const Fields fields{{"value", value}, {"after", "y"}, {"count", 7}};
            const std::string json = format_line(Format::json, Level::info, time_text, "base", "long", fields);
            EXPECT_LE(json.size(), longest_line);
            EXPECT_THAT(json, EndsWith("}")) << length;
            EXPECT_EQ(std::count(json.begin(), json.end(), '"') % 2, 0) << length;
            const std::string text = format_line(Format::text, Level::info, time_text, "base", "long", fields);
            EXPECT_LE(text.size(), longest_line);
        }
    }
    const std::string huge(100'000, 'x');
    EXPECT_THAT(format_line(Format::json, Level::info, "T", "base", "long", {{"value", huge}, {"after", "y"}}),
                AllOf(EndsWith("xxx...\"}"), testing::Not(HasSubstr("after"))));
    EXPECT_THAT(format_line(Format::text, Level::info, "T", "base", huge, {{"after", "y"}}), EndsWith("xxx..."));
}

/// Both ends of a pipe or the like; the reader's end is read by nobody until read_all().
struct Ends {
    int reader = -1;
    int writer = -1;

    Ends() = default;
    Ends(int r, int w) : reader(r), writer(w) {}
    Ends(const Ends&) = delete;
    Ends& operator=(const Ends&) = delete;
    ~Ends() {
        close(reader);
        close(writer);
    }
};

struct Pipe : Ends {
    Pipe() {
        std::array<int, 2> ends{};
        EXPECT_EQ(pipe(ends.data()), 0);
        reader = ends[0];
        writer = ends[1];
    }
};

/// A terminal whose other side is not read: poll() promises room for one byte, a longer write blocks.
struct Terminal : Ends {
    Terminal() {
        reader = posix_openpt(O_RDWR | O_NOCTTY);
        EXPECT_EQ(grantpt(reader), 0);
        EXPECT_EQ(unlockpt(reader), 0);
        std::array<char, 64> path{};
        EXPECT_EQ(ptsname_r(reader, path.data(), path.size()), 0);
        writer = open(path.data(), O_RDWR | O_NOCTTY);
    }
};

std::string read_ready(int descriptor) {
    std::string all;
    pollfd poller{descriptor, POLLIN, 0};
    std::array<char, 65536> buffer{};
    while (poll(&poller, 1, 0) > 0) {
        const ssize_t length = read(descriptor, buffer.data(), buffer.size());
        if (length <= 0) break;
        all.append(buffer.data(), static_cast<std::size_t>(length));
    }
    return all;
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = text.find('\n', at);
        if (end == std::string::npos) {
            ADD_FAILURE() << "a line without its end: " << text.substr(at);
            break;
        }
        lines.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return lines;
}

class Log : public testing::Test {
protected:
    void TearDown() override { stop(); }

    Duration time_of_stop() {
        const TimePoint begin = Clock::now();
        stop();
        return Clock::now() - begin;
    }

    std::uint64_t dropped_before = dropped();
};

TEST_F(Log, WritesEveryLineBeforeItStops) {
    Pipe pipe;
    start({.level = Level::info, .format = Format::text, .descriptor = pipe.writer});
    for (int i = 0; i < 100; ++i) info("base", "counted", {{"i", i}});
    stop();
    const auto lines = lines_of(read_ready(pipe.reader));
    ASSERT_EQ(lines.size(), 100U);
    EXPECT_THAT(lines.front(), EndsWith("info base: counted i=0"));
    EXPECT_THAT(lines.back(), EndsWith("info base: counted i=99"));
    EXPECT_EQ(dropped(), dropped_before);
}

TEST_F(Log, LeavesOutWhatIsBelowTheLevel) {
    Pipe pipe;
    start({.level = Level::warning, .format = Format::json, .descriptor = pipe.writer});
    debug("base", "no");
    info("base", "no");
    warning("base", "first");
    error("base", "second");
    stop();
    const auto lines = lines_of(read_ready(pipe.reader));
    ASSERT_EQ(lines.size(), 2U);
    EXPECT_THAT(lines[0], HasSubstr(R"("level":"warning","layer":"base","event":"first"})"));
    EXPECT_THAT(lines[1], HasSubstr(R"("level":"error","layer":"base","event":"second"})"));
}

TEST_F(Log, ChangesLevelAndFormWhileItRuns) {
    Pipe pipe;
    start({.level = Level::warning, .format = Format::text, .descriptor = pipe.writer});
    info("base", "no");
    change(Level::info, Format::json);
    info("base", "yes");
    stop();
    const auto lines = lines_of(read_ready(pipe.reader));
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_THAT(lines[0], HasSubstr(R"("event":"yes"})"));
}

TEST_F(Log, IsSilentBeforeStartAndAfterStop) {
    Pipe pipe;
    error("base", "too early");
    start({.level = Level::debug, .descriptor = pipe.writer});
    stop();
    error("base", "too late");
    stop();
    EXPECT_EQ(read_ready(pipe.reader), "");
    EXPECT_EQ(dropped(), dropped_before);
}

TEST_F(Log, MayBeStartedAgain) {
    Pipe pipe;
    for (int round = 0; round < 2; ++round) {
        start({.descriptor = pipe.writer});
        info("base", "round");
        stop();
    }
    EXPECT_EQ(lines_of(read_ready(pipe.reader)).size(), 2U);
}

TEST_F(Log, NeverWaitsForAReaderOfAPipe) {
    Pipe pipe;
    const std::string filler(200, 'x');
    start({.format = Format::json, .descriptor = pipe.writer});
    const TimePoint begin = Clock::now();
    for (int i = 0; i < 100'000; ++i) info("base", "flood", {{"filler", filler}, {"i", i}});
    EXPECT_LT(Clock::now() - begin, 20s) << "that is far more than formatting takes";
    EXPECT_GT(dropped(), dropped_before);
    EXPECT_LT(time_of_stop(), 1s);
    const auto lines = lines_of(read_ready(pipe.reader));
    ASSERT_GT(lines.size(), 100U);
    for (const std::string& line : lines) EXPECT_THAT(line, AllOf(StartsWith("{\"time\":"), EndsWith("}")));
    EXPECT_EQ(lines.size() + (dropped() - dropped_before), 100'000U) << "each is written or counted";
    EXPECT_EQ(fcntl(pipe.writer, F_GETFL) & O_NONBLOCK, 0) << "the descriptor is shared: its flags are not ours";
}

TEST_F(Log, NeverWaitsForAReaderOfATerminal) {
    Terminal terminal;
    const std::string filler(3'900, 'x');
    // Not closed here: the writing thread is left behind in write(), and ends when the reader's side is closed.
    start({.descriptor = dup(terminal.writer)});
    for (int i = 0; i < 1'000; ++i) info("base", "flood", {{"filler", filler}});
    EXPECT_LT(time_of_stop(), 1s);
}

TEST_F(Log, DropsTheOldestFirst) {
    Pipe pipe;
    start({.descriptor = pipe.writer});
    const std::string filler(1'000, 'x');
    for (int i = 0; i < 10'000; ++i) info("base", "flood", {{"filler", filler}});
    warning("base", "the newest");
    std::string all;
    for (const TimePoint end = Clock::now() + 20s; Clock::now() < end && all.find("newest") == std::string::npos;) {
        all += read_ready(pipe.reader);
    }
    EXPECT_THAT(all, HasSubstr("the newest"));
    EXPECT_GT(dropped(), dropped_before);
}

TEST_F(Log, SurvivesAReaderThatHasGone) {
    const auto old_handler = signal(SIGPIPE, SIG_DFL);
    Pipe pipe;
    close(pipe.reader);
    pipe.reader = -1;
    start({.descriptor = pipe.writer});
    for (int i = 0; i < 10; ++i) info("base", "into the void");
    EXPECT_LT(time_of_stop(), 1s);
    EXPECT_EQ(dropped() - dropped_before, 10U);
    signal(SIGPIPE, old_handler);
}

TEST_F(Log, SurvivesADescriptorThatIsNone) {
    const int descriptor = dup(1);
    close(descriptor);
    start({.descriptor = descriptor});
    info("base", "nowhere");
    EXPECT_LT(time_of_stop(), 1s);
    EXPECT_EQ(dropped() - dropped_before, 1U);
}

TEST_F(Log, WritesToAFile) {
    testing_support::TempDir dir;
    const int file = open((dir / "log").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    ASSERT_GE(file, 0);
    start({.descriptor = file});
    info("base", "kept");
    stop();
    std::array<char, 200> buffer{};
    const ssize_t length = pread(file, buffer.data(), buffer.size(), 0);
    EXPECT_THAT(std::string(buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(length, 0))),
                EndsWith("info base: kept\n"));
    close(file);
}

TEST_F(Log, TakesLinesFromSeveralThreads) {
    Pipe pipe;
    start({.descriptor = pipe.writer});
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([t] {
            for (int i = 0; i < 50; ++i) info("base", "from a thread", {{"thread", t}, {"i", i}});
        });
    }
    for (auto& thread : threads) thread.join();
    stop();
    EXPECT_EQ(lines_of(read_ready(pipe.reader)).size(), 200U);
}

}  // namespace
}  // namespace taskdns::log
