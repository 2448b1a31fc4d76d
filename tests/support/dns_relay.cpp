// Notes every question that passes between the daemon and its resolver.
#include "support/dns_relay.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>

namespace taskdns::testing_support {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

std::chrono::seconds RelayedQuery::ttl() const {
    const std::vector<DnsRecord>& records = reply.answer.empty() ? reply.authority : reply.answer;
    if (records.empty()) return 0s;
    const auto least = std::min_element(records.begin(), records.end(),
                                        [](const DnsRecord& a, const DnsRecord& b) { return a.ttl < b.ttl; });
    return std::chrono::seconds(least->ttl);
}

DnsRelay::DnsRelay(std::uint16_t resolver_port)
    : resolver_port_(resolver_port), listener_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof where;
    if (bind(listener_, reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0 ||
        getsockname(listener_, reinterpret_cast<sockaddr*>(&where), &length) != 0) {
        close(listener_);
        throw std::runtime_error("DnsRelay: cannot bind");
    }
    port_ = ntohs(where.sin_port);
    thread_ = std::thread([this] { serve(); });
}

DnsRelay::~DnsRelay() {
    stopping_ = true;
    thread_.join();
    close(listener_);
}

void DnsRelay::serve() {
    while (!stopping_) {
        pollfd waiting{listener_, POLLIN, 0};
        if (poll(&waiting, 1, 20) != 1) continue;
        WireBytes packet(65'535);
        sockaddr_in client{};
        socklen_t client_length = sizeof client;
        const ssize_t size = recvfrom(listener_, packet.data(), packet.size(), 0,
                                      reinterpret_cast<sockaddr*>(&client), &client_length);
        if (size < 12) continue;
        packet.resize(static_cast<std::size_t>(size));
        relay_one(packet, &client, client_length);
    }
}

// One after the other: the daemons under test have few questions under way, and unbound answers in a millisecond.
void DnsRelay::relay_one(const WireBytes& packet, const void* client, unsigned client_length) {
    RelayedQuery noted{.asked = steady_clock::now(), .answered = {}, .question = {}, .reply = {}};
    noted.question = parse_reply(packet).question;
    std::size_t index = 0;
    {
        const std::lock_guard lock(mutex_);
        index = queries_.size();
        queries_.push_back(noted);
    }
    if (silent_) return;
    const std::optional<WireBytes> answer = exchange_raw(packet, resolver_port_, 1s);
    if (!answer) return;
    {
        const std::lock_guard lock(mutex_);
        queries_[index].reply = parse_reply(*answer);
        queries_[index].answered = steady_clock::now();
    }
    sendto(listener_, answer->data(), answer->size(), 0, static_cast<const sockaddr*>(client), client_length);
}

std::vector<RelayedQuery> DnsRelay::queries() const {
    const std::lock_guard lock(mutex_);
    return queries_;
}

std::vector<RelayedQuery> DnsRelay::queries(const std::string& question) const {
    std::vector<RelayedQuery> result = queries();
    std::erase_if(result, [&question](const RelayedQuery& query) { return query.question != question; });
    return result;
}

}  // namespace taskdns::testing_support
