// The configuration is read again. Layer: app.
#include "app/reloader.hpp"

#include <malloc.h>
#include <sys/stat.h>

#include <optional>
#include <sstream>
#include <utility>

#include <boost/asio/steady_timer.hpp>

#include "base/log.hpp"
#include "base/way_back.hpp"

namespace taskdns::app {
namespace {

using http_server::ReloadStatus;

constexpr std::size_t most_waiting = 64;

/// Tells one state of a file from another. All zero: there is none.
struct Fingerprint {
    dev_t device = 0;
    ino_t file = 0;
    off_t size = 0;
    std::pair<time_t, long> written;
    std::pair<time_t, long> changed;

    bool operator==(const Fingerprint&) const = default;
};

Fingerprint fingerprint(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return {};
    return {.device = status.st_dev,
            .file = status.st_ino,
            .size = status.st_size,
            .written = {status.st_mtim.tv_sec, status.st_mtim.tv_nsec},
            .changed = {status.st_ctim.tv_sec, status.st_ctim.tv_nsec}};
}

std::vector<std::string> split_lines(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
}

/// On the file thread. Never throws.
Result<Reading> read_safely(const Reloader::Read& read) {
    try {
        return read();
    } catch (const std::exception& e) {  // no memory for it
        return Error{Errc::internal, std::string("the configuration cannot be read: ") + e.what()};
    }
}

void log_outcome(const ReloadStatus& status) {
    if (status.outcome == "failed") {
        for (const std::string& error : status.errors) log::error("config", error);
        log::error("config", "not reloaded: the configuration from before goes on",
                   {{"trigger", status.trigger}, {"mistakes", status.errors.size()}});
    } else if (status.outcome == "applied") {
        log::info("config", "reloaded", {{"trigger", status.trigger}});
    } else {
        log::info("config", "reloaded: nothing is different", {{"trigger", status.trigger}});
    }
}

}  // namespace

struct Reloader::State : std::enable_shared_from_this<Reloader::State> {
    struct Request {
        std::string trigger;
        Done done;
    };

    State(asio::any_io_executor executor, Settings s, Read r, Apply a)
        : settings(std::move(s)),
          read(std::move(r)),
          apply(std::move(a)),
          timer(executor),
          way_back(std::make_shared<WayBack>(executor)),
          last{.at = std::chrono::system_clock::now(), .trigger = "start", .outcome = "applied", .errors = {}},
          figures{.applied = 1, .last_at = last.at} {}

    static void refuse(const Request& request, const char* because);
    void begin(FileThread& files);
    void finish(Result<Reading> reading);
    Result<bool> apply_safely(Reading next);
    void fail(std::vector<std::string> errors);
    void report(ReloadStatus status);
    void look_later(FileThread& files);
    void look(FileThread& files);

    Settings settings;
    Read read;
    Apply apply;
    asio::steady_timer timer;
    std::shared_ptr<WayBack> way_back;
    std::vector<Request> waiting;  // for the next reading
    std::vector<Request> served;   // by the one that goes on
    bool reading = false;
    bool stopped = false;
    std::optional<Fingerprint> known;  // of the file as it was last read; null: not looked at yet
    ReloadStatus last;
    ReloadFigures figures;
};

void Reloader::State::refuse(const Request& request, const char* because) {
    log::warning("config", "not reloaded", {{"trigger", request.trigger}, {"reason", because}});
    if (request.done) request.done({std::chrono::system_clock::now(), request.trigger, "failed", {because}});
}

void Reloader::State::begin(FileThread& files) {
    if (reading || waiting.empty() || stopped) return;
    served = std::exchange(waiting, {});
    reading = files.submit([self = weak_from_this(), way = way_back, read = read, path = settings.file, &files] {
        const Fingerprint before = path.empty() ? Fingerprint() : fingerprint(path);  // so a later change is seen
        Result<Reading> result = read_safely(read);
        way->post([self, before, result = std::move(result), &files]() mutable {
            const auto alive = self.lock();
            if (!alive) return;
            alive->reading = false;
            alive->known = before;
            alive->finish(std::move(result));
            malloc_trim(0);  // what reading took, whatever came of it
            alive->begin(files);
        });
    });
    if (!reading) fail({"the configuration cannot be read: no thread for it, or an earlier reading hangs"});
}

Result<bool> Reloader::State::apply_safely(Reading next) try {
    return apply(std::move(next));
} catch (const std::exception& e) {  // no memory on the way
    return Error{Errc::internal, std::string("the configuration is not applied as a whole: ") + e.what()};
}

void Reloader::State::finish(Result<Reading> result) {
    if (stopped) return;
    if (!result) return fail(split_lines(result.error().message));
    const Result<bool> applied = apply_safely(std::move(*result));
    if (!applied) return fail(split_lines(applied.error().message));
    const bool asked = served.size() > 1 || served.front().trigger != "file";
    if (!*applied && !asked && !figures.last_failed) return served.clear();  // nothing is new
    ++(*applied ? figures.applied : figures.unchanged);
    report({.outcome = *applied ? "applied" : "unchanged", .errors = {}});
}

void Reloader::State::fail(std::vector<std::string> errors) {
    ++figures.failed;
    report({.outcome = "failed", .errors = std::move(errors)});
}

void Reloader::State::report(ReloadStatus status) {
    status.at = std::chrono::system_clock::now();
    status.trigger = served.front().trigger;
    last = std::move(status);
    figures.last_failed = last.outcome == "failed";
    if (!figures.last_failed) figures.last_at = last.at;
    log_outcome(last);
    for (const Request& request : std::exchange(served, {})) {
        if (request.done) request.done(last);
    }
}

void Reloader::State::look_later(FileThread& files) {
    timer.expires_after(settings.period);
    timer.async_wait([self = weak_from_this(), &files](const boost::system::error_code& error) {
        const auto alive = self.lock();
        if (error || !alive) return;
        alive->look_later(files);  // whatever becomes of this look, and in this wait's memory
        alive->look(files);
    });
}

void Reloader::State::look(FileThread& files) {
    // The thread may be busy, or hang: there is a next time.
    files.submit([self = weak_from_this(), way = way_back, path = settings.file, &files] {
        way->post([self, now = fingerprint(path), &files] {
            const auto alive = self.lock();
            if (!alive || alive->stopped) return;
            // The first look reads in any case: the file may have changed after it was read at the start. A reading
            // that has been begun looks later than this one has.
            if (!alive->reading && now != alive->known) {
                alive->waiting.push_back({"file", {}});
                alive->begin(files);
            }
        });
    });
}

Reloader::Reloader(asio::any_io_executor executor, Settings settings, Read read, Apply apply)
    : state_(std::make_shared<State>(std::move(executor), std::move(settings), std::move(read), std::move(apply))) {}

Reloader::~Reloader() {
    state_->way_back->close();
    state_->timer.cancel();
}

void Reloader::start() {
    if (!state_->settings.file.empty()) state_->look_later(files_);
}

void Reloader::request(const std::string& trigger, Done done) {
    if (state_->stopped) return State::refuse({trigger, std::move(done)}, "shutting down");
    if (state_->waiting.size() >= most_waiting) {  // the reading hangs, and somebody asks and asks
        return State::refuse({trigger, std::move(done)}, "an earlier reading hangs");
    }
    state_->waiting.push_back({trigger, std::move(done)});
    state_->begin(files_);
}

void Reloader::stop(milliseconds limit) {
    state_->stopped = true;
    state_->timer.cancel();
    for (const State::Request& request : std::exchange(state_->served, {})) State::refuse(request, "shutting down");
    for (const State::Request& request : std::exchange(state_->waiting, {})) State::refuse(request, "shutting down");
    files_.stop(limit);
}

const ReloadStatus& Reloader::last() const { return state_->last; }

const ReloadFigures& Reloader::figures() const { return state_->figures; }

}  // namespace taskdns::app
