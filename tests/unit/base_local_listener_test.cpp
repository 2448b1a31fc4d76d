// Which listener a resolv.conf can name, and who is answered there.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/local_listener.hpp"

namespace taskdns {
namespace {

std::vector<SocketAddress> sockets(const std::vector<std::string>& texts) {
    std::vector<SocketAddress> out;
    for (const std::string& text : texts) out.push_back(SocketAddress::parse(text).value());
    return out;
}

TEST(FindLocalListener, IsOnPort53AndRatherOnLoopback) {
    const auto found = [](const std::vector<std::string>& listeners) {
        const auto address = find_local_listener(sockets(listeners));
        return address ? address->to_string() : "none";
    };
    EXPECT_EQ(found({}), "none");
    EXPECT_EQ(found({"127.0.0.1:5353"}), "none");
    EXPECT_EQ(found({"127.0.0.1:5353", "127.0.0.2:53"}), "127.0.0.2");
    EXPECT_EQ(found({"127.0.0.1:53", "[::1]:53"}), "127.0.0.1");
    EXPECT_EQ(found({"0.0.0.0:53"}), "127.0.0.1");
    EXPECT_EQ(found({"[::]:53"}), "::1");
    EXPECT_EQ(found({"10.0.1.5:53", "127.0.0.1:53"}), "127.0.0.1");
    EXPECT_EQ(found({"10.0.1.5:53", "10.0.1.6:53"}), "10.0.1.5");
}

TEST(AnswersItsOwnHost, OnLoopbackAndWhereItsOwnAddressMayAsk) {
    const auto answers = [](const char* named, const std::vector<std::string>& allowed) {
        std::vector<Network> allow;
        for (const std::string& text : allowed) allow.push_back(Network::parse(text).value());
        return answers_its_own_host(IpAddress::parse(named).value(), allow);
    };
    EXPECT_TRUE(answers("127.0.0.2", {}));
    EXPECT_TRUE(answers("::1", {"10.0.0.0/8"}));
    EXPECT_FALSE(answers("10.0.1.2", {}));
    EXPECT_FALSE(answers("10.0.1.2", {"10.9.0.0/16", "fd00::/8"}));
    EXPECT_TRUE(answers("10.0.1.2", {"10.9.0.0/16", "10.0.1.2"}));
    EXPECT_TRUE(answers("fd00::2", {"fd00::/64"}));
}

}  // namespace
}  // namespace taskdns
