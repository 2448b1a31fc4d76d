// A FakeUpstream that runs by itself, and a forger.
#include "support/hostile_upstream.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <future>
#include <sstream>
#include <stdexcept>

#include <boost/asio/post.hpp>

#include "support/child_process.hpp"

namespace taskdns::testing_support {
namespace {

sockaddr_in endpoint(const std::string& address, std::uint16_t port) {
    sockaddr_in out{};
    out.sin_family = AF_INET;
    out.sin_port = htons(port);
    if (inet_pton(AF_INET, address.c_str(), &out.sin_addr) != 1) throw std::invalid_argument(address);
    return out;
}

}  // namespace

template <class Task>
auto HostileUpstream::on_its_thread(Task task) {
    std::packaged_task<decltype(task())()> packaged(std::move(task));
    auto result = packaged.get_future();
    asio::post(io_, std::move(packaged));
    return result.get();
}

HostileUpstream::HostileUpstream() : upstream_(std::make_unique<FakeUpstream>(io_)) {
    port_ = upstream_->address().port;
    thread_ = std::thread([this] { io_.run(); });
}

HostileUpstream::~HostileUpstream() {
    io_.stop();
    thread_.join();
}

void HostileUpstream::on(const std::string& name, dns::RrType type, Reply reply) {
    on_its_thread([&] { upstream_->on(name, type, std::move(reply)); });
}

std::size_t HostileUpstream::times_asked(const std::string& name, dns::RrType type) {
    return on_its_thread([&] { return upstream_->times_asked(name, type); });
}

std::optional<Seen> HostileUpstream::wait_for(const std::string& name, dns::RrType type) {
    std::optional<Seen> found;
    const dns::Question wanted = question(name, type);
    wait_until(std::chrono::seconds(8), [&] {
        on_its_thread([&] {
            for (const Seen& seen : upstream_->seen()) {
                if (seen.question == wanted) found = seen;
            }
        });
        return found.has_value();
    });
    return found;
}

void HostileUpstream::forge(const std::vector<dns::Bytes>& messages, std::uint16_t to_port) {
    on_its_thread([&] {
        for (const dns::Bytes& message : messages) upstream_->send_datagram(message, to_port);
    });
}

Forger::Forger(const std::string& address, std::uint16_t port)
    : socket_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    const sockaddr_in here = endpoint(address, port);
    if (bind(socket_, reinterpret_cast<const sockaddr*>(&here), sizeof here) != 0) {
        throw std::runtime_error("the forger cannot have " + address + ":" + std::to_string(port));
    }
}

Forger::~Forger() { close(socket_); }

void Forger::send(const dns::Bytes& message, std::uint16_t to_port) const {
    const sockaddr_in there = endpoint("127.0.0.1", to_port);
    // It may be refused: what came before has met no socket that would hear it.
    static_cast<void>(sendto(socket_, message.data(), message.size(), MSG_DONTWAIT,
                             reinterpret_cast<const sockaddr*>(&there), sizeof there));
}

bool query_waits(std::uint16_t port, std::uint16_t server_port) {
    const auto ends_with = [](const std::string& place, std::uint16_t wanted) {
        const std::size_t colon = place.find(':');
        return colon != std::string::npos && std::stoul(place.substr(colon + 1), nullptr, 16) == wanted;
    };
    std::ifstream table("/proc/net/udp");
    std::string line;
    std::getline(table, line);  // the headings
    while (std::getline(table, line)) {
        std::istringstream fields(line);
        std::string slot;
        std::string local;
        std::string remote;
        fields >> slot >> local >> remote;
        if (ends_with(local, port) && ends_with(remote, server_port)) return true;
    }
    return false;
}

}  // namespace taskdns::testing_support
