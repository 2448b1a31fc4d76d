// A program that a test runs: it dies with the test binary, and is never left behind.
// Threads: start it from the main thread; its life is tied to the thread that started it (PR_SET_PDEATHSIG).
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace taskdns::testing_support {

/// Asks `condition` every few milliseconds until it holds; false when `limit` has passed first.
bool wait_until(std::chrono::milliseconds limit, const std::function<bool()>& condition);

/// The whole text of a file; empty if there is none.
std::string read_file(const std::string& path);
void write_file(const std::string& path, const std::string& text);

class ChildProcess {
public:
    struct Options {
        std::vector<std::string> argv;                   ///< argv[0] is looked up in PATH, then in the sbin folders
        std::map<std::string, std::string> environment;  ///< added to ours, of which TASKDNS_* and ECS_* are left out
        std::string stdout_path;                         ///< appended to; empty: /dev/null
        std::string stderr_path;                         ///< the same; may be the same file
        int stdout_descriptor = -1;                      ///< instead of stdout_path; stays the caller's
    };

    explicit ChildProcess(Options options);
    ~ChildProcess();  ///< SIGKILL if it still runs
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;

    pid_t pid() const { return pid_; }
    bool running();
    void signal(int number) const;
    /// Its exit status, 128 + N if signal N ended it; null if it still runs after `limit`.
    std::optional<int> wait(std::chrono::milliseconds limit);
    /// SIGTERM; SIGKILL when `limit` has passed, and then null.
    std::optional<int> stop(std::chrono::milliseconds limit);
    /// Its own child that runs `program`, such as the first process of a namespace that unshare(1) has made; null if
    /// there is none within 3 s.
    std::optional<pid_t> child(const std::string& program) const;

private:
    pid_t pid_ = -1;
    std::optional<int> status_;
};

/// Runs a program to its end.
struct Outcome {
    int status = -1;  ///< as ChildProcess::wait; -1: killed after `limit`
    std::string out;
    std::string err;
};
Outcome run(std::vector<std::string> argv, const std::map<std::string, std::string>& environment = {},
            std::chrono::milliseconds limit = std::chrono::seconds(10));

}  // namespace taskdns::testing_support
