// One datagram per change of state; the protocol is too small for a library. Layer: task.
#include "task/service_manager.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstdlib>
#include <cstring>
#include <ctime>
#include <utility>

#include "base/descriptor.hpp"

namespace taskdns::task {
namespace {

std::string take_notify_socket() {
    const char* value = std::getenv("NOTIFY_SOCKET");
    std::string socket = value == nullptr ? "" : value;
    ::unsetenv("NOTIFY_SOCKET");
    return socket;
}

std::string count(std::size_t services) {
    return "answering for " + std::to_string(services) + (services == 1 ? " service" : " services");
}

}  // namespace

ServiceManager::ServiceManager() : ServiceManager(take_notify_socket()) {}

ServiceManager::ServiceManager(std::string socket) : socket_(std::move(socket)) {}

void ServiceManager::tell_ready(std::size_t services) const { tell("READY=1\nSTATUS=" + count(services)); }

void ServiceManager::tell_reloading() const {
    // Type=notify-reload wants the time, so that a READY=1 from before is not taken for the answer.
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    const auto microseconds = static_cast<long long>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1'000;
    tell("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(microseconds) + "\nSTATUS=reading the configuration");
}

void ServiceManager::tell_reloaded(std::size_t services, bool well) const {
    tell("READY=1\nSTATUS=" + count(services) + (well ? "" : "; the reload failed: `taskdns status` says why"));
}

void ServiceManager::tell_stopping() const { tell("STOPPING=1\nSTATUS=stopping"); }

bool ServiceManager::tell(std::string_view state) const {
    sockaddr_un address{};
    if (socket_.size() < 2 || socket_.size() > sizeof(address.sun_path)) return false;
    if (socket_.front() != '/' && socket_.front() != '@') return false;  // vsock: and a number, in virtual machines
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, socket_.data(), socket_.size());
    if (socket_.front() == '@') address.sun_path[0] = '\0';
    // The length ends the name: an abstract one has no other end, and a path need not.
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());

    const Descriptor channel(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!channel.open()) return false;
    const auto sent = ::sendto(channel.number(), state.data(), state.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                               reinterpret_cast<const sockaddr*>(&address), length);
    return sent == static_cast<ssize_t>(state.size());
}

}  // namespace taskdns::task
