// Enters the sandbox where the configuration wants it, and logs each system call that it refuses, once.
// Layer: app (may include task). Threads: the control thread.
#pragma once

#include <optional>

#include <boost/asio/posix/stream_descriptor.hpp>

#include "base/asio.hpp"
#include "task/confinement.hpp"

namespace taskdns::app {

/// Of the calling thread, and so of all: privileges are given up before another one is made.
task::Confinement read_confinement();

class SandboxWatch {
public:
    explicit SandboxWatch(asio::any_io_executor executor) : executor_(std::move(executor)) {}

    /// What the configuration says, at the start and after a reload. A sandbox that cannot be had is a log line: no
    /// reason to leave the task without DNS. One that was entered stays.
    void set(bool wanted);

private:
    void enter();
    void watch();

    asio::any_io_executor executor_;
    std::optional<asio::posix::stream_descriptor> bell_;
};

}  // namespace taskdns::app
