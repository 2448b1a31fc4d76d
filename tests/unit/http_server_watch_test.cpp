// Watching over real sockets: blocking queries, event streams, how many there may be, and how they end.
#include <atomic>
#include <map>

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http_server/event_log.hpp"
#include "unit/http_server_running.hpp"

namespace taskdns::http_server {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

/// Services with an index each; used on the server's thread once that runs.
struct World {
    std::map<std::string, std::uint64_t> services{{"a.local", 3}, {"b.local", 5}};
    std::uint64_t index = 5;
    std::atomic<int> asked = 0;

    ServiceStatus status(const std::string& name) const {
        ServiceStatus out;
        out.name = name;
        out.index = services.at(name);
        return out;
    }
    Model model() {
        Model out;
        out.ready = [] { return ReadyStatus{true, {}}; };
        out.services = [this] {
            std::vector<ServiceStatus> list;
            for (const auto& [name, last] : services) list.push_back(status(name));
            return list;
        };
        out.service = [this](std::string_view name) {
            const std::string key(name);
            return services.count(key) == 1 ? std::optional(status(key)) : std::nullopt;
        };
        out.index = [this] { return index; };
        out.service_index = [this](std::string_view name) {
            const auto found = services.find(std::string(name));
            return found == services.end() ? std::nullopt : std::optional(found->second);
        };
        out.asked = [this](std::string_view) { ++asked; };
        return out;
    }
    void change(Server& server, const std::string& name) {
        services[name] = ++index;
        server.changed(status(name));
    }
    void remove(Server& server, const std::string& name) {
        services.erase(name);
        server.removed(name, ++index);
    }
};

std::string get(const std::string& target, const std::string& version = "1.1") {
    return "GET " + target + " HTTP/" + version + "\r\nHost: localhost\r\n\r\n";
}

bool waiting(const RunningServer& server, std::uint64_t count) {
    return eventually([&] { return server.counters().watchers.value() == count; });
}

TEST(Watch, AnswersAtTheNextChangeOfItsService) {
    World world;
    RunningServer server(world.model());
    Client of_a(server.port());
    Client of_b(server.port());
    Client of_all(server.port());
    of_a.send(get("/v1/services/a.local?index=3&wait=1m"));
    of_b.send(get("/v1/services/b.local?index=5&wait=300ms"));
    of_all.send(get("/v1/services?index=5&wait=1m"));
    ASSERT_TRUE(waiting(server, 3));
    server.run([&](Server& s) { world.change(s, "a.local"); });
    EXPECT_THAT(of_a.receive(), HasSubstr("\r\nX-Taskdns-Index: 6\r\n"));
    EXPECT_THAT(of_all.receive(), HasSubstr("\r\nX-Taskdns-Index: 6\r\n"));
    EXPECT_EQ(server.counters().watchers.value(), 1U);
    const std::string unchanged = of_b.receive();  // its time is over
    EXPECT_THAT(unchanged, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(unchanged, HasSubstr("\r\nX-Taskdns-Index: 5\r\n"));
    of_a.send(get_healthz);  // the connection goes on
    EXPECT_TRUE(of_a.receive().ends_with("ok\n"));
}

TEST(Watch, WaitsAtLeastAsLongAsItWasAsked) {
    World world;
    RunningServer server(world.model());
    Client client(server.port());
    const auto begin = Clock::now();
    client.send(get("/v1/services/a.local/endpoints?index=3&wait=250ms"));
    EXPECT_THAT(client.receive(), StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_GE(Clock::now() - begin, 250ms);
    EXPECT_EQ(world.asked, 2);  // when it began, and when it was answered
}

TEST(Watch, EndsWithTheService) {
    World world;
    RunningServer server(world.model());
    Client client(server.port());
    client.send(get("/v1/services/a.local?index=5&wait=1m"));
    ASSERT_TRUE(waiting(server, 1));
    server.run([&](Server& s) { world.remove(s, "a.local"); });
    EXPECT_THAT(client.receive(), StartsWith("HTTP/1.1 404 Not Found\r\n"));
}

TEST(Watch, EndsWithTheServer) {
    World world;
    RunningServer server(world.model());
    Client client(server.port());
    Client stream(server.port());
    client.send(get("/v1/services/a.local?index=5&wait=1m"));
    stream.send(get("/v1/events"));
    ASSERT_TRUE(waiting(server, 1));
    EXPECT_FALSE(stream.receive_until("id: 5\n\n").empty());
    const auto begin = Clock::now();
    EXPECT_TRUE(server.stop());
    EXPECT_LT(Clock::now() - begin, 800ms);
    const std::string response = client.receive();
    EXPECT_THAT(response, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(response, HasSubstr("\r\nConnection: close\r\n"));
    EXPECT_TRUE(client.closed());
    EXPECT_FALSE(stream.receive_until("\r\n0\r\n\r\n").empty());
    EXPECT_TRUE(stream.closed());
}

TEST(Watch, LosesNoRequestThatIsPipelined) {
    World world;
    RunningServer server(world.model());
    Client client(server.port());
    client.send(get("/v1/services/a.local?index=5&wait=1m") + get("/v1/services/b.local"));
    ASSERT_TRUE(waiting(server, 1));
    client.send(get_healthz.substr(0, 20));
    std::this_thread::sleep_for(50ms);
    client.send(get_healthz.substr(20));
    std::this_thread::sleep_for(50ms);
    EXPECT_EQ(server.counters().watchers.value(), 1U);
    server.run([&](Server& s) { world.change(s, "a.local"); });
    EXPECT_THAT(client.receive(), HasSubstr("\"a.local\""));
    EXPECT_THAT(client.receive(), HasSubstr("\"b.local\""));
    EXPECT_TRUE(client.receive().ends_with("ok\n"));
}

TEST(Watch, FreesThePlaceOfWhoIsGone) {
    World world;
    RunningServer server(world.model());
    {
        Client client(server.port());
        Client flooding(server.port());
        client.send(get("/v1/services/a.local?index=5&wait=1m"));
        flooding.send(get("/v1/services/a.local?index=5&wait=1m") + std::string(100'000, 'x'));
        EXPECT_TRUE(flooding.closed());
        ASSERT_TRUE(waiting(server, 1));
    }
    EXPECT_TRUE(waiting(server, 0));
}

TEST(Watch, IsRefusedBeyondTheLimit) {
    World world;
    RunningServer server(world.model(), with_limits({.watchers = 2}));
    Client first(server.port());
    auto second = std::make_unique<Client>(server.port());
    Client third(server.port());
    first.send(get("/v1/events"));
    second->send(get("/v1/services?index=5"));
    ASSERT_TRUE(waiting(server, 1));
    for (const char* target : {"/v1/services?index=5", "/v1/events"}) {
        third.send(get(target));
        const std::string response = third.receive();
        EXPECT_THAT(response, StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
        EXPECT_THAT(response, HasSubstr("\r\nRetry-After: 5\r\n"));
    }
    third.send(get("/v1/services?index=4"));  // does not wait
    EXPECT_THAT(third.receive(), StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_EQ(server.counters().rejected_watchers.value(), 2U);
    second.reset();
    ASSERT_TRUE(waiting(server, 0));
    third.send(get("/v1/services?index=5"));
    EXPECT_TRUE(waiting(server, 1));
}

TEST(Events, BeginWithThePresentStateAndTellEveryChange) {
    World world;
    RunningServer server(world.model());
    Client client(server.port());
    client.send(get("/v1/events"));
    const std::string begin = client.receive_until("id: 5\n\n");
    EXPECT_THAT(begin, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(begin, HasSubstr("\r\nContent-Type: text/event-stream\r\n"));
    EXPECT_THAT(begin, HasSubstr("\r\nTransfer-Encoding: chunked\r\n"));
    EXPECT_THAT(begin, HasSubstr("retry: 2000\n\n"));
    EXPECT_THAT(begin, HasSubstr("event: reset\ndata: {\"index\": 5}\n\n"));
    EXPECT_LT(begin.find("{\"name\": \"a.local\""), begin.find("{\"name\": \"b.local\""));
    server.run([&](Server& s) {
        world.change(s, "a.local");
        world.change(s, "a.local");
        world.remove(s, "b.local");
    });
    const std::string first = client.receive_until("\n\n");
    EXPECT_THAT(first, HasSubstr("id: 6\nevent: service\ndata: {\"name\": \"a.local\""));
    EXPECT_THAT(first, Not(HasSubstr("endpoints\"")));
    EXPECT_THAT(client.receive_until("\n\n"), HasSubstr("id: 7\nevent: service\n"));
    EXPECT_EQ(client.receive_until("\n\n"), "id: 8\nevent: removed\ndata: {\"name\": \"b.local\", \"index\": 8}\n\n");
}

TEST(Events, GoOnWhereTheClientHasStopped) {
    World world;
    RunningServer server(world.model());
    Client other(server.port());  // since somebody listens, all is kept
    other.send(get("/v1/events"));
    EXPECT_FALSE(other.receive_until("id: 5\n\n").empty());
    server.run([&](Server& s) {
        for (int i = 0; i < 3; ++i) world.change(s, "a.local");
    });
    Client client(server.port());
    client.send("GET /v1/events?index=1 HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: 6\r\n\r\n");
    const std::string text = client.receive_until("id: 8\n");
    EXPECT_THAT(text, HasSubstr("id: 7\nevent: service"));
    EXPECT_THAT(text, Not(HasSubstr("id: 6\n")));
    EXPECT_THAT(text, Not(HasSubstr("reset")));
    Client late(server.port());  // what came before anybody listened is not known
    late.send(get("/v1/events?index=4"));
    EXPECT_THAT(late.receive_until("id: 8\n\n"), HasSubstr("event: reset\n"));
    Client of_another_daemon(server.port());
    of_another_daemon.send(get("/v1/events?index=9"));
    EXPECT_THAT(of_another_daemon.receive_until("id: 8\n\n"), HasSubstr("event: reset\n"));
}

TEST(Events, WorkOverHttp10) {
    World world;
    RunningServer server(world.model());
    Client client(server.port());
    client.send(get("/v1/events?index=5", "1.0"));
    const std::string header = client.receive_until("\r\n\r\n");
    EXPECT_THAT(header, StartsWith("HTTP/1.0 200 OK\r\n"));
    EXPECT_THAT(header, Not(HasSubstr("chunked")));
    EXPECT_EQ(client.receive_until("\n\n"), "retry: 2000\n\n");
    server.run([&](Server& s) { world.change(s, "a.local"); });
    EXPECT_THAT(client.receive_until("\n\n"), StartsWith("id: 6\nevent: service\n"));
}

TEST(Events, HaveAHeartbeat) {
    World world;
    RunningServer server(world.model(), with_limits({.heartbeat = 50ms}));
    Client client(server.port());
    client.send(get("/v1/events?index=5", "1.0"));
    EXPECT_FALSE(client.receive_until("\n\n: nothing has happened\n\n: nothing").empty());
}

TEST(Events, CloseWhoTakesNothing) {
    World world;
    RunningServer server(world.model(), with_limits({.slow_reader = 100ms}));
    Client slow(server.port());
    slow.send(get("/v1/events"));
    ASSERT_TRUE(eventually([&] { return server.counters().event_streams.value() == 1; }));
    for (int i = 0; i < 3000 && server.counters().event_streams.value() == 1; ++i) {
        server.run([&](Server& s) {
            for (int j = 0; j < 20; ++j) world.change(s, "a.local");
        });
    }
    EXPECT_TRUE(eventually([&] { return server.counters().event_streams.value() == 0; }));
    EXPECT_GE(server.counters().broken_connections.value(), 1U);
}

TEST(Events, AreNotWrittenWhereNobodyListens) {
    World world;
    RunningServer server(world.model());
    server.run([&](Server& s) { world.change(s, "a.local"); });
    EXPECT_EQ(server.counters().events.value(), 0U);
}

TEST(EventLog, KeepsABoundedNumberForThoseWhoComeBack) {
    EventLog events;
    const TimePoint start = Clock::now();
    EXPECT_FALSE(events.wanted(start));
    events.open(10);
    EXPECT_TRUE(events.wanted(start));
    EXPECT_EQ(events.find(9), std::nullopt);
    EXPECT_EQ(events.find(10), 0U);
    for (std::uint64_t i = 11; i < 11 + EventLog::most_events + 5; ++i) events.add(i, "x");
    EXPECT_FALSE(events.at(4));
    ASSERT_TRUE(events.at(5));
    EXPECT_EQ(events.at(5)->index, 16U);
    EXPECT_EQ(events.find(14), std::nullopt);
    EXPECT_EQ(events.find(15), 5U);
    EXPECT_EQ(events.find(100), 90U);
    EXPECT_FALSE(events.at(events.end()));
    events.add(5000, std::string(EventLog::most_octets, 'x'));
    EXPECT_EQ(events.find(4999), events.end() - 1);  // the one, and nothing before it
    EXPECT_EQ(events.find(1038), std::nullopt);
    events.close(start);
    EXPECT_TRUE(events.wanted(start + EventLog::kept_unread));
    EXPECT_FALSE(events.wanted(start + EventLog::kept_unread + 1s));
    const std::uint64_t position = events.end();
    events.open(6000);
    EXPECT_EQ(events.find(5999), std::nullopt);
    EXPECT_EQ(events.find(6000), position);
}

TEST(EventLog, KeepsATextAsLongAsSomebodySendsIt) {
    EventLog events;
    events.open(0);
    events.add(1, "the first");
    const std::optional<Event> sent = events.at(0);
    ASSERT_TRUE(sent);
    for (std::uint64_t i = 2; i < 4 * EventLog::most_events; ++i) events.add(i, std::string(900, 'x'));
    EXPECT_FALSE(events.at(0)) << "it has been forgotten, and its block would be used again";
    EXPECT_EQ(sent->text, "the first");
}

TEST(EventLog, ReadsEveryTextAsItWasWrittenWhateverItsLength) {
    EventLog events;
    events.open(0);
    const std::size_t lengths[]{
        1, 700, EventLog::block_octets, 3, EventLog::block_octets - 1, 2, EventLog::block_octets + 1, 5, 0};
    for (std::uint64_t i = 1; i <= 500; ++i) {
        const std::size_t length = lengths[i % std::size(lengths)];
        const char letter = static_cast<char>('a' + i % 26);
        events.add(i, std::string(length, letter));
        for (std::uint64_t back = 0; back < 5 && back < i; ++back) {
            const std::optional<Event> event = events.at(events.end() - 1 - back);
            ASSERT_TRUE(event);
            const std::string wanted(lengths[(i - back) % std::size(lengths)],
                                     static_cast<char>('a' + (i - back) % 26));
            ASSERT_EQ(event->text, wanted) << i << " - " << back;
        }
    }
}

}  // namespace
}  // namespace taskdns::http_server
