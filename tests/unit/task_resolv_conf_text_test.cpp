// resolv.conf's managed text: what is kept, what is saved, and that nothing is ever lost or saved twice.
// Random texts: TASKDNS_SEED=N replays one run.
#include <cstdlib>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/libc_resolv_conf.hpp"
#include "task/resolv_conf_text.hpp"

namespace taskdns::task {
namespace {

using namespace std::string_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing_support::LibcView;
using testing_support::read_as_glibc;
using testing_support::read_as_musl;

std::vector<IpAddress> addresses(const std::vector<std::string>& texts) {
    std::vector<IpAddress> out;
    for (const auto& text : texts) out.push_back(IpAddress::parse(text).value());
    return out;
}

std::vector<SocketAddress> sockets(const std::vector<std::string>& texts) {
    std::vector<SocketAddress> out;
    for (const auto& text : texts) out.push_back(SocketAddress::parse(text).value());
    return out;
}

std::vector<std::string> texts(const std::vector<IpAddress>& addresses) {
    std::vector<std::string> out;
    for (const auto& address : addresses) out.push_back(address.to_string());
    return out;
}

const std::vector<IpAddress> us = addresses({"127.0.0.1"});

std::string managed(const std::string& text, const std::vector<IpAddress>& servers = us) {
    const auto result = manage_text(text, servers);
    EXPECT_TRUE(result) << result.error().message;
    return result ? *result : "";
}

std::string restored(const std::string& text) { return restore_text(text); }

const std::string part_of_example =
    "\n# taskdns is asked in place of #ameserver; \"taskdns resolv-conf restore\" undoes it\n"
    "# taskdns v1 bytes=75 sum=d5ad4f81 lines=0\n"
    "nameserver 127.0.0.1\n"
    "# taskdns end\n";
const std::string example = "nameserver 10.0.0.2\nsearch eu-central-1.compute.internal\noptions timeout:2\n";
const std::string managed_example =
    "#ameserver 10.0.0.2\nsearch eu-central-1.compute.internal\noptions timeout:2\n" + part_of_example;

TEST(ManagedText, IsWhatTheDocumentsShow) { EXPECT_EQ(managed(example), managed_example); }

struct TextCase {
    const char* name;
    std::string text;
    std::string kept;  ///< above our part
};

void PrintTo(const TextCase& c, std::ostream* out) { *out << c.name; }

class ManagedTexts : public testing::TestWithParam<TextCase> {};

TEST_P(ManagedTexts, ChangeOneOctetOfEachNameServerAndGiveItBack) {
    const std::string text = managed(GetParam().text);
    ASSERT_TRUE(text.starts_with(GetParam().kept + "\n# taskdns is asked")) << text;
    EXPECT_EQ(restored(text), GetParam().text);
    EXPECT_EQ(managed(text), text);
    EXPECT_THAT(read_as_glibc(text).servers, ElementsAre("127.0.0.1"));
    EXPECT_THAT(read_as_musl(text).servers, ElementsAre("127.0.0.1"));
    for (std::size_t begin = GetParam().text.size(); begin < text.size(); begin = text.find('\n', begin) + 1) {
        EXPECT_LT(text.find('\n', begin) - begin, 255U) << "musl skips what is longer";
    }
}

const std::string x300 = std::string(300, 'x');

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Texts, ManagedTexts,
    testing::Values(
        TextCase{"AnEcsTask", "nameserver 10.0.0.2\nsearch a.internal\n", "#ameserver 10.0.0.2\nsearch a.internal\n"},
        TextCase{"Empty", "", ""},
        TextCase{"OneLineFeed", "\n", "\n"},
        TextCase{"NoFinalLineFeed", "search a\nnameserver 10.0.0.2", "search a\n#ameserver 10.0.0.2"},
        TextCase{"CarriageReturns", "search a\r\nnameserver 10.0.0.2\r\n", "search a\r\n#ameserver 10.0.0.2\r\n"},
        TextCase{"BlankLinesAndComments", "\n# by hand\n\n;x\nnameserver 10.0.0.2\n\n", "\n# by hand\n\n;x\n#ameserver 10.0.0.2\n\n"},
        TextCase{"OtherKeywords", "domain d\nsortlist 10.0.0.0/8\noptions ndots:2 rotate\n", "domain d\nsortlist 10.0.0.0/8\noptions ndots:2 rotate\n"},
        TextCase{"AllNameServers", "nameserver 10.0.0.2\nnameserver\t10.0.0.3\nnameserver fd00::2\n", "#ameserver 10.0.0.2\n#ameserver\t10.0.0.3\n#ameserver fd00::2\n"},
        TextCase{"NameServersThatNobodyUnderstands", "nameserver fe80::1%eth0\nnameserver\nnameserver x\n", "#ameserver fe80::1%eth0\n#ameserver\n#ameserver x\n"},
        TextCase{"OtherWords", "nameservers 10.0.0.2\n nameserver 10.0.0.2\n#nameserver 10.0.0.2\n", "nameservers 10.0.0.2\n nameserver 10.0.0.2\n#nameserver 10.0.0.2\n"},
        TextCase{"LinesThatLookLikeOurs", "#ameserver 10.0.0.2\n# taskdns end\nnameserver 10.0.0.3\n", "#ameserver 10.0.0.2\n# taskdns end\n#ameserver 10.0.0.3\n"},
        TextCase{"ANulInTheLastLine", "nameserver 10.0.0.2\nsearch a\0b\n"s, "#ameserver 10.0.0.2\nsearch a\0b\n"s},
        TextCase{"ANulWithoutALineFeed", "nameserver 10.0.0.2\nsearch a\0b"s, "#ameserver 10.0.0.2\nsearch a\0b"s},
        TextCase{"ALongLineAtTheEnd", "nameserver 10.0.0.2\nsearch " + x300, "#ameserver 10.0.0.2\nsearch " + x300},
        TextCase{"ALongComment", "# " + x300 + "nameserver 6.6.6.6\nnameserver 10.0.0.2\n", "# " + x300 + "nameserver 6.6.6.6\n#ameserver 10.0.0.2\n"},
        TextCase{"OtherOctets", "search\ta\x80\xff\\\n", "search\ta\x80\xff\\\n"}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

TEST(ManagedText, IsNotMadeOfATextThatNamesTooMany) {
    std::string many;
    for (int i = 0; i < 20; ++i) many += "nameserver 10.0.0.2\n";
    EXPECT_EQ(restored(managed(many)), many);
    const auto result = manage_text(many + "nameserver 10.0.0.2\n", us);
    ASSERT_FALSE(result);
    EXPECT_THAT(result.error().message, HasSubstr("more than 20 lines name servers"));
}

TEST(ManagedText, KeepsTheFirstOriginalWhateverListenerManagesItNext) {
    const std::string original = "nameserver 10.0.0.2\nsearch a";
    std::string text = original;
    for (const char* listener : {"127.0.0.1", "127.0.0.2", "::1", "127.0.0.1"}) {
        text = managed(text, addresses({listener, "10.0.0.2"}));
        EXPECT_THAT(read_as_glibc(text).servers, ElementsAre(listener, "10.0.0.2"));
        EXPECT_EQ(restored(text), original);
        EXPECT_EQ(text.find("# taskdns v1"), text.rfind("# taskdns v1")) << text;
    }
}

TEST(ManagedText, ThatSomebodyElseHasWrittenIsANewOriginal) {
    const std::string theirs = "# dhcp\nnameserver 10.0.0.3\n";
    EXPECT_EQ(restored(managed(theirs)), theirs);
}

TEST(ManagedText, IsNotMadeOfATextThatNamesUsAlready) {
    const std::string by_hand = "nameserver 127.0.0.1\nsearch a\n";
    EXPECT_EQ(managed(by_hand), by_hand);
    EXPECT_EQ(restored(by_hand), by_hand);
}

/// kill -9 while the file is written: behind the append, or before one of the octets, or before the cut.
TEST(ManagedText, HasTheOriginalInEveryStateOnTheWay) {
    const std::string original = "nameserver 10.0.0.2\nnameserver 10.0.0.3\nsearch a";
    const std::string text = managed(original);
    std::string between = original + text.substr(original.size());
    for (const std::size_t octet : {0U, 20U}) {
        EXPECT_EQ(restored(between), original) << between;
        EXPECT_EQ(managed(between), text) << between;
        EXPECT_EQ(original_name_servers(between), sockets({"10.0.0.2:53", "10.0.0.3:53"}));
        EXPECT_THAT(read_as_glibc(between).servers, testing::Contains("10.0.0.3")) << "never nobody";
        EXPECT_EQ(read_as_glibc(between).search, "a");
        between[octet] = '#';
    }
    EXPECT_EQ(between, text);
}

/// What others do to a managed text, and what is left of it without us.
struct EditCase {
    const char* name;
    std::string from;  ///< the first such text in managed_example
    std::string to;
    std::string original;
    bool edited = true;
};

void PrintTo(const EditCase& c, std::ostream* out) { *out << c.name; }

class EditedText : public testing::TestWithParam<EditCase> {
protected:
    static std::string text() {
        std::string out = managed_example;
        const std::size_t at = out.find(GetParam().from);
        EXPECT_NE(at, std::string::npos);
        return out.replace(at, GetParam().from.size(), GetParam().to);
    }
};

TEST_P(EditedText, IsKeptAndNamesTheOriginalsServersAgain) {
    const auto found = find_managed(text());
    ASSERT_TRUE(found);
    EXPECT_EQ(found->edited, GetParam().edited);
    EXPECT_EQ(found->original, GetParam().original);
    EXPECT_EQ(restored(text()), GetParam().original);
    EXPECT_EQ(restored(restored(text())), GetParam().original) << "nothing of ours is left";
    EXPECT_EQ(original_name_servers(text()), parse_name_servers(GetParam().original));
    EXPECT_EQ(original_name_servers(text()).back(), sockets({"10.0.0.2:53"}).front());

    const std::string another = managed(text(), addresses({"127.0.0.2"}));
    EXPECT_THAT(read_as_glibc(another).servers, ElementsAre("127.0.0.2"));
    EXPECT_EQ(find_managed(another)->original, GetParam().original);
    EXPECT_FALSE(find_managed(another)->edited) << "it is what is there now";
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Edits, EditedText,
    testing::Values(
        EditCase{"None", "", "", example, false},
        EditCase{"ALineAtTheTop", "#ameserver", "search extra.local\n#ameserver", "search extra.local\n" + example},
        EditCase{"AServerAtTheTop", "#ameserver", "nameserver 10.9.9.9\n#ameserver", "nameserver 10.9.9.9\n" + example},
        EditCase{"AnotherLetter", "search eu", "search us", "nameserver 10.0.0.2\nsearch us-central-1.compute.internal\noptions timeout:2\n"},
        EditCase{"ALineIsGone", "options timeout:2\n", "", "nameserver 10.0.0.2\nsearch eu-central-1.compute.internal\n"},
        EditCase{"ALineAboveOurs", "\n# taskdns is", "options edns0\n\n# taskdns is", example + "options edns0\n"},
        EditCase{"ALineInOurs", "# taskdns end", "options edns0\n# taskdns end", example + "options edns0\n"},
        EditCase{"AnotherFirstLine", "undoes it", "does it", example, false},
        EditCase{"AnotherSum", "sum=d5ad4f81", "sum=d5ad4f82", example},
        EditCase{"AnotherPlace", "lines=0", "lines=1", example},
        EditCase{"APlaceBehindTheEnd", "lines=0", "lines=0,75", example},
        EditCase{"NoPlace", "lines=0", "lines=", example},
        EditCase{"NoNumber", "lines=0", "lines=a", example},
        EditCase{"NoFigures", "# taskdns v1 bytes=75 sum=d5ad4f81 lines=0\n", "", example},
        EditCase{"AVersionThatWeDoNotKnow", "taskdns v1", "taskdns v2", example},
        EditCase{"NoEnd", "# taskdns end\n", "", example, false},
        EditCase{"NoEndAndMoreBehind", "# taskdns end\n", "options edns0\n", example + "options edns0\n"},
        EditCase{"NoLineFeedAtTheEnd", "# taskdns end\n", "# taskdns end", example, false},
        EditCase{"ALineBehind", "# taskdns end\n", "# taskdns end\noptions edns0\n", example + "options edns0\n"},
        EditCase{"ALineBehindWithoutALineFeed", "# taskdns end\n", "# taskdns end\noptions edns0", example + "options edns0\n"},
        EditCase{"OursTwice", "# taskdns end\n", "# taskdns end\n" + part_of_example, example}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

TEST(EditedText, BehindAnOriginalThatEndsWithoutALineFeedIsALineOfItsOwn) {
    EXPECT_EQ(restored(managed("nameserver 10.0.0.2\nsearch a") + "options edns0\n"),
              "nameserver 10.0.0.2\nsearch a\noptions edns0\n");
    EXPECT_EQ(restored(managed("") + "options edns0\n"), "options edns0\n");
}

TEST(EditedText, StaysAsItIsWhileItNamesUs) {
    for (const std::string& text : {managed_example + "options edns0\n", "search a\n" + managed_example}) {
        EXPECT_EQ(managed(text), text);
    }
}

TEST(EditedText, IsManagedAgainWhereAServerWasAdded) {
    const std::string text = managed_example + "nameserver 10.9.9.9\n";
    EXPECT_THAT(read_as_glibc(managed(text)).servers, ElementsAre("127.0.0.1"));
    EXPECT_EQ(restored(managed(text)), example + "nameserver 10.9.9.9\n");
}

TEST(OriginalNameServers, AreThoseThatWereSaved) {
    EXPECT_EQ(original_name_servers("nameserver 10.0.0.2\n"), sockets({"10.0.0.2:53"}));
    EXPECT_EQ(original_name_servers(managed("nameserver 10.0.0.2\n", addresses({"127.0.0.7"}))),
              sockets({"10.0.0.2:53"}));
    EXPECT_THAT(original_name_servers(managed("search a\n")), IsEmpty());
}

struct ChoiceCase {
    const char* name;
    std::string text;
    bool fallback;
    bool enough_if_first;
    std::vector<std::string> servers;
};

void PrintTo(const ChoiceCase& c, std::ostream* out) { *out << c.name; }

class ChooseServers : public testing::TestWithParam<ChoiceCase> {};

TEST_P(ChooseServers, PutsUsFirst) {
    Naming naming;
    naming.own = us.front();
    naming.fallback = GetParam().fallback;
    naming.enough_if_first = GetParam().enough_if_first;
    naming.never = sockets({"0.0.0.0:53", "10.0.1.5:53"});
    naming.upstream = sockets({"10.0.0.9:5353", "10.0.0.8:53"});
    EXPECT_EQ(texts(choose_servers(GetParam().text, naming)), GetParam().servers);
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(
    Texts, ChooseServers,
    testing::Values(
        ChoiceCase{"Alone", "nameserver 10.0.0.2\n", false, false, {"127.0.0.1"}},
        ChoiceCase{"Fallback", "nameserver 10.0.0.2\n", true, false, {"127.0.0.1", "10.0.0.2"}},
        ChoiceCase{"LibcReadsThree", "nameserver 10.0.0.2\nnameserver 10.0.0.3\nnameserver 10.0.0.4\n", true, false, {"127.0.0.1", "10.0.0.2", "10.0.0.3"}},
        ChoiceCase{"EachOnce", "nameserver 10.0.0.2\nnameserver 10.0.0.2\nnameserver fd00::2\n", true, false, {"127.0.0.1", "10.0.0.2", "fd00::2"}},
        ChoiceCase{"NeverOurselves", "nameserver 127.0.0.1\nnameserver 127.0.0.53\nnameserver 10.0.1.5\nnameserver 10.0.0.2\n", true, false, {"127.0.0.1", "10.0.0.2"}},
        ChoiceCase{"OnlyOurselvesIsTheUpstream", "nameserver 127.0.0.1\n", true, false, {"127.0.0.1", "10.0.0.8"}},
        ChoiceCase{"NobodyIsTheUpstream", "search a\n", true, false, {"127.0.0.1", "10.0.0.8"}},
        ChoiceCase{"AManagedTextsOriginal", managed_example, true, false, {"127.0.0.1", "10.0.0.2"}},
        ChoiceCase{"FirstIsEnough", "nameserver 127.0.0.1\nnameserver 10.0.0.7\n", false, true, {"127.0.0.1", "10.0.0.7"}},
        ChoiceCase{"SecondIsNotEnough", "nameserver 10.0.0.7\nnameserver 127.0.0.1\n", false, true, {"127.0.0.1"}}),
    [](const auto& instance) { return instance.param.name; });
// clang-format on

TEST(HasRotate, IsAWordOfOptions) {
    EXPECT_TRUE(has_rotate("options rotate\n"));
    EXPECT_TRUE(has_rotate("search a\noptions ndots:1 \trotate timeout:1"));
    EXPECT_FALSE(has_rotate("options ndots:1 rotated\n# options rotate\nsearch rotate\n"));
}

/// Lines that a reader could take for something else.
class RandomTexts {
public:
    explicit RandomTexts(unsigned seed) : random_(seed) {}

    std::string next() {
        std::string out;
        for (unsigned lines = below(8); lines > 0; --lines) out += line();
        if (!out.empty() && below(3) == 0) out.pop_back();
        return out;
    }

private:
    unsigned below(unsigned limit) { return static_cast<unsigned>(random_() % limit); }
    std::string octets(unsigned length) {
        static const std::string usual = "abc.:#;|\\ \t\r\vnx0\x7f\x80\xff\0"s;
        std::string out;
        while (out.size() < length) out += usual[below(static_cast<unsigned>(usual.size()))];
        return out;
    }
    std::string line() {
        const std::string feed = below(6) == 0 ? "\r\n" : "\n";
        switch (below(10)) {
            case 0:
                return "nameserver 10.0.0." + std::to_string(below(5)) + feed;
            case 1:
                return "nameserver\t" + octets(below(6)) + feed;
            case 2:
                return "search a.internal b" + std::to_string(below(3)) + feed;
            case 3:
                return "domain " + octets(below(9)) + feed;
            case 4:
                return "options ndots:" + std::to_string(below(5)) + (below(2) == 0 ? " rotate" : "") + feed;
            case 5:
                return (below(2) == 0 ? "sortlist 10.0.0.0" : "#ameserver 10.0.0.9") + feed;
            case 6:
                return "#" + octets(below(20)) + feed;
            case 7:
                return "# " + std::string(240 + below(30), '-') + "nameserver 6.6.6.6" + feed;
            case 8:
                return feed;
            default:
                return octets(below(300)) + "\n";
        }
    }
    std::mt19937 random_;
};

/// Ours are the servers, and all else is as it was.
void expect_same_but_for_the_servers(LibcView before, const LibcView& after, const std::string& text) {
    before.servers = {"127.0.0.1"};
    EXPECT_EQ(after.servers, before.servers) << text;
    EXPECT_EQ(after.search, before.search) << text;
    EXPECT_EQ(after.options, before.options) << text;
    EXPECT_EQ(after.sortlists, before.sortlists) << text;
}

TEST(ManagedText, OfAnyTextIsReadAsOursAndGivesItBack) {
    const char* chosen = std::getenv("TASKDNS_SEED");
    const unsigned first = chosen != nullptr ? static_cast<unsigned>(std::atol(chosen)) : 1;
    for (unsigned seed = first; seed < first + (chosen != nullptr ? 1 : 3'000); ++seed) {
        const std::string original = RandomTexts(seed).next();
        SCOPED_TRACE("TASKDNS_SEED=" + std::to_string(seed));
        const std::string text = managed(original);
        ASSERT_EQ(restored(text), original);
        ASSERT_EQ(restored(original), original);
        ASSERT_EQ(managed(text), text);
        ASSERT_EQ(managed(managed(text, addresses({"::1", "10.0.0.2"}))), text);
        ASSERT_EQ(restored(original + text.substr(original.size())), original);
        expect_same_but_for_the_servers(read_as_glibc(original), read_as_glibc(text), text);
        EXPECT_THAT(read_as_musl(text).servers, ElementsAre("127.0.0.1")) << text;
        if (original.find('\0') == std::string::npos) {  // in a last line without a line feed musl reads up to it
            expect_same_but_for_the_servers(read_as_musl(original), read_as_musl(text), text);
        }
        if (testing::Test::HasFailure()) return;
    }
}

}  // namespace
}  // namespace taskdns::task
