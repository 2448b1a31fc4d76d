// The event filter and the dump request, judged by the kernel that runs them: no interpreter of our own.
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <memory>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "health/tcp_diag.hpp"

namespace taskdns::health {
namespace {

using Ports = std::vector<std::uint16_t>;
using testing::ElementsAre;

class Descriptor {
public:
    explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() { close(descriptor_); }
    int get() const { return descriptor_; }

private:
    int descriptor_;
};

/// `count` ports from `first` on, each `step` above the one before.
Ports ports_from(unsigned first, unsigned count, unsigned step = 1) {
    Ports ports;
    for (unsigned i = 0; i < count; ++i) ports.push_back(static_cast<std::uint16_t>(first + i * step));
    return ports;
}

using Message = std::array<char, sizeof(nlmsghdr) + sizeof(inet_diag_msg)>;

Message message_of(std::uint16_t type, std::uint16_t flags, std::uint16_t port) {
    nlmsghdr header{};
    header.nlmsg_len = sizeof(Message);
    header.nlmsg_type = type;
    header.nlmsg_flags = flags;
    inet_diag_msg body{};
    body.id.idiag_dport = htons(port);
    body.id.idiag_sport = htons(static_cast<std::uint16_t>(~port));
    Message message;
    std::memcpy(message.data(), &header, sizeof header);
    std::memcpy(message.data() + sizeof header, &body, sizeof body);
    return message;
}

/// A pair of sockets with the filter between them.
class Filtered {
public:
    explicit Filtered(const Ports& ports) {
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends_), 0);
        std::vector<sock_filter> code = make_event_filter(ports);
        EXPECT_LE(code.size(), std::size_t{BPF_MAXINSNS});
        const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
        EXPECT_EQ(setsockopt(ends_[1], SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program), 0) << errno;
    }
    Filtered(const Filtered&) = delete;
    Filtered& operator=(const Filtered&) = delete;
    ~Filtered() {
        close(ends_[0]);
        close(ends_[1]);
    }

    bool passes(std::span<const char> message) const {
        EXPECT_EQ(send(ends_[0], message.data(), message.size(), 0), static_cast<ssize_t>(message.size()));
        Message received;
        const ssize_t size = recv(ends_[1], received.data(), received.size(), 0);
        EXPECT_TRUE(size < 0 || size == static_cast<ssize_t>(message.size())) << "cut to " << size;
        return size >= 0;
    }
    bool passes(unsigned port) const {
        return passes(message_of(SOCK_DIAG_BY_FAMILY, 0, static_cast<std::uint16_t>(port)));
    }

private:
    int ends_[2] = {-1, -1};
};

struct FilterRow {
    const char* name;
    Ports ports;
};
void PrintTo(const FilterRow& row, std::ostream* out) { *out << row.name; }

class EventFilter : public testing::TestWithParam<FilterRow> {};

TEST_P(EventFilter, PassesTheEventsOfItsPortsAndWhateverIsNoEvent) {
    const Filtered filtered(GetParam().ports);
    std::vector<bool> expected(65536, GetParam().ports.size() > most_filtered_ports);
    for (const std::uint16_t port : GetParam().ports) expected[port] = true;
    for (unsigned port = 0; port < 65536; ++port) ASSERT_EQ(filtered.passes(port), expected[port]) << port;

    EXPECT_TRUE(filtered.passes(message_of(NLMSG_ERROR, 0, 7)));
    EXPECT_TRUE(filtered.passes(message_of(SOCK_DIAG_BY_FAMILY, NLM_F_MULTI, 7)));
    const Message done = message_of(NLMSG_DONE, NLM_F_MULTI, 7);
    EXPECT_TRUE(filtered.passes(std::span(done).first(sizeof(nlmsghdr))));
    const Message cut = message_of(SOCK_DIAG_BY_FAMILY, 0, 7);
    EXPECT_EQ(filtered.passes(std::span(cut).first(23)), GetParam().ports.size() > most_filtered_ports);
}

TEST(WipedEvents, PassWhereThereIsAnAddressButNoPort) {
    constexpr std::size_t address_at = sizeof(nlmsghdr) + offsetof(inet_diag_msg, id.idiag_dst);
    const Filtered filtered({8080});
    EXPECT_FALSE(filtered.passes(0)) << "a socket that was never connected";
    for (std::size_t octet = 0; octet < 16; ++octet) {
        Message message = message_of(SOCK_DIAG_BY_FAMILY, 0, 0);
        message[address_at + octet] = 1;
        EXPECT_TRUE(filtered.passes(message)) << octet;
        EXPECT_FALSE(Filtered({}).passes(message)) << octet;
    }
}

INSTANTIATE_TEST_SUITE_P(
    Kernel, EventFilter,
    testing::Values(FilterRow{"None", {}}, FilterRow{"One", {8080}}, FilterRow{"Lowest", {1}},
                    FilterRow{"Highest", {65535}}, FilterRow{"Edges", {65535, 1}},
                    FilterRow{"Five", {443, 8080, 80, 8443, 8081}}, FilterRow{"Twice", {80, 81, 80, 81}},
                    FilterRow{"ARange", ports_from(65436, 100)}, FilterRow{"OneBetweenTwo", {9001, 9003, 9002}},
                    FilterRow{"Bytes", {0x1F90, 0x901F}}, FilterRow{"ThousandInARow", ports_from(1, 1000)},
                    FilterRow{"ThousandApart", ports_from(1, 1000, 2)},
                    FilterRow{"ThousandAllOver", ports_from(65, 1000, 65)},
                    FilterRow{"MoreThanAreFiltered", ports_from(1, 1001, 2)}),
    [](const auto& param) { return std::string(param.param.name); });

/// A connection on loopback, to a port of its own. `mapped`: by an IPv6 socket to the mapped IPv4 address.
class Connection {
public:
    explicit Connection(int family = AF_INET, bool mapped = false)
        : listener_(socket(mapped ? AF_INET : family, SOCK_STREAM, 0)), client_(socket(family, SOCK_STREAM, 0)) {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        v6.sin6_addr = IN6ADDR_LOOPBACK_INIT;
        const bool listens_on_v4 = family == AF_INET || mapped;
        auto* const address = listens_on_v4 ? reinterpret_cast<sockaddr*>(&v4) : reinterpret_cast<sockaddr*>(&v6);
        socklen_t size = listens_on_v4 ? sizeof v4 : sizeof v6;
        if (bind(listener_.get(), address, size) != 0) return;
        EXPECT_EQ(listen(listener_.get(), 1), 0);
        EXPECT_EQ(getsockname(listener_.get(), address, &size), 0);
        port_ = ntohs(listens_on_v4 ? v4.sin_port : v6.sin6_port);
        if (mapped) {
            v6.sin6_port = v4.sin_port;
            v6.sin6_addr = in6_addr{{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 127, 0, 0, 1}}};
        }
        if (family == AF_INET) {
            connected_ = connect(client_.get(), reinterpret_cast<const sockaddr*>(&v4), sizeof v4) == 0;
        } else {
            connected_ = connect(client_.get(), reinterpret_cast<const sockaddr*>(&v6), sizeof v6) == 0;
        }
        socklen_t octets = sizeof cookie_;
        EXPECT_EQ(getsockopt(client_.get(), SOL_SOCKET, SO_COOKIE, &cookie_, &octets), 0);
    }

    bool connected() const { return connected_; }
    std::uint16_t port() const { return port_; }
    std::uint64_t cookie() const { return cookie_; }

private:
    Descriptor listener_;
    Descriptor client_;
    std::uint16_t port_ = 0;
    std::uint64_t cookie_ = 0;
    bool connected_ = false;
};

/// All that the kernel answers; null where it knows no NETLINK_SOCK_DIAG for TCP.
std::optional<DiagMessages> dump(int family, const Ports& ports) {
    const Descriptor netlink(socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG));
    if (netlink.get() < 0) return std::nullopt;
    const std::vector<std::uint8_t> request = make_dump_request(family, ports, 7);
    EXPECT_EQ(send(netlink.get(), request.data(), request.size(), 0), static_cast<ssize_t>(request.size()));
    DiagMessages said;
    std::vector<std::uint8_t> buffer(64 * 1024);
    while (!said.done && said.error == 0) {
        const ssize_t size = recv(netlink.get(), buffer.data(), buffer.size(), 0);
        if (size <= 0) break;
        parse_diag_messages(std::span(buffer).first(static_cast<std::size_t>(size)), said);
    }
    if (said.error == ENOENT) return std::nullopt;
    EXPECT_EQ(said.error, 0);
    return said;
}

/// The ports of those of `connections` that are named.
Ports named(const DiagMessages& said, std::initializer_list<const Connection*> connections) {
    Ports ports;
    for (const Connection* const connection : connections) {
        for (const TcpSocket& socket : said.sockets) {
            if (socket.cookie == connection->cookie()) ports.push_back(socket.remote.port);
        }
    }
    return ports;
}

TEST(Events, OfTheWantedPortsPassTheFilter) {
    auto unwanted = std::make_unique<Connection>();
    auto wanted = std::make_unique<Connection>();
    ASSERT_TRUE(wanted->connected() && unwanted->connected());
    const Descriptor netlink(socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG));
    std::vector<sock_filter> code = make_event_filter(Ports{wanted->port()});
    const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
    ASSERT_EQ(setsockopt(netlink.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program), 0);
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    ASSERT_EQ(setsockopt(netlink.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    // Without an address of its own it would have the kernel's, 0, and nobody hears what he says himself.
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    const int group = SKNLGRP_INET_TCP_DESTROY;
    if (bind(netlink.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        setsockopt(netlink.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0)
        GTEST_SKIP() << "no NETLINK_SOCK_DIAG here";

    const std::uint64_t cookie = wanted->cookie();
    const std::uint16_t port = wanted->port();
    unwanted.reset();
    wanted.reset();
    DiagMessages said;
    while (said.sockets.empty() || said.sockets.back().cookie != cookie) {
        std::array<std::uint8_t, 1024> buffer;
        const ssize_t size = recv(netlink.get(), buffer.data(), buffer.size(), 0);
        ASSERT_GT(size, 0);
        parse_diag_messages(std::span(buffer).first(static_cast<std::size_t>(size)), said);
    }
    for (const TcpSocket& socket : said.sockets) {  // port 0: reset ones, of whoever else runs here
        EXPECT_TRUE(socket.remote.port == port || socket.remote.port == 0) << socket.remote.port;
    }
}

class Dump : public testing::Test {
protected:
    Dump() {
        if (!dump(AF_INET, {})) skipped_ = true;
    }
    void SetUp() override {
        if (skipped_) GTEST_SKIP() << "no NETLINK_SOCK_DIAG here";
        ASSERT_TRUE(wanted.connected() && unwanted.connected());
    }

    /// `count` ports, `below` of them below that of `wanted`, no two in a row, and not that of `unwanted`.
    Ports around(unsigned below, unsigned above) const {
        Ports ports;
        for (unsigned port = wanted.port() - 2U; below > 0; port -= 2, --below) add(ports, port);
        for (unsigned port = wanted.port() + 2U; above > 0; port += 2, --above) add(ports, port);
        return ports;
    }
    void add(Ports& ports, unsigned port) const {
        ports.push_back(static_cast<std::uint16_t>(port == unwanted.port() ? 9 : port));
    }
    Ports found(const Ports& ports) const { return named(dump(AF_INET, ports).value(), {&wanted, &unwanted}); }

    Connection wanted;
    Connection unwanted;

private:
    bool skipped_ = false;
};

TEST_F(Dump, NamesTheSocketsTowardsTheWantedPorts) {
    EXPECT_THAT(found({}), ElementsAre());
    EXPECT_THAT(found({wanted.port()}), ElementsAre(wanted.port()));
    EXPECT_THAT(found({unwanted.port(), wanted.port()}), ElementsAre(wanted.port(), unwanted.port()));
    EXPECT_THAT(found({1, 65535}), ElementsAre());
    EXPECT_THAT(found({65535, wanted.port(), 1}), ElementsAre(wanted.port()));
    const auto next = static_cast<std::uint16_t>(wanted.port() + 1);
    const auto previous = static_cast<std::uint16_t>(wanted.port() - 1);
    if (next == unwanted.port() || previous == unwanted.port()) return;
    EXPECT_THAT(found({next, previous}), ElementsAre());
    EXPECT_THAT(found({next, wanted.port(), previous}), ElementsAre(wanted.port()));
}

TEST_F(Dump, NamesThemWhereverAmongTheOthersTheyStand) {
    for (const unsigned others : {4U, 15U, 16U, 17U, 31U, 32U, 33U, 299U, 999U}) {
        for (unsigned below = 0; below <= others; below += others < 40 ? 1 : 111) {
            Ports ports = around(below, others - below);
            ASSERT_THAT(found(ports), ElementsAre()) << below << " of " << others;
            ports.push_back(wanted.port());
            ASSERT_THAT(found(ports), ElementsAre(wanted.port())) << below << " of " << others;
        }
    }
}

TEST_F(Dump, NamesAllWithMorePortsThanAreFiltered) {
    EXPECT_THAT(found(around(500, 501)), ElementsAre(wanted.port(), unwanted.port()));
}

TEST_F(Dump, NamesTheSocketsOfEitherFamily) {
    const Connection v6(AF_INET6);
    const Connection mapped(AF_INET6, true);
    if (!v6.connected() || !mapped.connected()) GTEST_SKIP() << "no IPv6 here";
    const Ports ports{wanted.port(), v6.port(), mapped.port()};
    const DiagMessages said = dump(AF_INET6, ports).value();
    EXPECT_THAT(named(said, {&wanted, &v6, &mapped}), ElementsAre(v6.port(), mapped.port()));
    for (const TcpSocket& socket : said.sockets) {
        if (socket.cookie != v6.cookie() && socket.cookie != mapped.cookie()) continue;
        EXPECT_EQ(socket.remote.address.to_string(), socket.cookie == v6.cookie() ? "::1" : "127.0.0.1");
        EXPECT_TRUE(socket.state == TcpState::established);
    }
}

}  // namespace
}  // namespace taskdns::health
