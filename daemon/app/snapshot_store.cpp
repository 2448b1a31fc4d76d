// The snapshot's file. Layer: app.
#include "app/snapshot_store.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <boost/asio/steady_timer.hpp>

#include "base/log.hpp"
#include "base/way_back.hpp"
#include "base/whole_file.hpp"

namespace taskdns::app {
namespace {

using namespace std::chrono_literals;

constexpr auto shortest_pause = 1s;  // between two writes
// After writes that failed, twice as long each time: what is written may be megabytes, and nothing but time tells
// that a file system has room again.
constexpr auto longest_pause = 60s;

}  // namespace

struct SnapshotStore::State : std::enable_shared_from_this<SnapshotStore::State> {
    State(asio::any_io_executor executor, std::string file, Collect collector)
        : path(std::move(file)),
          collect(std::move(collector)),
          timer(executor),
          way_back(std::make_shared<WayBack>(executor)) {}

    void loaded(const Result<std::optional<membership::Snapshot>>& result, const OnLoaded& on_loaded);
    void arm(FileThread& files);
    void write(FileThread& files);
    void written(const Result<void>& result, FileThread& files);
    void try_again_later(FileThread& files);

    std::string path;
    Collect collect;
    asio::steady_timer timer;
    std::shared_ptr<WayBack> way_back;
    bool ready = false;  // load() has ended, so that nothing unread is overwritten
    bool dirty = false;
    bool armed = false;  // waiting for the pause, or for a write to end
    bool writing = false;
    bool failing = false;
    seconds pause_after_failure = shortest_pause;
    TimePoint next_write{};
    Figures figures;
};

namespace {

/// On the file thread. Null: there is no file. Never throws.
Result<std::optional<membership::Snapshot>> read(const std::string& path) {
    try {
        const auto text = read_whole_file(path, membership::largest_snapshot);
        if (!text) return text.error();
        if (!*text) return std::optional<membership::Snapshot>();
        auto parsed = membership::parse_snapshot(**text);
        if (!parsed) return Error{parsed.error().code, path + ": " + parsed.error().message};
        return std::optional(std::move(*parsed));
    } catch (const std::exception& e) {  // no memory for it
        return Error{Errc::internal, path + ": " + e.what()};
    }
}

/// On the file thread. Never throws.
Result<void> write(const std::string& path, const membership::Snapshot& snapshot) {
    try {
        return replace_whole_file(path, membership::format_snapshot(snapshot));
    } catch (const std::exception& e) {
        return Error{Errc::internal, path + ": " + e.what()};
    }
}

}  // namespace

SnapshotStore::SnapshotStore(asio::any_io_executor executor, std::string path, Collect collect)
    : state_(std::make_shared<State>(std::move(executor), std::move(path), std::move(collect))) {}

SnapshotStore::~SnapshotStore() {
    state_->way_back->close();
    state_->timer.cancel();
}

void SnapshotStore::load(OnLoaded on_loaded) {
    if (state_->path.empty()) return;
    const bool begun = files_.submit([path = state_->path, way_back = state_->way_back, state = std::weak_ptr(state_),
                                      files = &files_, on_loaded = std::move(on_loaded)] {
        auto result = read(path);
        way_back->post([state, files, on_loaded, result = std::move(result)] {
            const auto alive = state.lock();
            if (!alive) return;
            alive->loaded(result, on_loaded);
            if (alive->dirty) alive->arm(*files);
        });
    });
    if (!begun) log::warning("snapshot", "not read: no thread to read it with", {{"path", state_->path}});
}

void SnapshotStore::State::loaded(const Result<std::optional<membership::Snapshot>>& result,
                                  const OnLoaded& on_loaded) {
    ready = true;
    if (!result) {
        ++figures.failures;
        log::warning("snapshot", "not loaded", {{"reason", result.error().message}});
        on_loaded(std::nullopt);
        return;
    }
    if (!*result) {
        log::info("snapshot", "there is none yet", {{"path", path}});
    } else {
        figures.written = (*result)->written;
        log::info("snapshot", "loaded",
                  {{"path", path},
                   {"services", (*result)->services.size()},
                   {"written", format_wall_time((*result)->written)}});
    }
    on_loaded(*result);
}

bool SnapshotStore::ready() const { return state_->ready || state_->path.empty(); }

std::optional<SnapshotStore::Figures> SnapshotStore::figures() const {
    if (state_->path.empty()) return std::nullopt;
    return state_->figures;
}

void SnapshotStore::changed() {
    if (state_->path.empty()) return;
    state_->dirty = true;
    state_->arm(files_);
}

void SnapshotStore::State::arm(FileThread& files) {
    if (armed || writing || !ready) return;
    timer.expires_at(next_write);
    timer.async_wait([self = weak_from_this(), files = &files](const boost::system::error_code& error) {
        const auto alive = self.lock();
        if (error || !alive) return;
        alive->armed = false;
        alive->write(*files);
    });
    armed = true;
}

void SnapshotStore::State::write(FileThread& files) try {
    dirty = false;
    next_write = Clock::now() + shortest_pause;
    writing = files.submit([path = path, snapshot = collect(), way_back = way_back, self = weak_from_this(), &files] {
        const Result<void> result = app::write(path, snapshot);
        way_back->post([self, result, &files] {
            if (const auto alive = self.lock()) alive->written(result, files);
        });
    });
    if (!writing) try_again_later(files);  // earlier ones hang
} catch (const std::exception&) {          // no memory to collect it
    try_again_later(files);
}

void SnapshotStore::State::written(const Result<void>& result, FileThread& files) {
    writing = false;
    const bool failed_before = std::exchange(failing, result.has_error());
    if (failing) {
        ++figures.failures;
        if (!failed_before) log::warning("snapshot", "cannot be written", {{"reason", result.error().message}});
        return try_again_later(files);
    }
    if (failed_before) log::info("snapshot", "is written again", {{"path", path}});
    pause_after_failure = shortest_pause;
    ++figures.writes;
    figures.written = std::chrono::system_clock::now();
    if (dirty) arm(files);
}

void SnapshotStore::State::try_again_later(FileThread& files) {
    dirty = true;
    next_write = Clock::now() + pause_after_failure;
    pause_after_failure = std::min<seconds>(2 * pause_after_failure, longest_pause);
    arm(files);
}

void SnapshotStore::stop(milliseconds limit) {
    if (state_->ready && state_->dirty) state_->write(files_);  // behind one that is at work
    files_.stop(limit);
}

}  // namespace taskdns::app
