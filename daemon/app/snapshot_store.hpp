// The snapshot's file: read at the start, written when members change (design.md, section 5).
// Layer: app. Threads: the control thread's executor; the file itself is touched by a FileThread only, so a hanging
// file system delays nothing.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/asio.hpp"
#include "base/file_thread.hpp"
#include "membership/snapshot.hpp"

namespace taskdns::app {

class SnapshotStore {
public:
    using Collect = std::function<membership::Snapshot()>;
    /// Null: there is none, or it is damaged, which is logged.
    using OnLoaded = std::function<void(const std::optional<membership::Snapshot>& snapshot)>;

    /// `path` empty: every call does nothing. `collect` gives what is to be written, when it is.
    SnapshotStore(asio::any_io_executor executor, std::string path, Collect collect);
    ~SnapshotStore();

    /// Reads the file; `on_loaded` is called later, or never if the file system hangs. Nothing is written before
    /// that. Call once.
    void load(OnLoaded on_loaded);
    /// load() has ended, or there is nothing to load.
    bool ready() const;
    /// Members have changed: writes within a second, at most once a second. After a failure it tries again by itself:
    /// after a second, two, four, ..., a minute.
    void changed();
    /// Writes what has changed, if that takes no longer than `limit`.
    void stop(milliseconds limit);

    struct Figures {
        std::uint64_t writes = 0;         ///< that went well
        std::uint64_t failures = 0;       ///< of writing; one to read counts as well
        std::optional<WallTime> written;  ///< when the file was written, be it before our start; null: there is none
    };
    /// Null: no snapshot is kept.
    std::optional<Figures> figures() const;

private:
    struct State;
    std::shared_ptr<State> state_;
    FileThread files_;
};

}  // namespace taskdns::app
