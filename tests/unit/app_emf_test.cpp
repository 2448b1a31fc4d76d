// Lines in the Embedded Metric Format: valid by its specification, and each with what came since the one before.
#include <set>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/emf_writer.hpp"
#include "support/run_coroutine.hpp"

namespace taskdns::app {
namespace {

using namespace std::chrono_literals;

const std::set<std::string> units{"Seconds", "Microseconds", "Milliseconds", "Bytes", "Kilobytes",
                                  "Percent", "Count",        "Count/Second", "None"};

void check_metric(const boost::json::value& metric, const boost::json::object& root) {
    const std::string name(metric.at("Name").as_string());
    EXPECT_TRUE(!name.empty() && name.size() <= 1024);
    EXPECT_TRUE(units.contains(std::string(metric.at("Unit").as_string()))) << name;
    ASSERT_TRUE(root.contains(name)) << "the target member of " << name;
    EXPECT_TRUE(root.at(name).is_number()) << name;
}

/// "Specification: Embedded metric format" of the CloudWatch guide: the rules of its schema and of its text.
boost::json::object checked(const std::string& line) {
    EXPECT_EQ(line.find('\n'), std::string::npos);
    EXPECT_LE(line.size(), 4096U) << "one write to a pipe (PIPE_BUF); the specification allows a megabyte";
    boost::json::object root = boost::json::parse(line).as_object();
    const boost::json::object& aws = root.at("_aws").as_object();
    EXPECT_TRUE(aws.at("Timestamp").is_int64());
    for (const auto& directive : aws.at("CloudWatchMetrics").as_array()) {
        const std::string name_space(directive.at("Namespace").as_string());
        EXPECT_TRUE(!name_space.empty() && name_space.size() <= 1024);
        EXPECT_EQ(directive.at("Dimensions").as_array().size(), 1U) << "each set costs every metric once more";
        for (const auto& set : directive.at("Dimensions").as_array()) {
            EXPECT_LE(set.as_array().size(), 30U);
            for (const auto& dimension : set.as_array()) {
                const auto& value = root.at(dimension.as_string()).as_string();
                EXPECT_TRUE(!value.empty() && value.size() <= 1024);
            }
        }
        EXPECT_LE(directive.at("Metrics").as_array().size(), 100U);
        for (const auto& metric : directive.at("Metrics").as_array()) check_metric(metric, root);
    }
    return root;
}

double number(const boost::json::object& root, const char* name) { return root.at(name).to_number<double>(); }

class Emf : public testing::Test {
protected:
    Figures figures() {
        Figures out;
        out.wall_now = WallTime(1795000000123ms);
        out.dns_server = &dns;
        out.upstream.push_back({"poll", &servers, &counters, 0});
        out.services = services;
        out.process.resident_bytes = 4'000'000;
        return out;
    }
    dns_server::Counters dns;
    std::vector<SocketAddress> servers{*SocketAddress::parse("10.0.0.2:53")};
    std::vector<upstream::ServerCounters> counters = std::vector<upstream::ServerCounters>(1);
    std::vector<ServiceFigures> services;
    EmfLines lines{"Shop/taskdns"};
};

TEST_F(Emf, ALineOfTheDaemonHasNoDimensions) {
    dns.udp_queries.add(3);
    const auto all = lines.next(figures());
    ASSERT_EQ(all.size(), 1U);
    const auto root = checked(all[0]);
    const auto& aws = root.at("_aws").as_object();
    EXPECT_EQ(aws.at("Timestamp").as_int64(), 1795000000123);
    EXPECT_EQ(aws.at("CloudWatchMetrics").at(0).at("Namespace").as_string(), "Shop/taskdns");
    EXPECT_TRUE(aws.at("CloudWatchMetrics").at(0).at("Dimensions").at(0).as_array().empty());
    EXPECT_EQ(number(root, "queries"), 3);
    EXPECT_EQ(number(root, "resident_memory"), 4'000'000);
    EXPECT_FALSE(root.contains("answer_time_p50")) << "nothing was answered";
}

TEST_F(Emf, ValuesAreThoseSinceTheLinesBefore) {
    const std::uint8_t servfail = dns_server::AnswerCounters::row_of(dns::Rcode::servfail, false);
    dns.udp_queries.add(100);
    dns.answers.count(dns_server::Source::service, 1, servfail);
    dns.answer_time.observe(2us, 100);
    counters[0].udp_queries.add(10);
    counters[0].timeouts.add(4);
    checked(lines.next(figures())[0]);
    dns.tcp_queries.add(7);
    dns.dropped_too_long.add();
    dns.answers.count(dns_server::Source::service, 1, servfail);
    dns.answers.count(dns_server::Source::upstream, 28, servfail);
    dns.answer_time.observe(400us, 7);
    counters[0].tcp_queries.add(2);
    const auto root = checked(lines.next(figures())[0]);
    EXPECT_EQ(number(root, "queries"), 7);
    EXPECT_EQ(number(root, "servfail"), 2);
    EXPECT_EQ(number(root, "dropped"), 1);
    EXPECT_EQ(number(root, "upstream_queries"), 2);
    EXPECT_EQ(number(root, "upstream_failures"), 0);
    EXPECT_GT(number(root, "answer_time_p50"), 250.0) << "microseconds, of the last seven alone";
    EXPECT_LE(number(root, "answer_time_p99"), 500.0);
}

TEST_F(Emf, WhatWasReplacedCountsAnew) {
    counters[0].udp_queries.add(10);
    services.emplace_back().name = "a.local.";
    services[0].tally = {.records = 8, .failed = 4, .refused = 2};
    lines.next(figures());
    counters = decltype(counters)(1);
    counters[0].udp_queries.add(3);
    services[0].tally = {.records = 1};
    const auto all = lines.next(figures());
    EXPECT_EQ(number(checked(all[0]), "upstream_queries"), 3);
    EXPECT_EQ(number(checked(all[1]), "polls"), 1);
    EXPECT_EQ(number(checked(all[1]), "polls_failed"), 0);
    EXPECT_EQ(number(checked(all[1]), "connections_refused"), 0);
}

TEST_F(Emf, EachServiceHasALineWithItsNameAsTheDimension) {
    ServiceFigures& service = services.emplace_back();
    service.name = "a\\\"b\\010.local.";  // a name may hold any octet
    service.tally = {.records = 5, .empty = 1, .failed = 2, .refused = 3};
    service.by_state = {4, 1, 1, 0};
    service.served = 4;
    service.answer_age = 2500ms;
    lines.next(figures());
    services[0].tally.failed = 3;
    services.emplace_back().name = "new.local.";
    const auto all = lines.next(figures());
    ASSERT_EQ(all.size(), 3U);
    const auto root = checked(all[1]);
    EXPECT_EQ(root.at("_aws").at("CloudWatchMetrics").at(0).at("Dimensions").at(0).at(0).as_string(), "service");
    EXPECT_EQ(root.at("service").as_string(), "a\\\"b\\010.local.");
    EXPECT_EQ(number(root, "endpoints"), 6);
    EXPECT_EQ(number(root, "healthy"), 4);
    EXPECT_EQ(number(root, "served"), 4);
    EXPECT_EQ(number(root, "polls"), 1);
    EXPECT_EQ(number(root, "polls_failed"), 1);
    EXPECT_EQ(number(root, "connections_refused"), 0) << "told of before";
    EXPECT_EQ(number(root, "answer_age"), 2.5);
    EXPECT_EQ(number(checked(all[0]), "services_without_endpoint"), 1);
    EXPECT_FALSE(checked(all[2]).contains("answer_age")) << "never answered";
}

TEST_F(Emf, AServiceThatComesBackCountsFromItsStart) {
    services.emplace_back().name = "a.local.";
    services[0].tally.records = 50;
    lines.next(figures());
    services.clear();
    lines.next(figures());
    services.emplace_back().name = "a.local.";
    services[0].tally.records = 2;
    EXPECT_EQ(number(checked(lines.next(figures())[1]), "polls"), 2);
}

class WrittenEmf : public Emf {
protected:
    /// Runs for at most `limit`, or until so many lines are there.
    void run(std::size_t count, milliseconds limit) {
        io.restart();
        const auto until = Clock::now() + limit;
        while (written.size() < count && Clock::now() < until) io.run_one_for(limit);
    }
    asio::io_context io;
    std::vector<std::string> written;
    EmfWriter writer{io.get_executor(), [this] { return figures(); },
                     [this](const std::string& line) { written.push_back(line); }};
};

TEST_F(WrittenEmf, ComesEveryInterval) {
    services.resize(70);  // more than are written at once
    const TimePoint before = Clock::now();
    writer.set({.emf = true, .emf_namespace = "x", .emf_interval = 40ms});
    run(142, 20s);
    EXPECT_EQ(written.size(), 142U);
    EXPECT_GE(Clock::now() - before, 40ms + 50ms + 40ms);
}

TEST_F(WrittenEmf, IsSilentUnlessItIsWanted) {
    writer.set({.emf = false, .emf_namespace = "x", .emf_interval = 1ms});
    run(1, 30ms);
    writer.stop();
    EXPECT_TRUE(written.empty());
}

TEST_F(WrittenEmf, EndsWithWhatCameSince) {
    writer.set({.emf = true, .emf_namespace = "x", .emf_interval = 1h});
    dns.udp_queries.add(3);
    writer.stop();
    ASSERT_EQ(written.size(), 1U);
    EXPECT_EQ(number(checked(written[0]), "queries"), 3);
    writer.stop();
    EXPECT_EQ(written.size(), 1U);
}

}  // namespace
}  // namespace taskdns::app
