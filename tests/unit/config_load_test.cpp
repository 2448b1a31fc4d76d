// Which sources count, how they combine, and what each one's mistakes look like.
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/expand.hpp"
#include "config/load.hpp"
#include "support/temp_dir.hpp"

namespace taskdns::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using Variables = std::map<std::string, std::string>;

Environment environment_of(Variables variables) {
    return [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
        const auto at = variables.find(name);
        return at == variables.end() ? std::nullopt : std::optional(at->second);
    };
}

Sources sources_of(const Variables& variables) {
    Sources sources{std::nullopt, environment_of(variables), {}};
    for (const auto& [name, value] : variables) sources.environment_names.push_back(name);
    return sources;
}

Config loaded(const Sources& sources) {
    auto config = load(sources);
    if (config) return std::move(*config);
    ADD_FAILURE() << config.error().message;
    return {};
}

std::string mistakes_of(const Sources& sources) {
    const auto config = load(sources);
    return config ? "" : config.error().message;
}

std::vector<std::string> names(const Config& config) {
    std::vector<std::string> out;
    for (const Service& service : config.services) out.push_back(service.name.to_string());
    return out;
}

class LoadFile : public testing::Test {
protected:
    Sources with_file(const std::string& text, const Variables& variables = {}) {
        const std::string path = dir_ / "t.yaml";
        std::ofstream(path, std::ios::binary) << text;
        Sources sources = sources_of(variables);
        sources.path = path;
        return sources;
    }
    std::string path() const { return dir_ / "t.yaml"; }

    testing_support::TempDir dir_;
};

TEST_F(LoadFile, ReadsAFile) {
    const Config config = loaded(with_file("services: [{name: a.local}]"));
    EXPECT_THAT(names(config), ElementsAre("a.local"));
    EXPECT_THAT(config.origins, ElementsAre(path()));
    EXPECT_THAT(config.notes, IsEmpty());
}

TEST_F(LoadFile, SaysWhyAFileCannotBeRead) {
    Sources sources = sources_of({});
    sources.path = dir_ / "none.yaml";
    EXPECT_EQ(mistakes_of(sources), *sources.path + ": there is no such file (check --config)");
    sources.path = dir_.path().string();
    EXPECT_EQ(mistakes_of(sources), *sources.path + ": cannot be read: Is a directory (name the file in it)");
    sources.path = with_file("services: [{name: a.local}]").path;
    ASSERT_EQ(chmod(sources.path->c_str(), 0), 0);
    if (geteuid() != 0) {
        EXPECT_THAT(mistakes_of(sources), HasSubstr("cannot be read: Permission denied (give the user"));
    }
}

TEST_F(LoadFile, RefusesAFileThatIsTooLargeOrBinary) {
    EXPECT_EQ(mistakes_of(with_file(std::string(5 * 1024 * 1024, '#'))),
              path() + ": is larger than 4 MiB (is this a configuration?)");
    EXPECT_EQ(mistakes_of(with_file(std::string("\x1f\x8b\0", 3))),
              path() + ":1:1: octet 0x1f is not text (is this a YAML file?)");
}

TEST_F(LoadFile, IsReplacedAsAWholeByTheContentVariable) {
    const Config config =
        loaded(with_file("port: [this is never read", {{"TASKDNS_CONFIG_CONTENT", "services: [{name: b.local}]"}}));
    EXPECT_THAT(names(config), ElementsAre("b.local"));
    EXPECT_THAT(config.origins, ElementsAre("TASKDNS_CONFIG_CONTENT"));
    EXPECT_THAT(config.notes, ElementsAre(path() + " is not read, because TASKDNS_CONFIG_CONTENT is set"));
}

TEST_F(LoadFile, NeedNotBeThereWhereTheContentVariableIs) {
    Sources sources = sources_of({{"TASKDNS_CONFIG_CONTENT", "services: [{name: b.local}]"}});
    sources.path = dir_ / "none.yaml";
    EXPECT_THAT(loaded(sources).notes,
                ElementsAre(*sources.path + " is not read, because TASKDNS_CONFIG_CONTENT is set"));
}

TEST_F(LoadFile, IsReplacedOnlyOnceByTheServicesVariable) {
    EXPECT_EQ(mistakes_of(with_file("services: [{name: a.local}]", {{"TASKDNS_SERVICES", "a.local:1,a.local:2"}})),
              "TASKDNS_SERVICES:1:11: services[1].name: 'a.local' is already a service's name or alias, at "
              "TASKDNS_SERVICES:1:1 (keep one)");
}

TEST_F(LoadFile, IsAddedToByTheServicesVariableWhichReplacesThoseOfTheSameName) {
    const Config config = loaded(with_file(R"(
defaults: {poll: {min: 5s}, health: {interval: 9s}}
services:
  - {name: a.local, port: 1, aliases: [a]}
  - {name: b.local, port: 2}
)",
                                           {{"TASKDNS_SERVICES", "c.local:3,A.local.:4"}}));
    EXPECT_THAT(names(config), ElementsAre("a.local", "b.local", "c.local"));
    EXPECT_EQ(config.services[0].port, 4);
    EXPECT_THAT(config.services[0].aliases, IsEmpty());
    EXPECT_EQ(config.services[2].poll.min, 5s);
    EXPECT_EQ(config.services[2].health.interval, 9s);
    EXPECT_THAT(config.origins, ElementsAre(path(), "TASKDNS_SERVICES"));
}

TEST_F(LoadFile, IsOverriddenKeyByKey) {
    const Config config = loaded(with_file(
        "listen: {dns: ['127.0.0.1:1'], allow: [10.0.0.0/8]}\nupstream: {servers: [10.0.0.2], attempts: 5}\n"
        "log: {level: error}\nservices: [{name: a.local}]",
        {{"TASKDNS_DNS_LISTEN", "127.0.0.1:5353, [::1]:5353"},
         {"TASKDNS_HTTP_LISTEN", "0.0.0.0:80"},
         {"TASKDNS_UPSTREAM", "10.0.0.3,10.0.0.4:54"},
         {"TASKDNS_LOG_LEVEL", "debug"},
         {"TASKDNS_LOG_FORMAT", "json"}}));
    EXPECT_EQ(config.listen.dns,
              (std::vector{*SocketAddress::parse("127.0.0.1:5353"), *SocketAddress::parse("[::1]:5353")}));
    EXPECT_EQ(config.listen.http, std::vector{*SocketAddress::parse("0.0.0.0:80")});
    EXPECT_EQ(config.listen.allow.size(), 1u);
    EXPECT_FALSE(config.listen.dns_is_default);
    EXPECT_EQ(config.upstream.servers,
              (std::vector{*SocketAddress::parse("10.0.0.3:53"), *SocketAddress::parse("10.0.0.4:54")}));
    EXPECT_EQ(config.upstream.attempts, 5u);
    EXPECT_EQ(config.log.level, log::Level::debug);
    EXPECT_EQ(config.log.format, log::Format::json);
    EXPECT_THAT(config.origins, ElementsAre(path(), "TASKDNS_DNS_LISTEN", "TASKDNS_HTTP_LISTEN", "TASKDNS_UPSTREAM",
                                            "TASKDNS_LOG_LEVEL", "TASKDNS_LOG_FORMAT"));
}

TEST_F(LoadFile, GetsAutomaticUpstreamsBackFromTheVariable) {
    EXPECT_THAT(loaded(with_file("upstream: {servers: [10.0.0.2]}\nservices: [{name: a.local}]",
                                 {{"TASKDNS_UPSTREAM", "auto"}}))
                    .upstream.servers,
                IsEmpty());
}

TEST_F(LoadFile, ReportsTheMistakesOfAllSourcesInTheirOrder) {
    EXPECT_EQ(mistakes_of(with_file("log: {level: loud}\nservices: [{name: a.local, port: 0}]",
                                    {{"TASKDNS_SERVICES", "b.local:80, c.local:x,\n d local, a.local:1/x y"},
                                     {"TASKDNS_DNS_LISTEN", "127.0.0.1:53,  0.0.0.0:5353"},
                                     {"TASKDNS_UPSTREAM", "resolver"},
                                     {"TASKDNS_LOG_LEVEL", "warn"}})),
              path() + ":1:14: log.level: 'loud' is not one of debug, info, warning, error (write one of them)\n" +
                  path() +
                  ":2:34: services[0].port: '0' is out of range (1 to 65535)\n"
                  R"(TASKDNS_SERVICES:1:13: services[1].port: 'x' is not a whole number (1 to 65535)
TASKDNS_SERVICES:2:2: services[2].name: 'd local' has ' ' in its label 'd local' (letters, digits, - and _ only) (a name is such as orders.local)
TASKDNS_SERVICES:2:11: services[3].health.path: '/x y' has a space, a # or a character that is not ASCII (write it as %20, %23, ...)
TASKDNS_DNS_LISTEN:1:16: listen.dns[1]: 0.0.0.0:5353 is not a loopback address, and listen.allow is empty (say who may ask, such as listen.allow: [10.0.0.0/16])
TASKDNS_UPSTREAM:1:1: upstream.servers[0]: 'resolver' is not the address of a resolver (write auto, or such as 10.0.0.2 or [fd00::2]:53)
TASKDNS_LOG_LEVEL:1:1: log.level: 'warn' is not one of debug, info, warning, error (did you mean warning?))");
}

TEST_F(LoadFile, PlacesRulesAcrossSectionsWhereTheirKeyIsWrittenAlsoWithOverridesBehind) {
    EXPECT_EQ(mistakes_of(with_file("services: [{name: a.local}]\nresolv_conf: {manage: true}",
                                    {{"TASKDNS_DNS_LISTEN", "127.0.0.1:5300"}, {"TASKDNS_LOG_FORMAT", "json"}})),
              path() +
                  ":2:14: resolv_conf.manage: needs a listener on port 53, since resolv.conf has no ports (such as "
                  "listen: {dns: [127.0.0.1:53]}, or manage: false)");
    EXPECT_EQ(mistakes_of(with_file("services: [{name: a.local}]\nlisten: {dns: [], http: []}",
                                    {{"TASKDNS_LOG_FORMAT", "json"}})),
              path() +
                  ":2:9: listen: dns and http are both empty, so that nobody could ask (such as dns: "
                  "[127.0.0.1:53])");
}

TEST(LoadEnvironment, IsEnoughWithServicesAlone) {
    const Config config = loaded(sources_of(
        {{"TASKDNS_SERVICES", " resource-server.local:8080 ,orders.local:9090/healthz?a=b,\n cache.local,"}}));
    ASSERT_THAT(names(config), ElementsAre("resource-server.local", "orders.local", "cache.local"));
    EXPECT_EQ(config.services[0].port, 8080);
    EXPECT_EQ(config.services[0].health.check, CheckKind::tcp);
    EXPECT_EQ(config.services[1].health.check, CheckKind::http);
    EXPECT_EQ(config.services[1].health.path, "/healthz?a=b");
    EXPECT_EQ(config.services[2].health.check, CheckKind::none);
    EXPECT_EQ(config.services[2].port, 0);
}

TEST(LoadEnvironment, NeedsNoServicesWhereNoneAreAskedFor) {
    Sources sources = sources_of({{"TASKDNS_HTTP_LISTEN", "127.0.0.1:9053"}});
    EXPECT_FALSE(load(sources).has_value());
    sources.need_services = false;
    EXPECT_THAT(loaded(sources).listen.http, ElementsAre(*SocketAddress::parse("127.0.0.1:9053")));
}

TEST(LoadEnvironment, TakesAnEmptyVariableAsNotSet) {
    const Config config = loaded(sources_of({{"TASKDNS_SERVICES", "a.local"},
                                             {"TASKDNS_CONFIG_CONTENT", " \n"},
                                             {"TASKDNS_DNS_LISTEN", ""},
                                             {"TASKDNS_LOG_LEVEL", ""}}));
    EXPECT_TRUE(config.listen.dns_is_default);
    EXPECT_THAT(config.origins, ElementsAre("TASKDNS_SERVICES"));
    EXPECT_THAT(mistakes_of(sources_of({{"TASKDNS_SERVICES", " "}})), HasSubstr("services: there are none (write"));
}

TEST(LoadEnvironment, TakesAnEmptyListForTheWishThatThereAreNoServices) {
    const Config none = loaded(sources_of({{"TASKDNS_CONFIG_CONTENT", "services: []"}}));
    EXPECT_THAT(none.services, IsEmpty());
    EXPECT_THAT(none.notes, ElementsAre("services is an empty list: nothing is discovered, every name is forwarded"));
    const Config one =
        loaded(sources_of({{"TASKDNS_CONFIG_CONTENT", "services: []"}, {"TASKDNS_SERVICES", "a.local"}}));
    EXPECT_EQ(one.services.size(), 1u);
    EXPECT_THAT(one.notes, IsEmpty());
}

TEST(LoadEnvironment, NamesTheContentVariableInMistakes) {
    EXPECT_EQ(mistakes_of(sources_of({{"TASKDNS_CONFIG_CONTENT", "services:\n- name: a.local\n  prt: 1"}})),
              "TASKDNS_CONFIG_CONTENT:3:3: services[0].prt: unknown key (did you mean port?)");
}

TEST(LoadEnvironment, RefusesTwoServicesOfOneNameAndSchemes) {
    EXPECT_EQ(mistakes_of(sources_of({{"TASKDNS_SERVICES", "a.local:1,a.local:2"}})),
              "TASKDNS_SERVICES:1:11: services[1].name: 'a.local' is already a service's name or alias, at "
              "TASKDNS_SERVICES:1:1 (keep one)");
    EXPECT_EQ(mistakes_of(sources_of({{"TASKDNS_SERVICES", "http://a.local:1/up"}})),
              "TASKDNS_SERVICES:1:1: services[0]: 'http://a.local:1/up' has a scheme (write 'a.local:1/up')");
    EXPECT_EQ(mistakes_of(sources_of({{"TASKDNS_SERVICES", "a.local/up"}})),
              "TASKDNS_SERVICES:1:1: services[0].health.check: http needs a port (add port: 8080 or such to the "
              "service, or check: none)");
    EXPECT_EQ(mistakes_of(sources_of({{"TASKDNS_SERVICES", "a.local:80\xff"}})),
              "TASKDNS_SERVICES:1:11: octet 0xff is not UTF-8 (save it as UTF-8 text)");
}

TEST(LoadEnvironment, NotesVariablesThatAreNotOurs) {
    const Config config = loaded(sources_of({{"TASKDNS_SERVICES", "a.local"},
                                             {"TASKDNS_SERVICE", "b.local"},
                                             {"TASKDNS_PORT_53_UDP_ADDR", "x"},
                                             {"HOME", "/"}}));
    EXPECT_THAT(config.notes,
                ElementsAre("variable TASKDNS_PORT_53_UDP_ADDR is not one of taskdns (known here: "
                            "TASKDNS_CONFIG_CONTENT, TASKDNS_SERVICES, TASKDNS_DNS_LISTEN, TASKDNS_HTTP_LISTEN, "
                            "TASKDNS_UPSTREAM, TASKDNS_LOG_LEVEL, TASKDNS_LOG_FORMAT)",
                            "variable TASKDNS_SERVICE is not one of taskdns (did you mean TASKDNS_SERVICES?)"));
}

TEST(LoadEnvironment, IsTheProcesssByDefault) {
    ASSERT_EQ(setenv("TASKDNS_TEST_ONLY", "here", 1), 0);
    const Sources sources;
    EXPECT_EQ(sources.environment("TASKDNS_TEST_ONLY"), "here");
    EXPECT_THAT(sources.environment_names, testing::Contains("TASKDNS_TEST_ONLY"));
    ASSERT_EQ(unsetenv("TASKDNS_TEST_ONLY"), 0);
    EXPECT_EQ(sources.environment("TASKDNS_TEST_ONLY"), std::nullopt);
}

// --- ${VAR}

struct ExpandCase {
    const char* name;
    const char* text;
    const char* expanded;
};

void PrintTo(const ExpandCase& c, std::ostream* out) { *out << c.name; }

class Expand : public testing::TestWithParam<ExpandCase> {};

TEST_P(Expand, ReplacesVariables) {
    const auto expanded =
        expand(GetParam().text, environment_of({{"A", "one"}, {"EMPTY", ""}, {"YAML", "${A}: [x]"}}));
    ASSERT_TRUE(expanded.has_value()) << expanded.error().message;
    EXPECT_EQ(*expanded, GetParam().expanded);
}

INSTANTIATE_TEST_SUITE_P(
    Text, Expand,
    testing::Values(ExpandCase{"Plain", "a $ b } {", "a $ b } {"}, ExpandCase{"One", "${A}", "one"},
                    ExpandCase{"Between", "x${A}y${A}z", "xoneyonez"},
                    ExpandCase{"DefaultNotUsed", "${A:-two}", "one"},
                    ExpandCase{"DefaultOfUnset", "${B:-two}", "two"},
                    ExpandCase{"DefaultOfEmpty", "${EMPTY:-two}", "two"}, ExpandCase{"Empty", "x${EMPTY}", "x"},
                    ExpandCase{"EmptyDefault", "x${B:-}", "x"}, ExpandCase{"DefaultWithColon", "${B:-a:-b}", "a:-b"},
                    ExpandCase{"Literal", "$${A}", "${A}"}, ExpandCase{"DollarThenLiteral", "$$${A}", "$${A}"},
                    ExpandCase{"OpenAtTheEnd", "a$", "a$"}, ExpandCase{"NotTwice", "${YAML}", "${A}: [x]"}),
    [](const auto& instance) { return instance.param.name; });

TEST(Expansion, GivesNumbersBooleansWordsAndLists) {
    const auto environment = environment_of({{"PORT", "8080"},
                                             {"REQUIRED", "false"},
                                             {"CHECK", "none"},
                                             {"SERVERS", "10.0.0.2,10.0.0.3"},
                                             {"EVERY", "7"}});
    const auto config = parse(
        "upstream: {servers: '${SERVERS}'}\nservices: [{name: a.local, port: '${PORT}', required: '${REQUIRED}', "
        "health: {check: '${CHECK}', interval: '${EVERY}s'}}]",
        "f.yaml", environment);
    ASSERT_TRUE(config.has_value()) << config.error().message;
    EXPECT_EQ(config->services[0].port, 8080);
    EXPECT_FALSE(config->services[0].required);
    EXPECT_EQ(config->services[0].health.check, CheckKind::none);
    EXPECT_EQ(config->services[0].health.interval, 7s);
    EXPECT_EQ(config->upstream.servers.size(), 2u);
}

TEST(Expansion, CannotBringYamlWithIt) {
    const auto config =
        parse("services: [{name: '${NAME}'}]", "f.yaml", environment_of({{"NAME", "a.local}, {name: b.local"}}));
    ASSERT_FALSE(config.has_value());
    EXPECT_THAT(config.error().message,
                HasSubstr("f.yaml:1:19: services[0].name: 'a.local}, {name: b.local' has '}'"));
}

TEST(FindFile, IsWhatLoadReads) {
    std::map<std::string, std::string> variables;
    Sources sources;
    sources.environment = [&variables](const std::string& name) -> std::optional<std::string> {
        const auto found = variables.find(name);
        return found == variables.end() ? std::nullopt : std::optional(found->second);
    };
    EXPECT_EQ(find_file(sources), default_path);
    sources.path = "other.yaml";
    EXPECT_EQ(find_file(sources), "other.yaml");
    variables["TASKDNS_CONFIG_CONTENT"] = " ";
    EXPECT_EQ(find_file(sources), "other.yaml") << "empty is not set";
    variables["TASKDNS_CONFIG_CONTENT"] = "services: []";
    EXPECT_EQ(find_file(sources), std::nullopt);
}

}  // namespace
}  // namespace taskdns::config
