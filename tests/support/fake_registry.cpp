// A registry that runs by itself while a test does something else.
#include "support/fake_registry.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <span>
#include <stdexcept>

namespace taskdns::testing_support {
namespace {

constexpr std::size_t header_size = 12;

std::string dotted(const dns::Bytes& address) {
    char text[INET_ADDRSTRLEN] = {};
    inet_ntop(AF_INET, address.data(), text, sizeof text);
    return text;
}

}  // namespace

Registered registered(const std::string& name, const std::vector<std::string>& addresses, std::uint32_t ttl,
                      std::size_t shown) {
    Registered held{.records = {}, .shown = shown};
    for (const std::string& address : addresses) held.records.push_back(a(name, address, ttl));
    return held;
}

FakeRegistry::FakeRegistry(const char* address, std::uint16_t port)
    : socket_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(port);
    inet_pton(AF_INET, address, &where.sin_addr);
    auto* const any = reinterpret_cast<sockaddr*>(&where);
    socklen_t length = sizeof where;
    if (bind(socket_, any, length) != 0 || getsockname(socket_, any, &length) != 0) {
        throw std::runtime_error("FakeRegistry: no port");
    }
    port_ = ntohs(where.sin_port);
    thread_ = std::thread([this] { serve(); });
}

FakeRegistry::~FakeRegistry() {
    stopping_ = true;
    thread_.join();
    close(socket_);
}

void FakeRegistry::set(const std::string& name, dns::RrType type, Registered held) {
    const std::lock_guard lock(mutex_);
    held_[{question(name, type).name, type}] = std::move(held);
}

void FakeRegistry::set(const std::string& name, const std::vector<std::string>& addresses, std::uint32_t ttl,
                       std::size_t shown) {
    set(name, dns::RrType::a, registered(name, addresses, ttl, shown));
}

std::vector<FakeRegistry::Answered> FakeRegistry::answers(const std::string& name, dns::RrType type) const {
    const std::lock_guard lock(mutex_);
    const auto found = answers_.find({question(name, type).name, type});
    return found == answers_.end() ? std::vector<Answered>() : found->second;
}

void FakeRegistry::serve() {
    while (!stopping_) {
        pollfd waiting{socket_, POLLIN, 0};
        if (poll(&waiting, 1, 20) != 1) continue;
        dns::Bytes query(2048);
        sockaddr_storage client{};
        socklen_t client_length = sizeof client;
        const ssize_t size =
            recvfrom(socket_, query.data(), query.size(), 0, reinterpret_cast<sockaddr*>(&client), &client_length);
        if (size < 0) continue;
        query.resize(static_cast<std::size_t>(size));
        answer_one(query, &client, client_length);
    }
}

/// A question that is not understood gets no answer.
void FakeRegistry::answer_one(const dns::Bytes& query, const void* client, unsigned client_length) {
    std::size_t end = header_size;
    while (end < query.size() && query[end] != 0) end += query[end] + 1U;
    if (end + 5 > query.size()) return;
    const auto name = dns::Name::from_wire(std::span(query).subspan(header_size, end + 1 - header_size));
    if (!name) return;
    const auto type = static_cast<dns::RrType>(query[end + 1] << 8 | query[end + 2]);
    const auto id = static_cast<std::uint16_t>(query[0] << 8 | query[1]);

    const std::lock_guard lock(mutex_);
    const Registered& held = held_[{*name, type}];
    if (held.silent) return;
    const Sections sections = draw(held);
    const dns::Bytes message = write_response(id, {*name, type}, sections);
    Answered said{.at = std::chrono::steady_clock::now(), .records = sections.answer.size(), .addresses = {}};
    for (const Rr& record : sections.answer) {
        if (record.type == dns::RrType::a) said.addresses.push_back(dotted(record.rdata));
    }
    answers_[{*name, type}].push_back(std::move(said));
    sendto(socket_, message.data(), message.size(), 0, static_cast<const sockaddr*>(client), client_length);
}

Sections FakeRegistry::draw(const Registered& held) {
    if (held.records.empty()) {
        return {.rcode = dns::Rcode::nxdomain, .authority = {soa("test", 1, 1)}};
    }
    Sections sections{.answer = held.records, .additional = held.additional};
    std::shuffle(sections.answer.begin(), sections.answer.end(), random_);
    if (held.shown > 0 && held.shown < sections.answer.size()) sections.answer.resize(held.shown);
    return sections;
}

}  // namespace taskdns::testing_support
