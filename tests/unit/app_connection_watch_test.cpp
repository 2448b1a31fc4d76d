// What the application's connections lead to, with the real kernel: connections of this process on loopback.
// What the kernel says, and what follows from it: health_connection_observer_test.cpp,
// health_connection_ledger_test.cpp.
#include <algorithm>
#include <optional>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/connection_watch.hpp"
#include "support/run_coroutine.hpp"

namespace taskdns::app {
namespace {

using namespace std::chrono_literals;
using asio::ip::tcp;
using health::Observed;
using testing_support::run_until;

/// A port of loopback that nobody listens at.
std::uint16_t closed_port(asio::io_context& io) {
    tcp::acceptor listener(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    return listener.local_endpoint().port();
}

class Watch : public testing::Test {
protected:
    /// A service that has `endpoint`, or an unobserved one.
    void serve(const SocketAddress& endpoint, config::Observe observe = config::Observe::automatic) {
        config::Service service;
        service.health.observe = observe;
        services.push_back(service);
        holdings.push_back({static_cast<membership::ServiceIndex>(holdings.size()), endpoint});
    }
    void begin() {
        watch.emplace(io.get_executor(), std::make_shared<health::OwnSockets>(), callbacks());
        watch->start();
        if (watch->status(0).state == "unavailable") GTEST_SKIP() << watch->status(0).reason;
        for (const auto& [service, endpoint] : holdings) {
            membership::Member member;
            member.address = endpoint;
            watch->set_members(service, std::vector{member});
        }
    }
    ConnectionWatch::Callbacks callbacks() {
        ConnectionWatch::Callbacks out;
        out.find_service = [this](health::ServiceIndex service) { return &services.at(service); };
        out.find_services = [this](const SocketAddress& endpoint, std::vector<health::ServiceIndex>& found) {
            for (const auto& holding : holdings) {
                if (holding.endpoint == endpoint) found.push_back(holding.service);
            }
        };
        out.find_at = [this](const IpAddress& address, std::vector<membership::Claims::Holding>& found) {
            for (const auto& holding : holdings) {
                if (holding.endpoint.address == address) found.push_back(holding);
            }
        };
        out.is_down = [this](health::ServiceIndex, const SocketAddress& endpoint) {
            return std::ranges::find(down, endpoint) != down.end();
        };
        out.on_evidence = [this](health::ServiceIndex service, const health::ConnectionEvidence& evidence) {
            if (evidence.observed == Observed::refused) refused.push_back({service, evidence.endpoint});
        };
        out.on_dump = [] {};
        return out;
    }
    void fail_to_connect(const SocketAddress& remote, bool blocking) {
        tcp::socket socket(io);
        if (blocking) {
            boost::system::error_code error;
            socket.connect(to_tcp(remote), error);
            EXPECT_TRUE(error);
            return;
        }
        bool ended = false;
        socket.async_connect(to_tcp(remote), [&](const boost::system::error_code& error) {
            EXPECT_TRUE(error);
            ended = true;
        });
        run_until(io, [&] { return ended; });
    }
    void wait(milliseconds time) {
        asio::steady_timer timer(io, time);
        bool over = false;
        timer.async_wait([&](const boost::system::error_code&) { over = true; });
        run_until(io, [&] { return over; });
    }

    asio::io_context io;
    std::vector<config::Service> services;
    std::vector<membership::Claims::Holding> holdings;
    std::vector<SocketAddress> down;
    std::vector<membership::Claims::Holding> refused;
    std::optional<ConnectionWatch> watch;
    const IpAddress loopback = *IpAddress::parse("127.0.0.77");
};

TEST_F(Watch, TellsEachObservedServiceThatHasTheEndpoint) {
    const SocketAddress endpoint{loopback, closed_port(io)};
    serve(endpoint);
    serve(endpoint, config::Observe::off);
    serve(endpoint);
    begin();
    fail_to_connect(endpoint, false);
    run_until(io, [&] { return refused.size() >= 2; });
    EXPECT_THAT(refused, testing::ElementsAre(membership::Claims::Holding{0, endpoint},
                                              membership::Claims::Holding{2, endpoint}));
    EXPECT_EQ(watch->status(0).state, "on");
    EXPECT_EQ(watch->status(1).state, "off");
}

TEST_F(Watch, LooksWhichEndpointOfAnAddressABlockingConnectMeant) {
    tcp::acceptor listener(io, tcp::endpoint(to_asio(loopback), 0));
    const SocketAddress well{loopback, listener.local_endpoint().port()};
    const SocketAddress dead{loopback, closed_port(io)};
    serve(well);
    serve(dead);
    begin();
    fail_to_connect(dead, true);
    run_until(io, [&] { return !refused.empty(); });
    EXPECT_THAT(refused, testing::ElementsAre(membership::Claims::Holding{1, dead}));
    EXPECT_EQ(watch->find(dead)->refused, 1U);
}

TEST_F(Watch, DoesNotLookAtWhatIsDownOrNotObserved) {
    const SocketAddress one{loopback, closed_port(io)};
    const SocketAddress other{loopback, closed_port(io)};
    serve(one);
    serve(other, config::Observe::off);
    down.push_back(one);
    begin();
    fail_to_connect(one, true);
    fail_to_connect(other, true);
    wait(200ms);
    EXPECT_THAT(refused, testing::IsEmpty());
}

TEST_F(Watch, DoesNotTryAnUncheckedMysqlForTheSakeOfAnotherPort) {
    serve({loopback, 3306});
    serve({loopback, 33060});
    begin();
    fail_to_connect({loopback, closed_port(io)}, true);
    wait(200ms);
    EXPECT_THAT(refused, testing::IsEmpty());
}

TEST_F(Watch, SaysThatNothingIsSeenAfterHalfAMinuteInUse) {
    serve({loopback, 9});
    begin();
    const TimePoint start = Clock::now();
    watch->note_demand(true, true, start);
    watch->note_demand(true, true, start + 29s);
    EXPECT_EQ(watch->status(0).state, "on");
    watch->note_demand(false, false, start + 29s);  // the use has ended: it begins anew
    watch->note_demand(true, true, start + 30s);
    EXPECT_EQ(watch->status(0).state, "on");
    watch->note_demand(true, true, start + 60s);
    EXPECT_EQ(watch->status(0).state, "nothing_seen");
    fail_to_connect({loopback, 9}, false);
    run_until(io, [&] { return !refused.empty(); });
    EXPECT_EQ(watch->status(0).state, "on");
}

}  // namespace
}  // namespace taskdns::app
