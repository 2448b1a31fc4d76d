// Class CHAOS: what the answers look like, and how the server gets them.
#include <mutex>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dns_server/chaos.hpp"
#include "unit/dns_server_running.hpp"

namespace taskdns::dns_server {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::uint16_t id = 77;

DnsQuery chaos(const std::string& name, bool tcp = false) {
    return {.name = name, .type = "TXT", .tcp = tcp, .rr_class = 3};
}

DnsReply answered(const DnsQuery& query, const std::vector<std::string>& strings) {
    return testing_support::parse_reply(
        chaos_answer(encode_query(query, id), query.tcp ? Transport::tcp : Transport::udp, strings));
}

std::vector<std::string> lines(std::size_t count, std::size_t length = 30) {
    std::vector<std::string> out;
    for (std::size_t i = 0; i < count; ++i) {
        out.push_back(std::to_string(i));
        out.back().resize(length, '.');
    }
    return out;
}

TEST(Chaos, OneRecordOfOneStringPerLine) {
    const DnsReply reply =
        answered(chaos("Api.local"), {"10.0.1.1:80 healthy served 1s", "10.0.1.2:80 pending new 2s"});
    EXPECT_EQ(reply.rcode, "NOERROR");
    EXPECT_EQ(reply.flags, "aa rd ra");
    EXPECT_EQ(reply.question, "Api.local. CH TXT");
    EXPECT_THAT(reply.rdata("TXT"),
                ElementsAre("\"10.0.1.1:80 healthy served 1s\"", "\"10.0.1.2:80 pending new 2s\""));
    EXPECT_EQ(reply.answer.at(0).ttl, 0U);
    EXPECT_EQ(reply.answer.at(0).owner, "Api.local.");
    EXPECT_TRUE(reply.has_opt);
}

TEST(Chaos, AnswersOfMoreThanADatagramHoldsAreTruncated) {
    for (const std::optional<std::uint16_t> edns : {std::optional<std::uint16_t>(), {512}, {1232}, {4096}}) {
        DnsQuery query = chaos("api.local");
        query.edns = edns;
        const DnsReply reply = answered(query, lines(50));
        EXPECT_TRUE(reply.has_flag("tc"));
        EXPECT_LE(reply.bytes.size(), std::min<std::size_t>(edns.value_or(512), 1232));
        EXPECT_THAT(reply.answer, testing::Not(IsEmpty()));
        query.tcp = true;
        const DnsReply whole = answered(query, lines(50));
        EXPECT_FALSE(whole.has_flag("tc"));
        EXPECT_THAT(whole.answer, SizeIs(50));
    }
    EXPECT_FALSE(answered(chaos("api.local"), lines(3)).has_flag("tc"));
}

TEST(Chaos, FiftyLinesOf255OctetsAtMost) {
    const DnsReply reply = answered(chaos("api.local", true), lines(60, 300));
    ASSERT_THAT(reply.answer, SizeIs(50));
    EXPECT_EQ(reply.answer.back().rdata.size(), 255U + 2);
    EXPECT_EQ(reply.answer.back().rdata.substr(0, 4), "\"49.");
}

TEST(Chaos, NoEndpointIsNodataWithAReason) {
    const DnsReply reply = answered(chaos("api.local"), {});
    EXPECT_EQ(reply.rcode, "NOERROR");
    EXPECT_THAT(reply.answer, IsEmpty());
    EXPECT_TRUE(reply.has_error(0));
}

TEST(Chaos, AFailureSaysWhy) {
    const DnsReply reply =
        testing_support::parse_reply(chaos_failure(encode_query(chaos("api.local"), id), "because"));
    EXPECT_EQ(reply.rcode, "SERVFAIL");
    EXPECT_EQ(reply.flags, "rd ra");
    ASSERT_THAT(reply.errors, SizeIs(1));
    EXPECT_EQ(reply.errors[0].second, "because");
}

TEST(ChaosServer, SaysWhoItIs) {
    Settings settings;
    settings.identity = "task-1";
    RunningServer server(settings);
    for (const bool tcp : {false, true}) {
        for (const char* name : {"version.bind", "VERSION.server"}) {
            EXPECT_THAT(server.ask(chaos(name, tcp)).rdata("TXT"), ElementsAre(testing::StartsWith("\"taskdns ")));
        }
        for (const char* name : {"id.server", "Hostname.Bind"}) {
            EXPECT_THAT(server.ask(chaos(name, tcp)).rdata("TXT"), ElementsAre("\"task-1\""));
        }
    }
}

/// Descriptions that the test finishes when it wants to; on the dns thread, as in the daemon.
struct Descriptions {
    using Done = std::function<void(std::vector<std::string>)>;

    Settings settings(std::size_t at_once) {
        Settings out;
        out.max_describing = at_once;
        out.describe = [this](const dns::Name& service, Done done) {
            const std::lock_guard lock(mutex);
            services.push_back(service.to_string());
            waiting.push_back(std::move(done));
        };
        return out;
    }
    std::size_t count() {
        const std::lock_guard lock(mutex);
        return services.size();
    }
    /// All that wait get the same lines.
    void finish(RunningServer& server, std::vector<std::string> text) {
        asio::post(server.context, [this, text] {
            const std::lock_guard lock(mutex);
            for (Done& done : waiting) done(text);
            waiting.clear();
        });
    }

    std::mutex mutex;
    std::vector<std::string> services;
    std::vector<Done> waiting;
};

TEST(ChaosServer, DescribesAServiceByNameOrAlias) {
    Descriptions descriptions;
    RunningServer server(descriptions.settings(32));
    for (const char* name : {"api.local", "API"}) {
        for (const bool tcp : {false, true}) {
            const std::size_t before = descriptions.count();
            auto reply = server.ask_later(chaos(name, tcp));
            ASSERT_TRUE(eventually([&] { return descriptions.count() == before + 1; }));
            descriptions.finish(server, {"10.0.1.1:8080 healthy served 5s"});
            EXPECT_THAT(reply.get().rdata("TXT"), ElementsAre("\"10.0.1.1:8080 healthy served 5s\""));
        }
    }
    EXPECT_THAT(descriptions.services, testing::Each(testing::AnyOf("api.local", "api")));
}

TEST(ChaosServer, AwaitsNoMoreDescriptionsThanItsLimit) {
    Descriptions descriptions;
    RunningServer server(descriptions.settings(2));
    auto first = server.ask_later(chaos("api.local"));
    auto second = server.ask_later(chaos("mixed.local"));
    ASSERT_TRUE(eventually([&] { return descriptions.count() == 2; }));
    const DnsReply third = server.ask(chaos("api.local"));
    EXPECT_EQ(third.rcode, "SERVFAIL");
    EXPECT_TRUE(third.has_error(0));
    descriptions.finish(server, {"x"});
    EXPECT_EQ(first.get().rcode, "NOERROR");
    EXPECT_EQ(second.get().rcode, "NOERROR");
    auto fourth = server.ask_later(chaos("api.local"));
    ASSERT_TRUE(eventually([&] { return descriptions.count() == 3; })) << "there is room again";
    descriptions.finish(server, {"x"});
    EXPECT_EQ(fourth.get().rcode, "NOERROR");
}

TEST(ChaosServer, WithoutAWayToDescribeSaysSo) {
    RunningServer server;
    const DnsReply reply = server.ask(chaos("api.local"));
    EXPECT_EQ(reply.rcode, "SERVFAIL");
    EXPECT_TRUE(reply.has_error(0));
}

TEST(ChaosServer, StopsWhileADescriptionIsAwaited) {
    Descriptions descriptions;
    std::future<DnsReply> reply;
    {
        RunningServer server(descriptions.settings(32));
        DnsQuery query = chaos("api.local");
        query.timeout = 200ms;
        query.port = server.port;
        reply = std::async(std::launch::async, [query] { return testing_support::ask(query); });
        ASSERT_TRUE(eventually([&] { return descriptions.count() == 1; }));
    }
    const std::lock_guard lock(descriptions.mutex);
    for (auto& done : descriptions.waiting) done({"too late"});  // the server is gone
    EXPECT_FALSE(reply.get().arrived);
}

}  // namespace
}  // namespace taskdns::dns_server
