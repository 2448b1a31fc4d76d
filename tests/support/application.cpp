// An application that connects, and goes on connecting.
#include "support/application.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <string_view>

namespace taskdns::testing_support {
namespace {

using std::chrono::duration_cast;
using std::chrono::nanoseconds;

int connect_to(int socket, const Turn& turn) {
    if (turn.mapped) {
        sockaddr_in6 where{};
        where.sin6_family = AF_INET6;
        where.sin6_port = htons(turn.port);
        inet_pton(AF_INET6, ("::ffff:" + turn.address).c_str(), &where.sin6_addr);
        return connect(socket, reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0 ? 0 : errno;
    }
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(turn.port);
    inet_pton(AF_INET, turn.address.c_str(), &where.sin_addr);
    return connect(socket, reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0 ? 0 : errno;
}

/// As connect_to() would without O_NONBLOCK; the kernel ends a socket differently whose connect(2) waited.
int wait_in_connect(int socket, const Turn& turn) {
    const int flags = fcntl(socket, F_GETFL);
    const auto seconds = duration_cast<std::chrono::seconds>(turn.connect_timeout).count();
    const timeval limit{.tv_sec = seconds, .tv_usec = 0};
    setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    fcntl(socket, F_SETFL, flags & ~O_NONBLOCK);
    const int error = connect_to(socket, turn);
    fcntl(socket, F_SETFL, flags);
    return error;
}

void reset_and_close(int socket) {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(socket);
}

}  // namespace

Application::Application(std::vector<Turn> turns, std::chrono::microseconds period)
    : turns_(std::move(turns)), period_(period), thread_([this] { work(); }) {}

Application::~Application() {
    stopping_ = true;
    thread_.join();
    for (const Attempt& attempt : attempts_) close(attempt.socket);
}

Met Application::met(const std::string& address, std::uint16_t port) const {
    const std::lock_guard lock(mutex_);
    const auto found = met_.find({address, port});
    Met result = found == met_.end() ? Met{} : found->second;
    for (const Attempt& attempt : attempts_) {
        if (attempt.connected || attempt.turn->address != address || attempt.turn->port != port) continue;
        result.waiting_since = std::min(result.waiting_since.value_or(attempt.began), attempt.began);
    }
    return result;
}

void Application::work() {
    std::size_t turn = 0;
    for (auto next = Clock::now(); !stopping_;) {
        if (Clock::now() >= next) {
            begin(turns_[turn++ % turns_.size()]);
            next = std::max(next + period_, Clock::now() - period_);
        }
        wait(next);
    }
}

void Application::begin(const Turn& turn) {
    const int descriptor = socket(turn.mapped ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return;
    const auto began = Clock::now();
    const int error = turn.blocking ? wait_in_connect(descriptor, turn) : connect_to(descriptor, turn);
    Attempt attempt{.socket = descriptor, .turn = &turn, .began = began, .deadline = began + turn.connect_timeout};
    const std::lock_guard lock(mutex_);
    const bool goes_on = turn.manner == Manner::abort ? false
                         : error == 0                 ? connected(attempt)
                         : error == EINPROGRESS       ? true
                                                      : failed(attempt, error);
    if (goes_on) {
        attempts_.push_back(attempt);
    } else {
        close(descriptor);
    }
}

/// Until something happens to a connection, a deadline has passed, or the time has come.
void Application::wait(Clock::time_point until) {
    std::vector<pollfd> waiting;
    for (const Attempt& attempt : attempts_) {
        const auto events = static_cast<short>(attempt.connected ? POLLIN : POLLOUT);
        waiting.push_back({.fd = attempt.socket, .events = events, .revents = 0});
        until = std::min(until, attempt.deadline);
    }
    const auto left = std::max(nanoseconds(0), duration_cast<nanoseconds>(until - Clock::now()));
    const timespec limit{.tv_sec = left.count() / 1'000'000'000, .tv_nsec = left.count() % 1'000'000'000};
    ppoll(waiting.data(), waiting.size(), &limit, nullptr);

    const std::lock_guard lock(mutex_);
    std::vector<Attempt> remaining;
    for (std::size_t i = 0; i < attempts_.size(); ++i) {
        Attempt& attempt = attempts_[i];
        const bool goes_on = waiting[i].revents != 0 ? advance(attempt) : !expired(attempt);
        if (goes_on) {
            remaining.push_back(attempt);
        } else if (attempt.turn->manner == Manner::reset) {
            reset_and_close(attempt.socket);
        } else {
            close(attempt.socket);
        }
    }
    attempts_ = std::move(remaining);
}

// What follows says whether the attempt goes on; if not, its socket is closed.

bool Application::advance(Attempt& attempt) {
    if (attempt.connected) return read(attempt);
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(attempt.socket, SOL_SOCKET, SO_ERROR, &error, &size);
    return error == 0 ? connected(attempt) : failed(attempt, error);
}

bool Application::connected(Attempt& attempt) {
    ++met_[{attempt.turn->address, attempt.turn->port}].connected;
    attempt.connected = true;
    attempt.deadline = Clock::now() + attempt.turn->read_timeout;
    if (attempt.turn->manner == Manner::silence) return true;
    constexpr std::string_view request = "GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n";
    if (send(attempt.socket, request.data(), request.size(), MSG_NOSIGNAL) < 0) return false;
    if (attempt.turn->manner == Manner::half_close) shutdown(attempt.socket, SHUT_WR);
    return true;
}

bool Application::failed(const Attempt& attempt, int error) {
    Met& met = met_[{attempt.turn->address, attempt.turn->port}];
    if (error == ETIMEDOUT) ++met.timed_out;
    if (error != ECONNREFUSED) return false;
    ++met.refused;
    met.first_refused = std::min(met.first_refused.value_or(attempt.began), attempt.began);
    return false;
}

bool Application::read(Attempt& attempt) {
    char part[4096];
    const ssize_t size = recv(attempt.socket, part, sizeof part, 0);
    if (size < 0) return errno == EAGAIN || errno == EINTR;
    if (size > 0) ++met_[{attempt.turn->address, attempt.turn->port}].answered;
    return size > 0 && attempt.turn->manner != Manner::reset;
}

bool Application::expired(const Attempt& attempt) {
    if (Clock::now() < attempt.deadline) return false;
    if (!attempt.connected) ++met_[{attempt.turn->address, attempt.turn->port}].timed_out;
    return true;
}

std::vector<Turn> turns_to(const std::vector<std::string>& addresses, const Turn& turn) {
    std::vector<Turn> turns;
    for (const std::string& address : addresses) {
        turns.push_back(turn);
        turns.back().address = address;
    }
    return turns;
}

}  // namespace taskdns::testing_support
