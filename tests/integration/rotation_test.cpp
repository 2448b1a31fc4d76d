// What the application asks for and gets: rotation, types, transports, letters, aliases.
#include <map>

#include <gmock/gmock.h>

#include "support/vpc.hpp"

namespace taskdns::testing_support {
namespace {

using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;
using testing::UnorderedElementsAre;
using testing::UnorderedElementsAreArray;

class Rotation : public testing::Test {
protected:
    Vpc vpc;
};

TEST_F(Rotation, GivesEachAddressFirstEquallyOften) {
    const DaemonUnderTest daemon(vpc.daemon_options());
    ASSERT_TRUE(daemon.wait_until_ready());
    std::map<std::string, int> first;
    for (int i = 0; i < 400; ++i) {
        const std::vector<std::string> addresses = daemon.ask_a(Vpc::service);
        ASSERT_THAT(addresses, UnorderedElementsAreArray(vpc.backends.addresses())) << "answer " << i;
        ++first[addresses.front()];
    }
    EXPECT_THAT(first, SizeIs(4));
    EXPECT_THAT(first, Each(Pair(testing::_, 100)));
}

TEST_F(Rotation, AnswersWithAuthorityAndAShortTtl) {
    const DaemonUnderTest daemon(vpc.daemon_options());
    ASSERT_TRUE(daemon.wait_until_ready());
    const DnsReply reply = daemon.ask({.name = Vpc::service});
    EXPECT_EQ(reply.rcode, "NOERROR") << reply;
    EXPECT_EQ(reply.flags, "aa rd ra") << reply;
    EXPECT_TRUE(reply.has_opt) << reply;
    EXPECT_EQ(reply.payload_size, 1232);
    EXPECT_THAT(reply.errors, IsEmpty()) << reply;
    for (const DnsRecord& record : reply.answer) {
        EXPECT_EQ(record.ttl, 1U);
        EXPECT_EQ(record.owner, std::string(Vpc::service) + ".");
    }
    EXPECT_FALSE(daemon.ask({.name = Vpc::service, .edns = {}}).has_opt) << "OPT only answers OPT";
}

TEST_F(Rotation, SaysNodataWithOurSoaForTypesThatAServiceDoesNotHave) {
    const DaemonUnderTest daemon(vpc.daemon_options());
    ASSERT_TRUE(daemon.wait_until_ready());
    for (const char* type : {"AAAA", "MX", "TXT"}) {
        const DnsReply reply = daemon.ask({.name = Vpc::service, .type = type});
        EXPECT_EQ(reply.rcode, "NOERROR") << type << reply;
        EXPECT_THAT(reply.answer, IsEmpty()) << type << reply;
        ASSERT_THAT(reply.authority, SizeIs(1)) << type << reply;
        EXPECT_EQ(reply.authority[0].type, "SOA") << type << reply;
        EXPECT_EQ(reply.authority[0].owner, std::string(Vpc::service) + ".") << type << reply;
        EXPECT_LE(reply.authority[0].ttl, 5U) << type << reply;
    }
}

TEST_F(Rotation, GivesPortsAndAddressesToSrv) {
    const DaemonUnderTest daemon(vpc.daemon_options());
    ASSERT_TRUE(daemon.wait_until_ready());
    const DnsReply reply = daemon.ask({.name = Vpc::service, .type = "SRV"});
    ASSERT_THAT(reply.rdata("SRV"), SizeIs(4)) << reply;
    std::map<std::string, std::string> additional;
    for (const DnsRecord& record : reply.additional) additional[record.owner] = record.rdata;
    for (const std::string& address : vpc.backends.addresses()) {
        const std::string target = "ip-127-0-0-" + address.substr(address.rfind('.') + 1) + "." + Vpc::service + ".";
        EXPECT_THAT(reply.rdata("SRV"),
                    Contains(testing::EndsWith(" " + std::to_string(vpc.backends.port()) + " " + target)))
            << reply;
        EXPECT_EQ(additional[target], address) << reply;
        EXPECT_THAT(daemon.ask_a(target), ElementsAre(address));
    }
    EXPECT_EQ(daemon.ask({.name = "ip-10-9-9-9." + std::string(Vpc::service)}).rcode, "NXDOMAIN");
}

TEST_F(Rotation, GoesOnOverTcp) {
    const DaemonUnderTest daemon(vpc.daemon_options());
    ASSERT_TRUE(daemon.wait_until_ready());
    std::map<std::string, int> first;
    for (int i = 0; i < 40; ++i) {
        const DnsReply reply = daemon.ask({.name = Vpc::service, .tcp = i % 2 == 0});
        ASSERT_THAT(reply.rdata("A"), UnorderedElementsAreArray(vpc.backends.addresses())) << reply;
        EXPECT_TRUE(reply.has_flag("aa"));
        ++first[reply.rdata("A").front()];
    }
    EXPECT_THAT(first, Each(Pair(testing::_, 10)));
    EXPECT_THAT(daemon.ask({.name = Vpc::service, .type = "SRV", .tcp = true}).rdata("SRV"), SizeIs(4));
    EXPECT_THAT(daemon.ask({.name = Vpc::service, .type = "AAAA", .tcp = true}).authority, SizeIs(1));
}

TEST_F(Rotation, EchoesTheLettersOfTheQuestion) {
    const DaemonUnderTest daemon(vpc.daemon_options());
    ASSERT_TRUE(daemon.wait_until_ready());
    for (const std::string name : {"RESOURCE-SERVER.LOCAL", "rEsOuRcE-sErVeR.LoCaL"}) {
        for (const std::string type : {"A", "AAAA", "SRV"}) {
            const DnsReply reply = daemon.ask({.name = name, .type = type});
            EXPECT_EQ(reply.question, name + ". IN " + type);
            EXPECT_EQ(reply.rcode, "NOERROR");
            EXPECT_THAT(reply.answer, SizeIs(type == "AAAA" ? 0 : 4)) << reply;
        }
    }
}

TEST_F(Rotation, AnswersAnAliasAsTheService) {
    const DaemonUnderTest daemon(vpc.daemon_options("    aliases: [resource-server, Other.Name.example]\n"));
    ASSERT_TRUE(daemon.wait_until_ready());
    for (const std::string alias : {"resource-server", "other.name.example"}) {
        const DnsReply reply = daemon.ask({.name = alias});
        EXPECT_THAT(reply.rdata("A"), UnorderedElementsAreArray(vpc.backends.addresses())) << reply;
        EXPECT_TRUE(reply.has_flag("aa")) << reply;
        EXPECT_EQ(reply.answer.at(0).owner, alias + ".") << reply;
    }
}

TEST_F(Rotation, KeepsToTheSizeOfAnAnswer) {
    const DaemonUnderTest daemon(vpc.daemon_options("    answer: {size: 2, ttl: 3s}\n"));
    ASSERT_TRUE(daemon.wait_until_ready());
    std::map<std::string, int> first;
    for (int i = 0; i < 40; ++i) {
        const DnsReply reply = daemon.ask({.name = Vpc::service});
        ASSERT_THAT(reply.answer, SizeIs(2)) << reply;
        EXPECT_EQ(reply.answer[0].ttl, 3U);
        ++first[reply.answer[0].rdata];
    }
    EXPECT_THAT(first, SizeIs(4));
    EXPECT_THAT(first, Each(Pair(testing::_, 10)));
}

}  // namespace
}  // namespace taskdns::testing_support
