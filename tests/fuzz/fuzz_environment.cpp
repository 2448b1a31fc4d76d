// Fuzz entry: an environment, one NAME=VALUE per line: TASKDNS_SERVICES, the overrides, a whole configuration, and
// ${} in it. What TASKDNS_SERVICES says is what it says when it is taken apart at its commas; ${} is what it is when
// it is expanded step by step; a value brings no YAML with it.
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/expand.hpp"
#include "config/load.hpp"
#include "config/read_all.hpp"
#include "fuzz/config_rules.hpp"
#include "fuzz/mutate.hpp"

namespace {

using namespace taskdns;
using namespace taskdns::fuzz;

using Variables = std::map<std::string, std::string>;

Variables variables_in(std::string_view text) {
    Variables out;
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        const std::size_t mark = line.find('=');
        if (mark == std::string_view::npos || mark == 0) continue;
        std::string value(line.substr(mark + 1));
        std::replace(value.begin(), value.end(), '\v', '\n');  // so that a value may have lines
        out.emplace(line.substr(0, mark), std::move(value));
    }
    return out;
}

/// ${} by the letter of docs/configuration.md; null: a mistake.
std::optional<std::string> expand_slowly(const std::string& text, const Variables& variables) {
    const std::size_t at = text.find("${");
    if (at == std::string::npos) return text;
    if (at > 0 && text[at - 1] == '$') {
        const auto rest = expand_slowly(text.substr(at + 2), variables);
        return rest ? std::optional(text.substr(0, at - 1) + "${" + *rest) : std::nullopt;
    }
    const std::size_t end = text.find('}', at);
    if (end == std::string::npos) return std::nullopt;
    const std::string inside = text.substr(at + 2, end - at - 2);
    const std::size_t mark = inside.find(":-");
    const std::string name = inside.substr(0, mark);
    const std::string allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
    const bool named =
        !name.empty() && name.find_first_not_of(allowed) == std::string::npos && !(name[0] >= '0' && name[0] <= '9');
    if (!named || inside.find("${") != std::string::npos) return std::nullopt;
    const auto variable = variables.find(name);
    std::string value;
    if (mark != std::string::npos && (variable == variables.end() || variable->second.empty())) {
        value = inside.substr(mark + 2);
    } else if (variable == variables.end()) {
        return std::nullopt;
    } else {
        value = variable->second;
    }
    const auto rest = expand_slowly(text.substr(end + 1), variables);
    return rest ? std::optional(text.substr(0, at) + value + *rest) : std::nullopt;
}

void check_expansion(const std::string& text, const Variables& variables, const config::Environment& environment) {
    const auto expanded = config::expand(text, environment);
    const auto slowly = expand_slowly(text, variables);
    require(expanded.has_value() == slowly.has_value(), "expanded, or a mistake, as step by step");
    if (expanded) require(*expanded == *slowly, "to the same");
    if (!expanded) require(!expanded.error().message.empty(), "the error says what is wrong");
    std::string escaped;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text.compare(i, 2, "${") == 0) escaped += '$';
        escaped += text[i];
    }
    const auto back = config::expand(escaped, environment);
    require(back && *back == text, "$${ is a literal ${");
}

struct Item {
    std::string name;
    std::string port;
    std::string path;
};

std::vector<Item> items_in(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\n";
    std::vector<Item> out;
    for (;;) {
        const std::size_t comma = text.find(',');
        std::string_view item = text.substr(0, comma);
        item.remove_prefix(std::min(item.find_first_not_of(blanks), item.size()));
        item = item.substr(0, item.find_last_not_of(blanks) + 1);
        if (!item.empty()) {
            const std::string_view authority = item.substr(0, item.find('/'));
            const std::size_t colon = authority.find(':');
            Item one{std::string(authority.substr(0, colon)), "", std::string(item.substr(authority.size()))};
            if (colon != std::string_view::npos) one.port = authority.substr(colon + 1);
            out.push_back(std::move(one));
        }
        if (comma == std::string_view::npos) return out;
        text.remove_prefix(comma + 1);
    }
}

void check_services(const config::Config& config, const std::string& text) {
    for (const Item& item : items_in(text)) {
        const auto name = dns::Name::parse(item.name);
        require(name.has_value(), "what is accepted is a name");
        const auto service = std::find_if(config.services.begin(), config.services.end(),
                                          [&](const config::Service& s) { return s.name == *name; });
        require(service != config.services.end(), "each one is a service");
        if (!item.port.empty())
            require(std::to_string(service->port) == item.port ||
                        item.port.find_first_not_of("0123456789") != std::string::npos || item.port[0] == '0',
                    "with its port");
        if (item.path.empty()) continue;
        require(service->health.check == config::CheckKind::http && service->health.path == item.path,
                "and its path");
    }
}

constexpr std::string_view lines[]{"TASKDNS_SERVICES=resource-server.local:8080,orders.local:9090/healthz",
                                   "TASKDNS_SERVICES=orders.local",
                                   "TASKDNS_SERVICES= a.local:80 ,\vb.local:81/x ,,",
                                   "TASKDNS_DNS_LISTEN=127.0.0.1:5353,[::1]:5353",
                                   "TASKDNS_DNS_LISTEN=0.0.0.0:53",
                                   "TASKDNS_HTTP_LISTEN=127.0.0.1:8054",
                                   "TASKDNS_UPSTREAM=10.0.0.2,10.0.0.3:5353",
                                   "TASKDNS_UPSTREAM=auto",
                                   "TASKDNS_LOG_LEVEL=debug",
                                   "TASKDNS_LOG_FORMAT=json",
                                   "TASKDNS_SERVICE=a.local",
                                   "TASKDNS_CONFIG_CONTENT=services: [{name: a.local, port: 80}]",
                                   "TASKDNS_CONFIG_CONTENT={}",
                                   "TASKDNS_CONFIG_CONTENT=services:\v- name: ${NAME}\v  port: ${PORT:-80}\v",
                                   "TASKDNS_CONFIG_CONTENT=defaults: {health: {check: none}}\vservices: []\v",
                                   "NAME=b.local",
                                   "NAME=b.local\v  port: 1",
                                   "PORT=81",
                                   "PORT=",
                                   "X=${NAME}",
                                   "X=$${NAME}",
                                   "X=${NAME:-${PORT}}",
                                   "X=${1}",
                                   "X=${",
                                   "X=$$${X}",
                                   "EMPTY="};
constexpr std::string_view words[]{"a.local",
                                   "b.local:80",
                                   "${NAME}",
                                   "${PORT:-80}",
                                   "$${",
                                   "${",
                                   "}",
                                   ":-",
                                   "http:",
                                   "//",
                                   "0",
                                   "65536",
                                   "080",
                                   "80",
                                   "\v",
                                   " ",
                                   "a",
                                   "a.local:80/healthz?x=y",
                                   "127.0.0.1:53",
                                   "::1",
                                   "[::1]",
                                   "auto",
                                   "\xC3\xA4",
                                   "\xFF",
                                   "TASKDNS_SERVICES"};

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
    return mutate_lines({data, size, max_size, seed}, lines, words);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Variables variables = variables_in({reinterpret_cast<const char*>(data), size});
    // In the place of a file, which this machine might have.
    variables.emplace(config::content_variable, "{}");
    config::Sources sources;
    sources.environment = [&variables](const std::string& name) {
        const auto found = variables.find(name);
        return found == variables.end() ? std::nullopt : std::optional(found->second);
    };
    if (const auto& content = variables[config::content_variable];
        content.find_first_not_of(" \t\r\n") == std::string::npos) {
        variables[config::content_variable] = "{}";
    }
    sources.environment_names.clear();
    std::set<std::string> names{"no configuration"};
    std::size_t most_lines = 1;
    for (const auto& [name, value] : variables) {
        names.insert(name);
        sources.environment_names.push_back(name);
        check_expansion(value, variables, sources.environment);
        most_lines = std::max(most_lines, static_cast<std::size_t>(std::count(value.begin(), value.end(), '\n')) + 1);
    }
    const Result<config::Config> config = config::load(sources);
    if (!config) {
        check_mistakes(config.error(), names, most_lines);
        return 0;
    }
    check_config(*config);
    require(config::load(sources).value() == *config, "the same environment, the same configuration");
    const auto services = variables.find(config::services_variable);
    if (services != variables.end()) check_services(*config, services->second);
    return 0;
}
