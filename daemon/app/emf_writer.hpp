// Writes the key figures for CloudWatch to standard output, every so often.
// Layer: app (may include all). Threads: the control thread, which runs `executor`.
#pragma once

#include <deque>
#include <functional>
#include <string>

#include "app/emf.hpp"
#include "base/alarm.hpp"
#include "base/asio.hpp"
#include "config/config.hpp"

namespace taskdns::app {

class EmfWriter {
public:
    /// `collect` gives the figures of now, and `write` takes a line, as long as this lives.
    EmfWriter(const asio::any_io_executor& executor, std::function<Figures()> collect,
              std::function<void(const std::string& line)> write);

    /// From now on; the first lines come after a whole interval.
    void set(const config::Metrics& settings);
    /// Writes what came since the last lines, and no more.
    void stop();

private:
    void wait(milliseconds how_long);
    void write_some();

    std::function<Figures()> collect_;
    std::function<void(const std::string& line)> write_;
    Alarm timer_;
    config::Metrics settings_;
    EmfLines lines_;
    std::deque<std::string> waiting_;  // lines of this interval that are not written yet
};

}  // namespace taskdns::app
