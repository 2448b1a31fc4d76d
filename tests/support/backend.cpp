// A real HTTP server on a loopback address.
#include "support/backend.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>

#include "support/pick_port.hpp"

namespace taskdns::testing_support {

namespace {

// Reads one request head and answers it; a peer that only connects, as a TCP probe does, costs nothing.
void answer_one(int connection, unsigned status, const std::string& body) {
    const timeval limit{0, 200'000};
    setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    std::string request;
    while (request.find("\r\n\r\n") == std::string::npos) {
        char part[1024];
        const ssize_t size = recv(connection, part, sizeof part, 0);
        if (size <= 0) return;
        request.append(part, static_cast<std::size_t>(size));
    }
    const std::string response =
        "HTTP/1.1 " + std::to_string(status) +
        " Status\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) +
        "\r\n\r\n" + body;
    send(connection, response.data(), response.size(), MSG_NOSIGNAL);
}

}  // namespace

Backend::Backend(std::string address, std::uint16_t port) : address_(std::move(address)), port_(port) { start(); }

Backend::~Backend() { kill(); }

void Backend::start() {
    if (listener_ >= 0) return;
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(port_);
    inet_pton(AF_INET, address_.c_str(), &where.sin_addr);
    if (bind(listener_, reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0 || listen(listener_, 64) != 0) {
        const std::string reason = std::strerror(errno);
        close(listener_);
        listener_ = -1;
        throw std::runtime_error("backend " + address_ + ":" + std::to_string(port_) + ": " + reason);
    }
    stopping_ = false;
    thread_ = std::thread([this] { serve(); });
}

void Backend::kill() {
    if (listener_ < 0) return;
    stopping_ = true;
    shutdown(listener_, SHUT_RDWR);  // wakes the thread; refuses from here on
    thread_.join();
    close(listener_);
    listener_ = -1;
}

void Backend::serve() {
    while (!stopping_) {
        const int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (connection < 0) continue;
        ++connections_;
        answer_one(connection, status_, address_ + "\n");
        close(connection);
    }
}

Backends::Backends(const std::vector<std::string>& addresses) : addresses_(addresses), port_(pick_port(addresses)) {
    for (const std::string& address : addresses) backends_.push_back(std::make_unique<Backend>(address, port_));
}

Backend& Backends::operator[](const std::string& address) {
    for (const auto& backend : backends_) {
        if (backend->address() == address) return *backend;
    }
    throw std::out_of_range("no backend at " + address);
}

}  // namespace taskdns::testing_support
