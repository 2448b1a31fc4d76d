// Many tasks in one thread.
#include "support/many_backends.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string_view>

#include "support/pick_port.hpp"

namespace taskdns::testing_support {
namespace {

int listen_on(const std::string& address, std::uint16_t port) {
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(port);
    inet_pton(AF_INET, address.c_str(), &where.sin_addr);
    if (bind(listener, reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0 || listen(listener, 256) != 0) {
        const std::string reason = std::strerror(errno);
        close(listener);
        throw std::runtime_error("backend " + address + ":" + std::to_string(port) + ": " + reason);
    }
    return listener;
}

void watch(int epoll, int descriptor) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = descriptor;
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) != 0) throw std::runtime_error("epoll_ctl failed");
}

}  // namespace

ManyBackends::ManyBackends(const std::vector<std::string>& addresses, Conduct first)
    : addresses_(addresses),
      port_(pick_port(addresses)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      stop_(eventfd(0, EFD_CLOEXEC)) {
    watch(epoll_, stop_);
    for (const std::string& address : addresses) change(tasks_[address], address, first);
    thread_ = std::thread([this] { serve(); });
}

ManyBackends::~ManyBackends() {
    const std::uint64_t one = 1;
    while (write(stop_, &one, sizeof one) < 0 && errno == EINTR) {
    }
    thread_.join();
    for (const auto& [listener, task] : listeners_) close(listener);
    for (const auto& [connection, conversation] : conversations_) close(connection);
    close(stop_);
    close(epoll_);
}

void ManyBackends::set(const std::string& address, Conduct conduct) {
    const std::lock_guard lock(mutex_);
    change(tasks_.at(address), address, conduct);
}

void ManyBackends::set_all(Conduct conduct) {
    const std::lock_guard lock(mutex_);
    for (auto& [address, task] : tasks_) change(task, address, conduct);
}

unsigned ManyBackends::connections(const std::string& address) const {
    const std::lock_guard lock(mutex_);
    return tasks_.at(address).connections;
}

unsigned ManyBackends::wordless(const std::string& address) const {
    const std::lock_guard lock(mutex_);
    return tasks_.at(address).wordless;
}

void ManyBackends::change(Task& task, const std::string& address, Conduct conduct) {
    task.conduct = conduct;
    if (conduct == Conduct::refuses && task.listener >= 0) {
        listeners_.erase(task.listener);
        close(task.listener);  // which ends its watch too
        task.listener = -1;
    } else if (conduct != Conduct::refuses && task.listener < 0) {
        task.listener = listen_on(address, port_);
        listeners_[task.listener] = &task;
        watch(epoll_, task.listener);
    }
}

void ManyBackends::serve() {
    for (;;) {
        epoll_event events[64];
        const int count = epoll_wait(epoll_, events, 64, -1);
        for (int i = 0; i < count; ++i) {
            const int descriptor = events[i].data.fd;
            if (descriptor == stop_) return;
            const std::lock_guard lock(mutex_);
            if (const auto found = listeners_.find(descriptor); found != listeners_.end()) {
                accept_from(*found->second);
            } else if (conversations_.contains(descriptor)) {
                converse(descriptor);
            }
        }
    }
}

void ManyBackends::accept_from(Task& task) {
    const int connection = accept4(task.listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (connection < 0) return;
    ++task.connections;
    conversations_[connection] = {.task = &task};
    watch(epoll_, connection);
}

/// What comes in one piece is a request.
void ManyBackends::converse(int connection) {
    char request[4096];
    const ssize_t size = recv(connection, request, sizeof request, 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    Conversation& conversation = conversations_.at(connection);
    if (size <= 0 && !conversation.spoke) ++conversation.task->wordless;
    if (size > 0) {
        conversation.spoke = true;
        if (conversation.task->conduct == Conduct::silent) return;
        const std::string_view text(request, static_cast<std::size_t>(size));
        const bool keep = text.starts_with("GET /stay ");
        const std::string response = "HTTP/1.1 200 OK\r\nConnection: " + std::string(keep ? "keep-alive" : "close") +
                                     "\r\nContent-Length: 3\r\n\r\nok\n";
        send(connection, response.data(), response.size(), MSG_NOSIGNAL);
        if (keep) return;
    }
    conversations_.erase(connection);
    close(connection);
}

std::vector<std::string> address_range(const std::string& prefix, unsigned first, unsigned count) {
    std::vector<std::string> out;
    for (unsigned i = 0; i < count; ++i) out.push_back(prefix + std::to_string(first + i));
    return out;
}

}  // namespace taskdns::testing_support
