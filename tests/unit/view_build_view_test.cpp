// Views in wire form: the exact octets, the schedule, the names.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "view/build_view.hpp"

namespace taskdns::view {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

config::Service service_called(const char* name) {
    config::Service service;
    service.name = dns::Name::parse(name).value();
    return service;
}

Decision serving(std::initializer_list<const char*> endpoints) {
    Decision decision;
    decision.rung = Rung::healthy;
    for (const char* text : endpoints) {
        EndpointDecision endpoint;
        endpoint.address = *SocketAddress::parse(text);
        endpoint.served = true;
        decision.endpoints.push_back(endpoint);
    }
    return decision;
}

std::vector<int> octets(std::span<const std::uint8_t> span) { return {span.begin(), span.end()}; }

/// The records in slot order, by their last octet.
std::vector<int> slot(const PreparedRrset& rrset, std::uint32_t cursor) {
    std::vector<int> out;
    for (const std::uint16_t number : rrset.slot(cursor)) out.push_back(rrset.record(number).back());
    return out;
}

TEST(BuildServiceView, WritesAddressRecordsBehindAPointerToTheQuestion) {
    const auto view = build_service_view(service_called("a.local"), serving({"10.0.1.2:80", "fd00::7"}), true, {});
    EXPECT_EQ(view->readiness, Readiness::serving);
    EXPECT_THAT(octets(view->a.record(0)), ElementsAre(0xC0, 0x0C, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 10, 0, 1, 2));
    EXPECT_THAT(octets(view->aaaa.record(0)),
                ElementsAre(0xC0, 0x0C, 0, 28, 0, 1, 0, 0, 0, 1, 0, 16, 0xFD, 0, 0, 0,  //
                            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7));
}

TEST(BuildServiceView, RotatesThroughAllAndKeepsBackups) {
    const auto view =
        build_service_view(service_called("a.local"), serving({"10.0.0.1", "10.0.0.2", "10.0.0.3"}), true, {});
    EXPECT_EQ(view->a.slots(), 3U);
    EXPECT_THAT(slot(view->a, 0), ElementsAre(1, 2, 3));
    EXPECT_THAT(slot(view->a, 1), ElementsAre(2, 3, 1));
    EXPECT_THAT(slot(view->a, 2), ElementsAre(3, 1, 2));
    EXPECT_THAT(slot(view->a, 3), ElementsAre(1, 2, 3));
}

TEST(BuildServiceView, AnswersHoldNoMoreThanSizeRecords) {
    auto service = service_called("a.local");
    service.answer.size = 2;
    const auto view = build_service_view(service, serving({"10.0.0.1", "10.0.0.2", "10.0.0.3"}), true, {});
    EXPECT_THAT(slot(view->a, 2), ElementsAre(3, 1));
}

TEST(BuildServiceView, SeveralPortsOfOneAddressAreOneAddressRecordAndTwoSrvRecords) {
    const Decision decision = serving({"10.0.0.1:80", "10.0.0.1:81"});
    const auto view = build_service_view(service_called("a.local"), decision, true, {});
    EXPECT_EQ(view->a.slots(), 1U);
    EXPECT_EQ(view->srv.slots(), 2U);
    EXPECT_EQ(build_rotation(service_called("a.local"), decision).size(), 2U);
}

TEST(BuildServiceView, WritesSrvRecordsWithATargetBelowTheServiceAndItsAddress) {
    const auto view = build_service_view(service_called("_http._tcp.a.local"), serving({"10.0.1.2:8080"}), true, {});
    const auto record = view->srv.record(0);
    // TYPE 33, CLASS 1, TTL 1, RDLENGTH, priority 1, weight 1, port 8080, ip-10-0-1-2.a.local.
    const std::string expected =
        std::string("\0\x21\0\1\0\0\0\1\0\x1B\0\1\0\1\x1F\x90\x0Bip-10-0-1-2\1a\5local\0", 37);
    EXPECT_EQ(std::string(record.begin(), record.end()), expected);
    EXPECT_THAT(octets(view->srv.addresses[0]), ElementsAre(0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 10, 0, 1, 2));
    EXPECT_EQ(view->target_parent_offset, 11);  // _http (6) and _tcp (5)
}

TEST(BuildServiceView, WritesIpv6TargetsAsThirtyTwoDigits) {
    const auto view = build_service_view(service_called("a.local"), serving({"[fd00::1]:80"}), true, {});
    const auto record = view->srv.record(0);
    const std::string text(record.begin(), record.end());
    EXPECT_NE(text.find("\x24ip6-fd000000000000000000000000000001\1a\5local"), std::string::npos);
}

TEST(BuildServiceView, HasNoSrvRecordWithoutAPort) {
    const auto view = build_service_view(service_called("a.local"), serving({"10.0.1.2"}), true, {});
    EXPECT_TRUE(view->srv.empty());
    EXPECT_FALSE(view->a.empty());
}

/// The served endpoints with what decide() says of their turns.
struct Share {
    const char* endpoint;
    bool first = true;
    double weight = 1;
    std::uint16_t priority = 1;
};

Decision sharing(std::initializer_list<Share> shares) {
    Decision decision;
    decision.rung = Rung::healthy;
    for (const Share& share : shares) {
        EndpointDecision& endpoint = decision.endpoints.emplace_back();
        endpoint.address = *SocketAddress::parse(share.endpoint);
        endpoint.priority = share.priority;
        endpoint.source = decision.number_of({*IpAddress::parse("10.0.0.5"), 24});
        endpoint.served = true;
        endpoint.first = share.first;
        endpoint.weight = share.weight;
    }
    return decision;
}

/// Every slot, a word each, by the records' last octets; a record that is missing is left out.
std::string slots(const PreparedRrset& rrset) {
    std::string out;
    for (std::uint32_t cursor = 0; cursor < rrset.slots(); ++cursor) {
        if (cursor != 0) out += ' ';
        for (const std::uint16_t number : rrset.slot(cursor)) {
            if (number != PreparedRrset::no_record) out += std::to_string(rrset.record(number).back());
        }
    }
    return out;
}

/// The same for SRV, by the addresses that belong to the records.
std::string srv_slots(const PreparedRrset& rrset) {
    std::string out;
    for (std::uint32_t cursor = 0; cursor < rrset.slots(); ++cursor) {
        if (cursor != 0) out += ' ';
        for (const std::uint16_t number : rrset.slot(cursor)) out += std::to_string(rrset.addresses[number].back());
    }
    return out;
}

std::string rotation(const Decision& decision) {
    std::string out;
    for (const SocketAddress& endpoint : build_rotation(service_called("a.local"), decision)) {
        out += (out.empty() ? "" : " ") + endpoint.to_string();
    }
    return out;
}

TEST(BuildServiceView, WeightsCountInEveryRrsetAndInTheRotation) {
    const Decision decision = sharing({{"10.0.9.1:80", true, 2}, {"10.0.9.2:80"}});
    const auto view = build_service_view(service_called("a.local"), decision, true, {});
    EXPECT_EQ(slots(view->a), "12 21 12");
    EXPECT_EQ(srv_slots(view->srv), "12 21 12");
    EXPECT_EQ(rotation(decision), "10.0.9.1:80 10.0.9.2:80 10.0.9.1:80");
}

TEST(BuildServiceView, WeightsOfOneAddressAddUp) {
    const Decision decision = sharing({{"10.0.9.1:80"}, {"10.0.9.1:81"}, {"10.0.9.2:80"}});
    const auto view = build_service_view(service_called("a.local"), decision, true, {});
    EXPECT_EQ(slots(view->a), "12 21 12");
    EXPECT_EQ(srv_slots(view->srv), "112 121 211");
    EXPECT_EQ(rotation(decision), "10.0.9.1:80 10.0.9.1:81 10.0.9.2:80");
}

TEST(BuildServiceView, AnAddressComesFirstByThosePortsThatMay) {
    const auto view = build_service_view(
        service_called("a.local"),
        sharing({{"10.0.9.1:80", false, 7}, {"10.0.9.1:81", true, 1}, {"10.0.9.1:82", false, 7}, {"10.0.9.2:80"}}),
        true, {});
    EXPECT_EQ(slots(view->a), "12 21");
}

TEST(BuildServiceView, BackupsFollowByZoneThenByPriority) {
    const Decision decision = sharing({{"10.0.9.1:80"},
                                       {"10.0.9.2:80", false, 1, 9},
                                       {"10.0.9.3:80", false, 1, 5},
                                       {"10.0.9.4:80", false},
                                       {"10.0.9.5:80"}});
    const auto view = build_service_view(service_called("a.local"), decision, true, {});
    EXPECT_EQ(slots(view->a), "15432 51432");
    EXPECT_EQ(srv_slots(view->srv), "15432 51432");
    EXPECT_EQ(rotation(decision), "10.0.9.1:80 10.0.9.5:80");
}

// Those that fail, and are served in a panic: a client that sorts by priority would put 2 and 3 before 1 and 5.
TEST(BuildServiceView, SrvLeavesOutWhatItsPriorityWouldPutBeforeTheFirst) {
    const auto view = build_service_view(service_called("a.local"),
                                         sharing({{"10.0.9.1:80", true, 1, 20},
                                                  {"10.0.9.2:80", false, 1, 4},
                                                  {"10.0.9.3:80", false, 1, 10},
                                                  {"10.0.9.4:80", false, 1, 22},
                                                  {"10.0.9.5:80", true, 1, 20}}),
                                         true, {});
    EXPECT_EQ(srv_slots(view->srv), "154 514");
    EXPECT_EQ(slots(view->a), "15432 51432");
}

TEST(BuildServiceView, FairnessIsForAddressesAndNotForSrv) {
    const Decision decision = sharing({{"10.0.0.4:80"}, {"10.0.0.9:80"}});
    auto service = service_called("a.local");
    const auto fair = build_service_view(service, decision, true, {});
    EXPECT_EQ(slots(fair->a), "49 9");
    EXPECT_EQ(srv_slots(fair->srv), "49 94");
    EXPECT_EQ(rotation(decision), "10.0.0.4:80 10.0.0.9:80");
    service.answer.fair = false;
    EXPECT_EQ(slots(build_service_view(service, decision, true, {})->a), "49 94");
}

// 10.0.2.1 and 10.0.128.1 are both outside the source's subnet, but not equally far from it: only musl looks at that,
// and only where there is IPv6 to sort.
TEST(BuildServiceView, FarBackupsStandBehindEachOtherUnlessIpv6IsBesideThem) {
    const auto alone =
        build_service_view(service_called("a.local"), sharing({{"10.0.2.1:80"}, {"10.0.128.2:80"}}), true, {});
    EXPECT_EQ(slots(alone->a), "12 21");
    const auto beside = build_service_view(service_called("a.local"),
                                           sharing({{"10.0.2.1:80"}, {"10.0.128.2:80"}, {"[fd00::3]:80"}}), true, {});
    EXPECT_EQ(slots(beside->a), "12 2");
}

TEST(BuildServiceView, TheRotationIsOfBothFamilies) {
    const Decision decision = sharing({{"10.0.9.1:80", true, 2}, {"[fd00::1]:80"}});
    const auto view = build_service_view(service_called("a.local"), decision, true, {});
    EXPECT_EQ(view->a.slots(), 1U);
    EXPECT_EQ(view->aaaa.slots(), 1U);
    EXPECT_EQ(rotation(decision), "10.0.9.1:80 [fd00::1]:80 10.0.9.1:80");
}

TEST(BuildServiceView, ARandomOrderFollowsTheSeed) {
    auto service = service_called("a.local");
    service.answer.order = config::Order::random;
    const Decision decision = serving({"10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80", "10.0.0.4:80"});
    const auto view = [&](std::uint32_t seed) { return build_service_view(service, decision, true, {}, seed); };
    EXPECT_EQ(view(1)->a.schedule, view(1)->a.schedule);
    EXPECT_NE(view(1)->a.schedule, view(2)->a.schedule);
    EXPECT_NE(build_rotation(service, decision, 1), build_rotation(service, decision, 2));
    EXPECT_EQ(view(1)->a.slots(), 256U);
}

TEST(BuildServiceView, LeavesOutWhatIsNotServedButKnowsItAsATarget) {
    Decision decision = serving({"10.0.0.1:80", "10.0.0.2:80"});
    decision.endpoints[0].served = false;
    const std::vector<IpAddress> recent{*IpAddress::parse("10.0.0.9")};
    const auto view = build_service_view(service_called("a.local"), decision, true, recent);
    EXPECT_THAT(slot(view->a, 0), ElementsAre(2));
    EXPECT_THAT(view->targets, ElementsAre(*IpAddress::parse("10.0.0.1"), *IpAddress::parse("10.0.0.2"),
                                           *IpAddress::parse("10.0.0.9")));
}

TEST(BuildServiceView, SaysWhyItHasNothingToServe) {
    const auto readiness = [](Rung rung, bool upstream_answered) {
        Decision decision;
        decision.rung = rung;
        return build_service_view(service_called("a.local"), decision, upstream_answered, {})->readiness;
    };
    EXPECT_EQ(readiness(Rung::not_ready, false), Readiness::not_polled);
    EXPECT_EQ(readiness(Rung::no_endpoint, true), Readiness::no_endpoint);
    EXPECT_EQ(readiness(Rung::no_endpoint, false), Readiness::no_upstream);
}

TEST(BuildNameTable, GivesEachNameAndAliasItsOwnCursors) {
    auto first = service_called("a.local");
    first.aliases = {dns::Name::parse("a").value()};
    const std::vector<config::Service> services{first, service_called("b.local")};
    const auto table = build_name_table(services);
    const OwnerName* alias = table->find(dns::Name::parse("A").value().wire());
    const OwnerName* other = table->find(dns::Name::parse("b.local").value().wire());
    ASSERT_NE(alias, nullptr);
    ASSERT_NE(other, nullptr);
    EXPECT_EQ(alias->service, 0U);
    EXPECT_EQ(alias->cursor, NameTable::cursors_per_name);
    EXPECT_EQ(other->service, 1U);
    EXPECT_EQ(other->cursor, 2 * NameTable::cursors_per_name);
    EXPECT_EQ(table->find(dns::Name::parse("c.local").value().wire()), nullptr);
}

}  // namespace
}  // namespace taskdns::view
