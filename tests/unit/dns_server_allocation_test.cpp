// answer() allocates nothing, whatever it says.
#include "support/allocations.hpp"
#include "unit/dns_server_answering.hpp"

namespace taskdns::dns_server {
namespace {

using testing_support::allocations;

struct AllocationCase {
    std::string name;
    WireBytes query;
    Action action = Action::send;
    std::string rcode = "NOERROR";
    Transport transport = Transport::udp;
};
void PrintTo(const AllocationCase& row, std::ostream* out) { *out << row.name; }

class AnswerAllocation : public testing::TestWithParam<AllocationCase> {};

TEST_P(AnswerAllocation, IsNone) {
    const auto& row = GetParam();
    Answering answering;
    const Context context = answering.context();
    std::vector<std::uint8_t>& buffer = answering.buffer();
    std::copy(row.query.begin(), row.query.end(), buffer.begin());
    const std::size_t before = allocations;
    const Outcome result = answer(buffer, row.query.size(), row.transport, context);
    EXPECT_EQ(allocations - before, 0U);
    ASSERT_EQ(result.action, row.action);
    if (row.action == Action::send) {
        EXPECT_EQ(testing_support::parse_reply(answering.bytes(result)).rcode, row.rcode) << "the kind that is meant";
    }
}

TEST(AnswerAllocation, IsCounted) {
    const std::size_t before = allocations;
    const auto number = std::make_unique<int>(1);
    EXPECT_EQ(allocations - before, 1U) << *number;
}

WireBytes plain(const char* name, const char* type = "A", std::uint16_t rr_class = 1) {
    return encode_query({.name = name, .type = type, .rr_class = rr_class}, id);
}

WireBytes changed(std::size_t octet, std::uint8_t value) {
    WireBytes query = plain("mixed.local");
    query.at(octet) = value;
    return query;
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(DnsServer, AnswerAllocation, testing::Values(
    AllocationCase{"A", plain("api.local")},
    AllocationCase{"Aaaa", plain("mixed.local", "AAAA")},
    AllocationCase{"AOverTcp", plain("big.local"), Action::send, "NOERROR", Transport::tcp},
    AllocationCase{"Alias", plain("API")},
    AllocationCase{"Srv", plain("mixed.local", "SRV")},
    AllocationCase{"Soa", plain("api.local", "SOA")},
    AllocationCase{"Nodata", plain("api.local", "TXT")},
    AllocationCase{"Any", plain("api.local", "ANY")},
    AllocationCase{"Stale", plain("stale.local")},
    AllocationCase{"Target", plain("ip-10-0-1-2.api.local")},
    AllocationCase{"TargetOfIpv6", plain("ip6-fd000000000000000000000000000001.mixed.local", "AAAA")},
    AllocationCase{"NoTarget", plain("ip-9-9-9-9.api.local"), Action::send, "NXDOMAIN"},
    AllocationCase{"Localhost", plain("a.localhost")},
    AllocationCase{"Reverse", plain("1.0.0.127.in-addr.arpa", "PTR")},
    AllocationCase{"NoReverse", plain("9.0.0.127.in-addr.arpa", "PTR"), Action::send, "NXDOMAIN"},
    AllocationCase{"NoEndpoint", plain("empty.local"), Action::send, "SERVFAIL"},
    AllocationCase{"NoUpstream", plain("unreached.local"), Action::send, "SERVFAIL"},
    AllocationCase{"Formerr", WireBytes(12), Action::send, "FORMERR"},
    AllocationCase{"Notimp", changed(2, 0x28), Action::send, "NOTIMPL"},
    AllocationCase{"Badvers", changed(12 + 17 + 6, 1), Action::send, "BADVERS"},
    AllocationCase{"RefusedTransfer", plain("api.local", "AXFR"), Action::send, "REFUSED"},
    AllocationCase{"RefusedClass", plain("api.local", "A", 4), Action::send, "REFUSED"},
    AllocationCase{"RefusedChaos", plain("api.local", "A", 3), Action::send, "REFUSED"},
    AllocationCase{"Dropped", changed(2, 0x81), Action::drop},
    AllocationCase{"Held", plain("pending.local"), Action::hold},
    AllocationCase{"Forwarded", plain("other.example"), Action::forward},
    AllocationCase{"Described", plain("api.local", "TXT", 3), Action::describe}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

TEST(AnswerAllocation, IsNoneForAnAnswerThatGivesUp) {
    Answering answering;
    const Context context = answering.context();
    const WireBytes query = plain("pending.local");
    std::copy(query.begin(), query.end(), answering.buffer().begin());
    const std::size_t before = allocations;
    const Outcome result = not_ready(answering.buffer(), query.size(), context);
    EXPECT_EQ(allocations - before, 0U);
    EXPECT_EQ(result.action, Action::send);
}

}  // namespace
}  // namespace taskdns::dns_server
