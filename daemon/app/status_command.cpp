// `taskdns status`: what the daemon here is about, for a terminal. Layer: app.
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <thread>

#include "app/commands.hpp"
#include "app/find_daemon.hpp"
#include "app/http_get.hpp"
#include "app/status_text.hpp"
#include "http_server/html.hpp"
#include "http_server/read_status.hpp"

namespace taskdns::app {
namespace {

using namespace std::chrono_literals;

constexpr auto limit = 5s;      // of one request
constexpr auto every = 2s;      // --watch: ages and figures are no changes that one could wait for
constexpr auto seldomest = 1s;  // --watch: not more often, whatever changes

/// What the daemon has answered: the documents, and what they say.
struct Report {
    std::string status_json;
    std::vector<std::string> service_jsons;
    http_server::DaemonStatus daemon;
    std::vector<http_server::ServiceStatus> services;
};

Result<std::string> get(const SocketAddress& target, const std::string& path, milliseconds timeout = limit) {
    const auto answer = http_get(target, path, timeout, "application/json");
    if (!answer) {
        return Error{answer.error().code,
                     answer.error().message + "; is taskdns running here? --http ADDRESS:PORT says where it listens"};
    }
    if (answer->status == 200) return answer->body;
    std::string body = answer->body;
    std::ranges::replace(body, '\n', ' ');
    return Error{Errc::malformed,
                 target.to_string() + path + ": HTTP " + std::to_string(answer->status) + ": " + body};
}

/// All services, or the one that `name` is a name of.
Result<Report> ask(const SocketAddress& target, const std::string& name) {
    Report report;
    const Result<std::string> status = get(target, "/v1/status");
    if (!status) return status.error();
    const auto daemon = http_server::read_daemon(*status);
    if (!daemon) return daemon.error();
    report.status_json = *status;
    report.daemon = *daemon;
    std::vector<std::string> names{name};
    if (name.empty()) {
        const Result<std::string> list = get(target, "/v1/services");
        if (!list) return list.error();
        const auto services = http_server::read_services(*list);
        if (!services) return services.error();
        names.clear();
        for (const auto& service : *services) names.push_back(service.name);
    }
    for (const std::string& one : names) {
        Result<std::string> whole = get(target, "/v1/services/" + http_server::escape_url(one));
        if (!whole) return whole.error();
        auto service = http_server::read_service(*whole);
        if (!service) return service.error();
        report.service_jsons.push_back(std::move(*whole));
        report.services.push_back(std::move(*service));
    }
    return report;
}

/// `text`, a JSON document, deeper by `blanks`; strings hold no line breaks.
std::string indent(std::string text, std::size_t blanks) {
    while (text.ends_with('\n')) text.pop_back();
    std::string out;
    for (const char c : text) {
        out += c;
        if (c == '\n') out.append(blanks, ' ');
    }
    return out;
}

std::string as_json(const Report& report) {
    std::string out = "{\n  \"status\": " + indent(report.status_json, 2) + ",\n  \"services\": [";
    for (std::size_t i = 0; i < report.service_jsons.size(); ++i) {
        out += (i == 0 ? "\n    " : ",\n    ") + indent(report.service_jsons[i], 4);
    }
    return out + (report.service_jsons.empty() ? "]\n}\n" : "\n  ]\n}\n");
}

bool variable_is(const char* name, std::string_view value) {
    const char* set = std::getenv(name);
    return set != nullptr && value == set;
}

struct Screen {
    bool terminal = false;
    std::size_t rows = 0;
    TerminalStyle style;
};

/// As it is now: a window changes its size. An unset TERM says nothing, and such a terminal (ECS Exec) knows colours.
Screen look_at_screen() {
    Screen screen;
    screen.terminal = isatty(STDOUT_FILENO) != 0;
    if (!screen.terminal) return screen;
    const char* no_colour = std::getenv("NO_COLOR");
    screen.style.colours = !variable_is("TERM", "dumb") && (no_colour == nullptr || *no_colour == '\0');
    winsize size{};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) {
        screen.style.width = size.ws_col;
        screen.rows = size.ws_row;
    }
    if (screen.style.width == 0) screen.style.width = 80;
    return screen;
}

/// The first lines, as many as there is room for, with a word about the rest.
std::string fit(const std::string& text, std::size_t rows) {
    const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
    if (rows < 2 || lines < rows) return text;
    std::size_t end = 0;
    for (std::size_t i = 0; i + 2 < rows; ++i) end = text.find('\n', end) + 1;
    return text.substr(0, end) + "(" + std::to_string(lines - (rows - 2)) +
           " more lines: a larger window shows them)\n";
}

/// Draws in place: what was there is overwritten line by line, so that nothing flickers.
std::string redraw(const std::string& text, const Screen& screen) {
    std::string out = "\x1b[H";
    for (const char c : fit(text, screen.rows)) {
        if (c == '\n') out += "\x1b[K";
        out += c;
    }
    return out + "\x1b[J";
}

constexpr std::string_view enter_screen = "\x1b[?1049h\x1b[?25l\x1b[H\x1b[2J";  // the alternate one, no cursor
constexpr std::string_view leave_screen = "\x1b[?25h\x1b[?1049l";

/// Only what a signal handler may do. Ending a watch is no failure.
extern "C" void end_drawing(int) {
    [[maybe_unused]] const auto written = ::write(STDOUT_FILENO, leave_screen.data(), leave_screen.size());
    ::_exit(0);
}
extern "C" void end_printing(int) { ::_exit(0); }

std::string show(const Result<Report>& report, bool json, const TerminalStyle& style) {
    if (!report) return format_line("taskdns status: " + report.error().message, Colour::red, style);
    return json ? as_json(*report) : status_text(report->daemon, report->services, style);
}

/// Until something changes or it is time to look again. A daemon that does not answer is asked again then.
void wait_for_change(const SocketAddress& target, const Result<Report>& shown) {
    const auto start = Clock::now();
    auto least = every;
    if (shown) {
        const std::string index = std::to_string(shown->daemon.index);
        const auto path = "/v1/services?index=" + index + "&wait=" + format_duration(every);
        const auto answer = http_get(target, path, limit + every, "application/json");
        if (answer && answer->status == 200) least = seldomest;
    }
    std::this_thread::sleep_until(start + least);
}

[[noreturn]] void watch(const SocketAddress& target, const StatusOptions& options, Result<Report> report) {
    const Screen first = look_at_screen();
    const bool drawing = first.terminal && !variable_is("TERM", "dumb");
    std::signal(SIGINT, drawing ? end_drawing : end_printing);
    std::signal(SIGTERM, drawing ? end_drawing : end_printing);
    if (drawing) std::cout << enter_screen;
    for (bool again = false;; again = true) {
        const Screen screen = look_at_screen();
        const std::string text = show(report, options.json, screen.style);
        std::cout << (drawing ? redraw(text, screen) : (again ? "\n" : "") + text) << std::flush;
        wait_for_change(target, report);
        report = ask(target, options.name);
    }
}

}  // namespace

int status_command(const StatusOptions& options) {
    Result<SocketAddress> target = find_daemon(options.config, options.http);
    if (!target && target.error().code == Errc::invalid_config && !options.config) {
        // A daemon may well be running with the configuration from before the mistake.
        std::cerr << "taskdns status: the configuration has mistakes, so the default address is asked\n";
        target = find_daemon(options.config, "127.0.0.1");
    }
    if (!target) {
        std::cerr << "taskdns status: " << target.error().message << '\n';
        return 2;
    }
    Result<Report> report = ask(*target, options.name);
    if (!report) {
        std::cerr << "taskdns status: " << report.error().message << '\n';
        return 1;
    }
    if (options.watch) watch(*target, options, std::move(report));
    std::cout << show(report, options.json, look_at_screen().style);
    return 0;
}

}  // namespace taskdns::app
