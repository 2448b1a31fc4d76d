// Does somebody answer DNS at an address?
#include <thread>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <gtest/gtest.h>

#include "app/answers_dns.hpp"
#include "base/asio.hpp"
#include "support/pick_port.hpp"

namespace taskdns::app {
namespace {

using namespace std::chrono_literals;
using Bytes = std::vector<std::uint8_t>;

/// Asks a peer that does `change` to the query and sends it back.
bool asked(milliseconds limit, void (*change)(Bytes& message)) {
    asio::io_context context;
    asio::ip::udp::socket peer(context, {asio::ip::address_v4::loopback(), 0});
    const std::uint16_t port = peer.local_endpoint().port();
    std::thread answering([&] {
        Bytes message(512);
        asio::ip::udp::endpoint from;
        message.resize(peer.receive_from(asio::buffer(message), from));
        change(message);
        peer.send_to(asio::buffer(message), from);
    });
    const bool answers = answers_dns({IpAddress::parse("127.0.0.1").value(), port}, limit);
    answering.join();
    return answers;
}

TEST(AnswersDns, TakesAnAnswerOfAnyKind) {
    EXPECT_TRUE(asked(5s, [](Bytes& message) { message[2] |= 0x80; }));
    EXPECT_TRUE(asked(5s, [](Bytes& message) {
        message[2] |= 0x80;
        message[3] = 5;  // REFUSED
        message.resize(12);
    }));
}

TEST(AnswersDns, TakesNothingElseForOne) {
    EXPECT_FALSE(asked(50ms, [](Bytes&) {})) << "an echo is no answer";
    EXPECT_FALSE(asked(50ms, [](Bytes& message) {
        message[2] |= 0x80;
        message[1] ^= 1;
    })) << "another query's";
    EXPECT_FALSE(asked(50ms, [](Bytes& message) {
        message[2] |= 0x80;
        message.resize(11);
    })) << "no whole header";
}

TEST(AnswersDns, KnowsAClosedPortAtOnceAndASilentOneInTime) {
    const auto begin = Clock::now();
    EXPECT_FALSE(answers_dns({IpAddress::parse("127.0.0.1").value(), testing_support::pick_port()}, 10s));
    EXPECT_LT(Clock::now() - begin, 5s);
    asio::io_context context;
    const asio::ip::udp::socket silent(context, {asio::ip::address_v4::loopback(), 0});
    EXPECT_FALSE(answers_dns({IpAddress::parse("127.0.0.1").value(), silent.local_endpoint().port()}, 50ms));
}

}  // namespace
}  // namespace taskdns::app
