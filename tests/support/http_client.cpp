// One HTTP/1.1 request over a connection of its own.
#include "support/http_client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>

namespace taskdns::testing_support {

namespace {

std::string exchange(std::uint16_t port, const std::string& request, std::chrono::milliseconds timeout) {
    const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(port);
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    std::string received;
    if (connect(descriptor, reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0 &&
        send(descriptor, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size())) {
        pollfd waiting{descriptor, POLLIN, 0};
        while (poll(&waiting, 1, static_cast<int>(timeout.count())) == 1) {
            char part[4096];
            const ssize_t size = recv(descriptor, part, sizeof part, 0);
            if (size <= 0) break;
            received.append(part, static_cast<std::size_t>(size));
        }
    }
    close(descriptor);
    return received;
}

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

}  // namespace

namespace {

HttpReply send_request(std::uint16_t port, const std::string& method, const std::string& target,
                       std::map<std::string, std::string> headers, const std::string& body,
                       std::chrono::milliseconds timeout) {
    headers.emplace("Host", "127.0.0.1:" + std::to_string(port));
    headers.emplace("Connection", "close");
    std::string request = method + " " + target + " HTTP/1.1\r\n";
    for (const auto& [name, value] : headers) request += name + ": " + value + "\r\n";
    const std::string received = exchange(port, request + "\r\n" + body, timeout);

    HttpReply reply;
    const auto end_of_head = received.find("\r\n\r\n");
    if (received.rfind("HTTP/1.", 0) != 0 || end_of_head == std::string::npos) return reply;
    std::istringstream head(received.substr(0, end_of_head));
    std::string version;
    head >> version >> reply.status;
    for (std::string line; std::getline(head, line);) {
        if (!line.empty() && line.back() == '\r') line.pop_back();
        const auto colon = line.find(": ");
        if (colon != std::string::npos) reply.headers[lower(line.substr(0, colon))] = line.substr(colon + 2);
    }
    reply.body = received.substr(end_of_head + 4);
    return reply;
}

}  // namespace

HttpReply http_get(std::uint16_t port, const std::string& target, std::map<std::string, std::string> headers,
                   const std::string& method, std::chrono::milliseconds timeout) {
    return send_request(port, method, target, std::move(headers), {}, timeout);
}

HttpReply http_change(std::uint16_t port, const std::string& method, const std::string& target,
                      const std::string& body) {
    return send_request(port, method, target,
                        {{"Content-Type", "application/json"}, {"Content-Length", std::to_string(body.size())}}, body,
                        std::chrono::seconds(5));
}

}  // namespace taskdns::testing_support
