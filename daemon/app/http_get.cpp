// One blocking GET over one TCP connection. Layer: app.
#include "app/http_get.hpp"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <system_error>

namespace taskdns::app {
namespace {

constexpr std::size_t longest_answer = 16 * 1024 * 1024;
constexpr std::string_view end_of_header = "\r\n\r\n";

/// A descriptor that is closed at the end, and the words for what goes wrong with it.
class Socket {
public:
    Socket(const SocketAddress& peer, milliseconds timeout)
        : peer_(peer), timeout_(timeout), deadline_(Clock::now() + timeout) {
        const int family = peer.address.is_v4() ? AF_INET : AF_INET6;
        descriptor_ = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    }
    ~Socket() {
        if (descriptor_ >= 0) ::close(descriptor_);
    }
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;

    std::optional<Error> connect() const;
    std::optional<Error> send(std::string_view text) const;
    /// Up to a buffer full; 0 at the end of the stream.
    Result<std::size_t> receive(std::array<char, 4096>& buffer) const;
    Error malformed(const std::string& what) const {
        return {Errc::malformed, peer_.to_string() + ": not an HTTP answer: " + what};
    }

private:
    std::optional<Error> wait(short events) const;
    Error failed(int error) const;

    SocketAddress peer_;
    milliseconds timeout_;
    TimePoint deadline_;
    int descriptor_ = -1;
};

Error Socket::failed(int error) const {
    const std::string text = peer_.to_string() + ": " + std::generic_category().message(error);
    if (error == ECONNREFUSED) return {Errc::refused, text};
    if (error == EMFILE || error == ENFILE || error == ENOMEM || error == EPERM || error == EACCES) {
        return {Errc::internal, text};
    }
    return {Errc::network, text};
}

std::optional<Error> Socket::wait(short events) const {
    while (true) {
        const auto left = std::chrono::ceil<milliseconds>(deadline_ - Clock::now());
        if (left.count() <= 0) {
            return Error{Errc::timeout, peer_.to_string() + ": no answer within " + format_duration(timeout_)};
        }
        pollfd entry{descriptor_, events, 0};
        const int ready = ::poll(&entry, 1, static_cast<int>(std::min<milliseconds::rep>(left.count(), 60'000)));
        if (ready > 0) return std::nullopt;
        if (ready < 0 && errno != EINTR) return failed(errno);
    }
}

std::optional<Error> Socket::connect() const {
    if (descriptor_ < 0) return failed(errno);
    sockaddr_storage storage{};
    socklen_t size = 0;
    const auto bytes = peer_.address.bytes();
    if (peer_.address.is_v4()) {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        v4.sin_port = htons(peer_.port);
        std::memcpy(&v4.sin_addr, bytes.data(), bytes.size());
        std::memcpy(&storage, &v4, size = sizeof v4);
    } else {
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(peer_.port);
        std::memcpy(&v6.sin6_addr, bytes.data(), bytes.size());
        std::memcpy(&storage, &v6, size = sizeof v6);
    }
    if (::connect(descriptor_, reinterpret_cast<const sockaddr*>(&storage), size) == 0) return std::nullopt;
    if (errno != EINPROGRESS) return failed(errno);
    if (auto error = wait(POLLOUT)) return error;
    int outcome = 0;
    socklen_t outcome_size = sizeof outcome;
    if (::getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &outcome, &outcome_size) != 0) return failed(errno);
    if (outcome != 0) return failed(outcome);
    return std::nullopt;
}

std::optional<Error> Socket::send(std::string_view text) const {
    while (!text.empty()) {
        const ssize_t sent = ::send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL);
        if (sent >= 0) {
            text.remove_prefix(static_cast<std::size_t>(sent));
            continue;
        }
        if (errno != EAGAIN && errno != EINTR) return failed(errno);
        if (auto error = wait(POLLOUT)) return error;
    }
    return std::nullopt;
}

Result<std::size_t> Socket::receive(std::array<char, 4096>& buffer) const {
    while (true) {
        if (auto error = wait(POLLIN)) return *error;
        const ssize_t received = ::recv(descriptor_, buffer.data(), buffer.size(), 0);
        if (received >= 0) return static_cast<std::size_t>(received);
        if (errno != EAGAIN && errno != EINTR) return failed(errno);
    }
}

std::optional<std::size_t> parse_number(std::string_view text) {
    std::size_t number = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || rest != text.data() + text.size()) return std::nullopt;
    return number;
}

/// `HTTP/1.1 200 OK`
std::optional<unsigned> parse_status_line(std::string_view line) {
    if (!line.starts_with("HTTP/1.") || line.size() < 12 || line[8] != ' ') return std::nullopt;
    if (line.size() > 12 && line[12] != ' ') return std::nullopt;
    const auto status = parse_number(line.substr(9, 3));
    if (!status || *status < 100) return std::nullopt;
    return static_cast<unsigned>(*status);
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

std::optional<std::string_view> find_field(std::string_view header, std::string_view name) {
    while (!header.empty()) {
        const std::string_view line = header.substr(0, header.find("\r\n"));
        header.remove_prefix(std::min(line.size() + 2, header.size()));
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos || !equal_ignoring_case(line.substr(0, colon), name)) continue;
        const std::size_t begin = line.find_first_not_of(" \t", colon + 1);
        if (begin == std::string_view::npos) return std::string_view{};
        return line.substr(begin, line.find_last_not_of(" \t") - begin + 1);
    }
    return std::nullopt;
}

/// What has arrived so far.
struct Progress {
    bool complete = false;
    std::string mistake;  ///< not empty: this will never be an answer
    HttpAnswer answer;    ///< once complete
};

/// Takes off the first header in `rest`, its last line's end included; null if it has not all arrived.
std::optional<std::string_view> take_header(std::string_view& rest) {
    const std::size_t end = rest.find(end_of_header);
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view header = rest.substr(0, end + 2);
    rest.remove_prefix(end + end_of_header.size());
    return header;
}

Progress parse_answer(std::string_view rest, bool at_end) {
    std::string_view header;
    std::optional<unsigned> status;
    do {  // past interim answers such as 100
        const auto next = take_header(rest);
        if (!next) return {false, at_end ? "the connection closed within the header" : "", {}};
        header = *next;
        status = parse_status_line(header.substr(0, header.find("\r\n")));
        if (!status) return {false, "the first line is no status line", {}};
    } while (*status < 200);
    if (find_field(header, "Transfer-Encoding")) return {false, "Transfer-Encoding is not understood here", {}};
    const auto field = find_field(header, "Content-Length");
    if (!field) return at_end ? Progress{true, "", {*status, std::string(rest)}} : Progress{};
    const auto length = parse_number(*field);
    if (!length) return {false, "Content-Length is no number", {}};
    if (rest.size() < *length) return {false, at_end ? "the connection closed within the body" : "", {}};
    return {true, "", {*status, std::string(rest.substr(0, *length))}};
}

}  // namespace

Result<HttpAnswer> http_get(const SocketAddress& address, std::string_view path, milliseconds timeout,
                            std::string_view accept) {
    const Socket socket(address, timeout);
    if (const auto error = socket.connect()) return *error;
    const std::string request = "GET " + std::string(path) + " HTTP/1.1\r\nHost: " + address.to_string() +
                                "\r\nAccept: " + std::string(accept) + "\r\nConnection: close\r\n\r\n";
    if (const auto error = socket.send(request)) return *error;

    std::string received;
    std::array<char, 4096> buffer{};
    while (true) {
        const Result<std::size_t> size = socket.receive(buffer);
        if (!size) return size.error();
        received.append(buffer.data(), *size);
        Progress progress = parse_answer(received, *size == 0);
        if (progress.complete) return std::move(progress.answer);
        if (!progress.mistake.empty()) return socket.malformed(progress.mistake);
        if (received.size() > longest_answer) return socket.malformed("longer than 16 MiB");
    }
}

}  // namespace taskdns::app
