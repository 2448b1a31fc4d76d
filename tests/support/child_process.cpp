// A program that a test runs.
#include "support/child_process.hpp"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "support/temp_dir.hpp"

namespace taskdns::testing_support {

using namespace std::chrono_literals;

namespace {

std::string find_program(const std::string& name) {
    if (name.find('/') != std::string::npos) return name;
    const char* path = getenv("PATH");
    std::istringstream folders(std::string(path != nullptr ? path : "") + ":/usr/local/sbin:/usr/sbin:/sbin");
    for (std::string folder; std::getline(folders, folder, ':');) {
        const std::string candidate = folder + "/" + name;
        if (access(candidate.c_str(), X_OK) == 0) return candidate;
    }
    throw std::runtime_error(name + " is not installed (packaging/install_dependencies.sh test)");
}

std::vector<std::string> merged_environment(const std::map<std::string, std::string>& added) {
    std::map<std::string, std::string> merged;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string text = *entry;
        const auto equals = text.find('=');
        // The second: where the tests themselves run as an ECS task.
        if (equals == std::string::npos || text.rfind("TASKDNS_", 0) == 0 || text.rfind("ECS_", 0) == 0) continue;
        merged[text.substr(0, equals)] = text.substr(equals + 1);
    }
    for (const auto& [name, value] : added) merged[name] = value;
    std::vector<std::string> result;
    for (const auto& [name, value] : merged) result.push_back(name + "=" + value);
    return result;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> result;
    for (std::string& text : texts) result.push_back(text.data());
    result.push_back(nullptr);
    return result;
}

int open_output(const std::string& path) {
    if (path.empty()) return open("/dev/null", O_WRONLY | O_CLOEXEC);
    return open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

}  // namespace

bool wait_until(std::chrono::milliseconds limit, const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!condition()) {
        if (std::chrono::steady_clock::now() >= deadline) return false;
        std::this_thread::sleep_for(3ms);
    }
    return true;
}

std::string read_file(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
}

void write_file(const std::string& path, const std::string& text) {
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file << text;
    file.close();
    if (!file) throw std::runtime_error("cannot write " + path);
}

ChildProcess::ChildProcess(Options options) {
    // All memory is taken before fork(): the child of a program with threads may only call what is async-signal-safe.
    const std::string program = find_program(options.argv.at(0));
    std::vector<std::string> environment = merged_environment(options.environment);
    const std::vector<char*> argv = pointers(options.argv);
    const std::vector<char*> envp = pointers(environment);
    const bool own_stdout = options.stdout_descriptor < 0;
    const int out = own_stdout ? open_output(options.stdout_path) : options.stdout_descriptor;
    const int err = open_output(options.stderr_path);
    if (out < 0 || err < 0) throw std::runtime_error("cannot open the output files of " + program);
    const pid_t parent = getpid();

    pid_ = fork();
    if (pid_ == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) _exit(127);
        const int in = open("/dev/null", O_RDONLY);
        dup2(in, STDIN_FILENO);
        dup2(out, STDOUT_FILENO);
        dup2(err, STDERR_FILENO);
        execve(program.c_str(), argv.data(), envp.data());
        _exit(127);
    }
    const int fork_error = errno;
    if (own_stdout) close(out);
    close(err);
    if (pid_ < 0) throw std::runtime_error(std::string("fork: ") + std::strerror(fork_error));
}

ChildProcess::~ChildProcess() {
    if (!running()) return;
    kill(pid_, SIGKILL);
    wait(5s);
}

bool ChildProcess::running() {
    if (status_) return false;
    int status = 0;
    const pid_t ended = waitpid(pid_, &status, WNOHANG);
    if (ended == 0) return true;
    if (ended == pid_) {
        status_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    } else {
        status_ = -1;
    }
    return false;
}

void ChildProcess::signal(int number) const {
    if (!status_) kill(pid_, number);
}

std::optional<int> ChildProcess::wait(std::chrono::milliseconds limit) {
    wait_until(limit, [this] { return !running(); });
    return status_;
}

std::optional<pid_t> ChildProcess::child(const std::string& program) const {
    const std::string own = std::to_string(pid_);
    std::optional<pid_t> found;
    wait_until(std::chrono::seconds(3), [&] {
        const std::string first = read_file("/proc/" + own + "/task/" + own + "/children");
        if (first.empty()) return false;
        const int candidate = std::stoi(first);
        if (read_file("/proc/" + std::to_string(candidate) + "/comm") != program + "\n") return false;
        found = candidate;
        return true;
    });
    return found;
}

std::optional<int> ChildProcess::stop(std::chrono::milliseconds limit) {
    signal(SIGTERM);
    if (const std::optional<int> status = wait(limit)) return status;
    signal(SIGKILL);
    wait(5s);
    return std::nullopt;
}

Outcome run(std::vector<std::string> argv, const std::map<std::string, std::string>& environment,
            std::chrono::milliseconds limit) {
    const TempDir dir;
    ChildProcess child({.argv = std::move(argv),
                        .environment = environment,
                        .stdout_path = dir / "out",
                        .stderr_path = dir / "err"});
    const std::optional<int> status = child.wait(limit);
    return {.status = status.value_or(-1), .out = read_file(dir / "out"), .err = read_file(dir / "err")};
}

}  // namespace taskdns::testing_support
