// What task metadata give, and that nothing waits for them: whatever their endpoint does, snapshot and static
// services are answered at once, and a first poll comes half a second late at most. What it prints: exec to first
// answer (ms), per conduct of the endpoint: from the snapshot, of a static service, of one that must be polled first.
// To see it (TASKDNS_BINARY for the release binary): build/dev/tests/integration --gtest_filter='*MetadataEndpoint*'
#include <algorithm>
#include <cstdio>

#include <gmock/gmock.h>

#include "support/fake_metadata.hpp"
#include "support/fake_registry.hpp"
#include "support/network_namespaces.hpp"
#include "support/quick_start.hpp"
#include "support/service_report.hpp"

namespace taskdns::testing_support {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* variable = "ECS_CONTAINER_METADATA_URI_V4";

struct EndpointCase {
    const char* name;
    std::optional<MetadataConduct> conduct;  // null: nobody listens
    std::vector<const char*> missing = {};   // fields
};

void PrintTo(const EndpointCase& c, std::ostream* out) { *out << c.name; }

class MetadataEndpoint : public testing::TestWithParam<EndpointCase> {
protected:
    MetadataEndpoint() {
        for (const char* name : {"saved.test", "polled.test"}) registry.set(name, {"127.0.1.11"}, 60);
    }

    /// Services that `subset` makes wait for metadata.
    std::string yaml(const std::vector<const char*>& polled) const {
        std::string out = "snapshot: " + (dir / "snapshot") +
                          "\ndefaults: {record: A, subset: 1, health: {check: none}}\nservices:\n"
                          "  - {name: static.test, source: static, addresses: [127.0.1.12]}\n";
        for (const char* name : polled) out += "  - {name: " + std::string(name) + "}\n";
        return out;
    }
    void learn() const {
        QuickStart daemon(yaml({"saved.test"}), registry.port());
        EXPECT_EQ(daemon.first_reply("saved.test").reply.rdata("A").size(), 1U);
        EXPECT_EQ(daemon.stop().status, std::optional(0));  // at the latest now it is written
        EXPECT_THAT(read_file(dir / "snapshot"), HasSubstr("127.0.1.11"));
    }
    /// The median of five starts, each with its first question.
    double first_answer(const char* name, const std::string& uri) const {
        std::vector<double> times;
        for (int i = 0; i < 5; ++i) {
            const QuickStart daemon(yaml({"saved.test", "polled.test"}), registry.port(), {{variable, uri}});
            const QuickStart::FirstReply first = daemon.first_reply(name);
            EXPECT_EQ(first.reply.rdata("A").size(), 1U) << name << "\n" << daemon.log();
            times.push_back(first.after_ms);
        }
        std::sort(times.begin(), times.end());
        return times[2];
    }

    const TempDir dir;
    FakeRegistry registry;
};

TEST_P(MetadataEndpoint, DelaysNoAnswer) {
    constexpr double generous_ms = 400;  // the release binary takes less than 20 (design.md, section 11)
    learn();
    auto endpoint = std::make_optional<FakeMetadata>("ec2");
    const std::string uri = endpoint->uri();
    for (const char* field : GetParam().missing) endpoint->remove(field);
    if (GetParam().conduct) {
        endpoint->behave(*GetParam().conduct);
    } else {
        endpoint.reset();
    }
    const double saved = first_answer("saved.test", uri);
    const double fixed = first_answer("static.test", uri);
    const double polled = first_answer("polled.test", uri);
    std::printf("exec to first answer, metadata: %-14s snapshot %6.1f  static %6.1f  polled %6.1f ms\n",
                GetParam().name, saved, fixed, polled);
    EXPECT_LE(saved, generous_ms);
    EXPECT_LE(fixed, generous_ms);
    const bool silent = GetParam().conduct == MetadataConduct::hangs || GetParam().conduct == MetadataConduct::drips;
    EXPECT_LE(polled, silent ? 1'000 : generous_ms);
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Conducts, MetadataEndpoint,
    testing::Values(
        EndpointCase{"Answers", MetadataConduct::answers},
        EndpointCase{"Chunks", MetadataConduct::chunks},
        EndpointCase{"Refuses", std::nullopt},
        EndpointCase{"Hangs", MetadataConduct::hangs},
        EndpointCase{"Drips", MetadataConduct::drips},
        EndpointCase{"Closes", MetadataConduct::closes},
        EndpointCase{"Status500", MetadataConduct::status_500},
        EndpointCase{"Garbage", MetadataConduct::garbage},
        EndpointCase{"Huge", MetadataConduct::huge},
        EndpointCase{"MissingFields", MetadataConduct::answers, {"AvailabilityZone", "Family", "Containers"}},
        EndpointCase{"NoFields", MetadataConduct::answers, {"TaskARN", "Containers"}}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

/// A task at 10.0.1.5 whose resolver is 10.0.1.1.
class TaskMetadata : public testing::Test {
protected:
    TaskMetadata() {
        {
            const auto inside = network.in_vpc();
            resolver.emplace("10.0.1.1", 53);
        }
        resolver->set("orders.test", {"10.0.1.10"}, 1);
        metadata.emplace("ec2");
        metadata->set_name_servers({"10.0.1.1"});
    }

    /// On port 53, beside a resolv.conf that names `name_server`.
    DaemonOptions options(const std::string& name_server,
                          const std::string& services = "[{name: orders.test, record: A, health: {check: none}}]") {
        write_file(dir / "resolv.conf", "search test\nnameserver " + name_server + "\n");
        return {.yaml = "resolv_conf: {path: " + (dir / "resolv.conf") +
                        "}\nupstream: {timeout: 300ms}\nshutdown: {linger: 0s}\nservices: " + services + "\n",
                .dns_port = 53,
                .environment = {{variable, metadata->uri()}}};
    }
    static bool asks(const DaemonUnderTest& daemon, const std::string& server, const std::string& from) {
        const std::string status = daemon.get("/v1/status").body;
        return status.find("\"address\": \"" + server + "\"") != std::string::npos &&
               status.find("\"upstream_from\": \"" + from + "\"") != std::string::npos;
    }

    const TempDir dir;
    NetworkNamespaces network;
    NetworkNamespaces::Inside inside_task = network.in_task();
    std::optional<FakeRegistry> resolver;
    std::optional<FakeMetadata> metadata;
};

TEST_F(TaskMetadata, NameTheServersWhereResolvConfNamesUs) {
    const DaemonUnderTest daemon(options("127.0.0.1"));
    EXPECT_TRUE(wait_until(2s, [&] { return daemon.ask_a("orders.test") == std::vector<std::string>{"10.0.1.10"}; }));
    EXPECT_TRUE(asks(daemon, "10.0.1.1", "task_metadata")) << daemon.get("/v1/status").body;
    EXPECT_EQ(daemon.ask({.name = "other.test"}).rcode, "NXDOMAIN") << "forwarded to the same server";
}

TEST_F(TaskMetadata, AreWaitedForByTheFirstPolls) {
    std::optional<FakeRegistry> other;
    network.add_addresses({"10.0.1.9"});
    {
        const auto inside = network.in_vpc();
        other.emplace("10.0.1.9", 53);
    }
    other->set("orders.test", {"10.0.1.99"}, 60);
    const DaemonUnderTest daemon(options("10.0.1.9"));
    EXPECT_TRUE(wait_until(2s, [&] { return daemon.ask_a("orders.test") == std::vector<std::string>{"10.0.1.10"}; }));
    EXPECT_THAT(other->answers("orders.test"), testing::IsEmpty()) << "it was never asked";
}

TEST_F(TaskMetadata, AreNotBelievedWhereTheyNameUs) {
    metadata->set_name_servers({"127.0.0.1"});
    const DaemonUnderTest daemon(options("10.0.1.1"));
    EXPECT_TRUE(wait_until(2s, [&] { return daemon.ask_a("orders.test") == std::vector<std::string>{"10.0.1.10"}; }));
    EXPECT_TRUE(asks(daemon, "10.0.1.1", "resolv_conf")) << daemon.get("/v1/status").body;
}

TEST_F(TaskMetadata, DoNotReplaceWhatTheUserWrote) {
    DaemonOptions written = options("127.0.0.1");
    written.environment["TASKDNS_UPSTREAM"] = "10.0.1.1";
    metadata->set_name_servers({"10.0.1.9"});
    const DaemonUnderTest daemon(written);
    EXPECT_TRUE(daemon.says("task: metadata read"));
    EXPECT_TRUE(asks(daemon, "10.0.1.1", "configuration")) << daemon.get("/v1/status").body;
}

TEST_F(TaskMetadata, CorrectTheServersWhenTheyComeLate) {
    metadata->behave(MetadataConduct::status_500);
    const DaemonUnderTest daemon(options("127.0.0.1"));  // so the fixed address is asked, which is silent here
    EXPECT_THAT(daemon.ask_a("orders.test"), ElementsAre());
    metadata->behave(MetadataConduct::answers);
    EXPECT_TRUE(wait_until(4s, [&] { return daemon.ask_a("orders.test") == std::vector<std::string>{"10.0.1.10"}; }));
    EXPECT_EQ(daemon.ask({.name = "other.test"}).rcode, "NXDOMAIN");
    EXPECT_TRUE(daemon.says("task: metadata cannot be read yet: going on without them"));
    EXPECT_THAT(daemon.get("/metrics").body,
                HasSubstr("taskdns_task_metadata_requests_total{outcome=\"answered\"} 1\n"));
}

TEST_F(TaskMetadata, DrawTheSubsetByTheTasksId) {
    const std::string services =
        "[{name: many.test, source: static, subset: 2, health: {check: none}, addresses: "
        "[10.0.1.10, 10.0.1.11, 10.0.1.12, 10.0.1.13, 10.0.1.14, 10.0.1.15, 10.0.1.16, 10.0.1.17]}]";
    const auto subset = [](const DaemonUnderTest& daemon) { return report(daemon, "many.test").served(); };
    metadata->behave(MetadataConduct::status_500);
    std::set<std::string> late;
    {
        const DaemonUnderTest daemon(options("127.0.0.1", services));
        const std::set<std::string> first = subset(daemon);
        metadata->behave(MetadataConduct::answers);
        EXPECT_TRUE(wait_until(3s, [&] { return subset(daemon) != first; })) << "drawn by our container's id";
        late = subset(daemon);
    }
    const DaemonUnderTest daemon(options("127.0.0.1", services));
    EXPECT_TRUE(wait_until(2s, [&] { return subset(daemon) == late; }));
    EXPECT_EQ(late.size(), 2U);
}

TEST_F(TaskMetadata, TellWhoAndWhereTheTaskIs) {
    const DaemonUnderTest daemon(
        options("127.0.0.1",
                "[{name: near.test, source: static, health: {check: none}, zone: {prefer: true}, "
                "addresses: [10.0.1.10, 10.0.1.11, 10.0.2.10, 10.0.2.11]}]"));
    EXPECT_TRUE(wait_until(2s, [&] { return report(daemon, "near.test").zone == "us-west-2d"; }));
    const ServiceReport near = report(daemon, "near.test");
    EXPECT_TRUE(near.zone_preferred);
    EXPECT_EQ(near.find("10.0.1.11")->zone, "us-west-2d");
    EXPECT_EQ(near.find("10.0.2.10")->zone, "");
    for (const auto& [address, times] : firsts(daemon, "near.test", 40)) {
        EXPECT_THAT(address, testing::StartsWith("10.0.1.")) << times;
    }
    const std::string id = "158d1c8083dd49d6b527399fd6414f5c";
    EXPECT_THAT(daemon.get("/v1/status").body, HasSubstr("\"identity\": \"" + id + "\""));
    EXPECT_THAT(daemon.get("/v1/status").body, HasSubstr("\"zone\": \"us-west-2d\""));
    const DnsReply server = daemon.ask({.name = "id.server", .type = "TXT", .rr_class = 3});
    EXPECT_THAT(server.rdata("TXT"), ElementsAre("\"" + id + "\""));
}

}  // namespace
}  // namespace taskdns::testing_support
