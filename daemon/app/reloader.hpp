// The configuration is read again: when somebody asks for it, and when its file has changed.
// Layer: app (may include all). Threads: the control thread's executor; the files are read on a thread of their own,
// so that a file system that hangs delays nothing.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "app/metrics.hpp"
#include "app/reading.hpp"
#include "base/asio.hpp"
#include "base/file_thread.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "config/config.hpp"
#include "http_server/model.hpp"

namespace taskdns::app {

class Reloader {
public:
    using Done = std::function<void(const http_server::ReloadStatus& status)>;
    /// On the file thread. An error's message has one mistake per line.
    using Read = std::function<Result<Reading>()>;
    /// On the control thread: all of it, or nothing and an error; false if nothing is different.
    using Apply = std::function<Result<bool>(Reading reading)>;

    struct Settings {
        std::string file;  ///< to be watched; empty: none
        milliseconds period{30'000};
    };

    Reloader(asio::any_io_executor executor, Settings settings, Read read, Apply apply);
    ~Reloader();

    /// Begins to watch the file.
    void start();
    /// Reads and applies. Who asks while that goes on gets what a further reading finds: the file may have changed
    /// since it began. `trigger`: as ReloadStatus has it. `done` may be empty.
    void request(const std::string& trigger, Done done);
    /// Ends watching; what is being read is not applied any more, and who asks from now on is refused.
    void stop(milliseconds limit);

    /// The last one; at first, that the configuration was read at the start.
    const http_server::ReloadStatus& last() const;
    const ReloadFigures& figures() const;

private:
    struct State;
    std::shared_ptr<State> state_;
    FileThread files_;
};

}  // namespace taskdns::app
