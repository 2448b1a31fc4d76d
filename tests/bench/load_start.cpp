// From exec to the first right answer of a server. Part of bench_load.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <thread>

#include "bench/load_descriptor.hpp"
#include "bench/load_modes.hpp"

namespace taskdns::bench {
namespace {

using namespace std::chrono_literals;

constexpr auto start_limit = 10s;
constexpr auto stop_limit = 5s;
constexpr auto between_queries = 200us;  // a query costs the starting server nothing until it has its socket

/// In the child: tells `parent` the time, and becomes the server.
[[noreturn]] void become(const std::vector<std::string>& command, int cpu, const Descriptor& parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    pin(0, cpu);
    std::vector<char*> arguments;
    for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    const Clock::time_point now = Clock::now();  // the same clock in every process
    if (::write(parent.get(), &now, sizeof now) != sizeof now) _exit(126);
    ::execvp(arguments[0], arguments.data());
    _exit(127);
}

/// A server that is stopped when this goes.
class Server {
public:
    explicit Server(const Options& options) {
        if (options.command.empty()) throw std::runtime_error("start: no command after --");
        std::array<int, 2> pipe_ends{};
        if (::pipe2(pipe_ends.data(), O_CLOEXEC) != 0) fail("pipe2");
        const Descriptor from_child(pipe_ends[0]);
        Descriptor to_parent(pipe_ends[1]);
        pid_ = ::fork();
        if (pid_ < 0) fail("fork");
        if (pid_ == 0) become(options.command, options.server_cpu, to_parent);
        to_parent = Descriptor();
        if (::read(from_child.get(), &started_, sizeof started_) != sizeof started_) fail("read");
    }
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    ~Server() {
        if (ended()) return;
        ::kill(pid_, SIGTERM);
        for (const auto limit = Clock::now() + stop_limit; Clock::now() < limit;) {
            if (ended()) return;
            std::this_thread::sleep_for(1ms);
        }
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }

    Clock::time_point started() const { return started_; }
    bool ended() {
        if (!ended_) ended_ = ::waitpid(pid_, nullptr, WNOHANG) == pid_;
        return ended_;
    }

private:
    [[noreturn]] static void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

    pid_t pid_ = -1;
    Clock::time_point started_;
    bool ended_ = false;
};

/// True once a right answer is there. Until the server has its socket, queries are refused at once.
bool answers(const Descriptor& socket, const Options& options) {
    std::array<std::uint8_t, 2048> answer;
    for (;;) {
        const ssize_t length = ::recv(socket.get(), answer.data(), answer.size(), MSG_DONTWAIT);
        if (length < 0) return false;
        if (is_right({answer.data(), static_cast<std::size_t>(length)}, options.records)) return true;
    }
}

}  // namespace

std::string run_start(const Options& options, Questions& questions) {
    const Descriptor socket = udp_socket(options.port);
    Server server(options);
    auto next = server.started();
    std::uint16_t id = 0;
    for (auto now = next; !answers(socket, options); now = Clock::now()) {
        if (now - server.started() > start_limit) throw std::runtime_error("start: no right answer in 10 s");
        if (now < next) continue;
        if (server.ended()) throw std::runtime_error("start: the server ended");
        next = now + between_queries;
        std::array<std::uint8_t, longest_query> query;
        const std::size_t length = questions.write_next(query.data(), ++id);
        static_cast<void>(::send(socket.get(), query.data(), length, MSG_DONTWAIT));  // refused: asked again
    }
    const std::chrono::duration<double, std::milli> took = Clock::now() - server.started();
    std::ostringstream out;
    out << "{\"mode\": \"start\", \"start_ms\": " << took.count() << '}';
    return out.str();
}

}  // namespace taskdns::bench
