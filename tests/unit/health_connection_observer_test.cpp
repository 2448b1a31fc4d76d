// The observer with the real kernel: connections of this process on loopback, and what it says of them. What follows
// from what the kernel says: health_connection_ledger_test.cpp.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "health/connection_observer.hpp"
#include "health/probe.hpp"
#include "support/run_coroutine.hpp"

namespace taskdns::health {
namespace {

using namespace std::chrono_literals;
using asio::ip::tcp;
using testing_support::run_until;

/// What this process's netlink sockets had no room for.
std::uint64_t dropped_by_the_kernel() {
    std::set<std::string> ours;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code gone;  // the directory's own descriptor
        ours.insert(std::filesystem::read_symlink(entry.path(), gone).string());
    }
    std::ifstream table("/proc/net/netlink");
    std::uint64_t all = 0;
    for (std::string line; std::getline(table, line);) {
        std::istringstream fields(line);
        std::string skipped, drops, inode;
        for (int i = 0; i < 8; ++i) fields >> skipped;
        fields >> drops >> inode;
        if (ours.contains("socket:[" + inode + "]")) all += std::stoull(drops);
    }
    return all;
}

class Observer : public testing::Test {
protected:
    void SetUp() override {
        const Result<void> started = observer.start();
        if (!started) GTEST_SKIP() << started.error().message;
        observer.set_ports({endpoint.port});
        observer.set_in_use(true);
    }

    bool saw(Observed observed, const SocketAddress& where) const {
        return std::ranges::any_of(evidence, [&](const ConnectionEvidence& one) {
            return one.observed == observed && one.endpoint == where;
        });
    }
    std::uint64_t dumps() const { return observer.counters().dumps.value(); }
    void wait_for_dumps(std::uint64_t count) {
        const std::uint64_t enough = dumps() + count;
        run_until(io, [&] { return dumps() >= enough; });
    }
    /// A connect that does not block, until it has failed or succeeded.
    boost::system::error_code connect(tcp::socket& socket) {
        std::optional<boost::system::error_code> outcome;
        socket.async_connect(to_tcp(endpoint), [&](const boost::system::error_code& error) { outcome = error; });
        run_until(io, [&] { return outcome.has_value(); });
        return *outcome;
    }
    void close_listener() { listener.close(); }

    asio::io_context io;
    tcp::acceptor listener{io, tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
    SocketAddress endpoint{*IpAddress::parse("127.0.0.1"), listener.local_endpoint().port()};
    std::vector<ConnectionEvidence> evidence;
    unsigned told_of_dumps = 0;
    std::shared_ptr<OwnSockets> own = std::make_shared<OwnSockets>();
    ConnectionObserver observer{
        io.get_executor(),
        own,
        {.is_endpoint = [this](const SocketAddress& address) { return address.address == endpoint.address; },
         .on_evidence = [this](const ConnectionEvidence& one) { evidence.push_back(one); },
         .on_dump = [this] { ++told_of_dumps; }}};
};

TEST_F(Observer, HearsOfARefusedConnection) {
    close_listener();
    tcp::socket socket(io);
    EXPECT_EQ(connect(socket), boost::system::errc::connection_refused);
    socket.close();
    run_until(io, [&] { return saw(Observed::refused, endpoint); });
    EXPECT_EQ(observer.find(endpoint)->refused, 1U);
    EXPECT_TRUE(observer.seen_any());
}

TEST_F(Observer, HearsOfAFailedBlockingConnectWithoutItsPort) {
    close_listener();
    {
        tcp::socket socket(io);
        boost::system::error_code error;
        socket.connect(to_tcp(endpoint), error);
        EXPECT_EQ(error, boost::system::errc::connection_refused);
    }
    run_until(io, [&] { return saw(Observed::refused, {endpoint.address, 0}); });
    EXPECT_FALSE(saw(Observed::refused, endpoint));
}

TEST_F(Observer, SeesTheLivingAndHearsOfAnAnsweredOne) {
    wait_for_dumps(1);
    tcp::socket socket(io);
    ASSERT_FALSE(connect(socket));
    tcp::socket accepted = listener.accept();
    asio::write(accepted, asio::buffer(std::string("hello")));
    run_until(io, [&] { return observer.find(endpoint) != nullptr && observer.find(endpoint)->open == 1; });
    EXPECT_GT(observer.find(endpoint)->rtt.count(), 0);
    run_until(io, [&] { return saw(Observed::answered, endpoint); });
    EXPECT_GT(told_of_dumps, 1U);
    std::string data(5, ' ');
    asio::read(socket, asio::buffer(data));
    socket.close();
    accepted.close();
    run_until(io, [&] { return observer.find(endpoint)->answered == 1; });
    run_until(io, [&] { return observer.find(endpoint)->open == 0; });
}

TEST_F(Observer, DoesNotCountOurOwnProbes) {
    close_listener();
    const Probe probe = make_probe(own);
    const auto outcome = testing_support::run(io, probe({.address = endpoint, .kind = config::CheckKind::tcp}, 1s));
    EXPECT_EQ(outcome.observed, Observed::refused);
    tcp::socket socket(io);  // what is heard after it shows that the probe has been heard, too
    connect(socket);
    socket.close();
    run_until(io, [&] { return saw(Observed::refused, endpoint); });
    EXPECT_EQ(observer.find(endpoint)->refused, 1U);
}

TEST_F(Observer, HearsNothingOfOtherPorts) {
    observer.set_ports({2});  // not 1: other tests take that for one where nobody listens
    close_listener();
    tcp::socket socket(io);
    connect(socket);
    socket.close();
    wait_for_dumps(2);
    EXPECT_EQ(observer.find(endpoint), nullptr);
    for (const ConnectionEvidence& one : evidence) EXPECT_EQ(one.endpoint.port, 0) << "somebody else's, wiped";
}

TEST_F(Observer, MakesNoDumpsWhileNobodyAsks) {
    wait_for_dumps(1);
    observer.set_in_use(false);
    const std::uint64_t before = dumps();
    asio::steady_timer timer(io, 1500ms);
    bool over = false;
    timer.async_wait([&](const boost::system::error_code&) { over = true; });
    run_until(io, [&] { return over; });
    EXPECT_LE(dumps(), before + 1) << "one may have been under way";
    observer.set_in_use(true);
    wait_for_dumps(1);
}

// While nobody reads, the kernel drops what does not fit. What is heard and seen afterwards is as right as before.
TEST_F(Observer, GoesOnAfterEventsWereLost) {
    wait_for_dumps(1);
    std::vector<tcp::socket> accepted;
    const auto connect_without_reading = [&] {
        tcp::socket socket(io);
        socket.connect(to_tcp(endpoint));
        accepted.push_back(listener.accept());
        asio::write(accepted.back(), asio::buffer(std::string("x")));
        socket.close();
        accepted.back().close();
    };
    // Nothing reads meanwhile. The kernel hands events on by a worker of its own, which gets its turn when it gets
    // it.
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (dropped_by_the_kernel() == 0 && std::chrono::steady_clock::now() < deadline) {
        for (int i = 0; i < 500; ++i) {
            connect_without_reading();
            accepted.clear();
        }
        std::this_thread::sleep_for(5ms);
    }
    ASSERT_GT(dropped_by_the_kernel(), 0U) << "nothing was lost: the test shows nothing";
    run_until(io, [&] { return observer.counters().events_lost.value() > 0; });
    wait_for_dumps(1);
    EXPECT_FALSE(saw(Observed::refused, endpoint));
    EXPECT_FALSE(saw(Observed::timeout, endpoint));
    close_listener();
    // What the kernel's worker still has to hand on may push this one out as well: an application tries again, too.
    for (int i = 0; i < 100 && !saw(Observed::refused, endpoint); ++i) {
        tcp::socket socket(io);
        connect(socket);
        socket.close();
        io.restart();
        io.run_for(100ms);
    }
    EXPECT_TRUE(saw(Observed::refused, endpoint));
}

TEST_F(Observer, StopsAtOnce) {
    wait_for_dumps(1);
    EXPECT_TRUE(testing_support::run(io, observer.stop(1s)));
}

}  // namespace
}  // namespace taskdns::health
