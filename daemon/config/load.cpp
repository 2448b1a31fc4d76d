// The configuration from all its places: which of them there are, and what they are called. Layer: config.
#include "config/load.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <span>
#include <string_view>

#include "base/nearest.hpp"
#include "config/read_all.hpp"
#include "config/read_file.hpp"

namespace taskdns::config {
namespace {

// ECS cannot leave a variable of a task definition out, only empty: that is not set.
std::optional<std::string> value_of(const Environment& environment, const char* variable) {
    auto value = environment(variable);
    if (value && value->find_first_not_of(" \t\r\n") == std::string::npos) return std::nullopt;
    return value;
}

std::vector<std::string> known_variables() {
    std::vector<std::string> known{content_variable, services_variable};
    for (const Override& override : overrides) known.emplace_back(override.variable);
    return known;
}

// Not an error: container links and orchestrators set variables that begin with a container's name.
std::vector<std::string> notes_on_unknown(const std::vector<std::string>& names) {
    const std::vector<std::string> known = known_variables();
    std::vector<std::string> notes;
    for (const std::string& name : names) {
        if (!name.starts_with("TASKDNS_") || std::find(known.begin(), known.end(), name) != known.end()) continue;
        notes.push_back("variable " + printable(name) + " is not one of taskdns " + suggestion(name, known));
    }
    return notes;
}

// The file, unless TASKDNS_CONFIG_CONTENT stands in for it as a whole.
std::optional<SourceText> find_yaml(const Sources& sources, Mistakes& mistakes, std::vector<std::string>& notes) {
    const std::string path = sources.path.value_or(default_path);
    if (auto content = value_of(sources.environment, content_variable)) {
        if (sources.path || access(path.c_str(), F_OK) == 0) {
            notes.push_back(printable(path) + " is not read, because " + content_variable + " is set");
        }
        return SourceText{content_variable, std::move(*content)};
    }
    auto text = read_file(path);
    if (text && *text) return SourceText{path, std::move(**text)};
    if (!text) {
        mistakes.add({mistakes.add_source(path), 0, 0}, "", text.error().message);
    } else if (sources.path) {
        mistakes.add({mistakes.add_source(path), 0, 0}, "", "there is no such file (check --config)");
    }
    return std::nullopt;
}

}  // namespace

Environment process_environment() {
    return [](const std::string& name) -> std::optional<std::string> {
        const char* value = std::getenv(name.c_str());
        return value == nullptr ? std::nullopt : std::optional<std::string>(value);
    };
}

std::vector<std::string> process_environment_names() {
    std::vector<std::string> names;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string_view text(*entry);
        names.emplace_back(text.substr(0, text.find('=')));
    }
    return names;
}

std::optional<std::string> find_file(const Sources& sources) {
    if (value_of(sources.environment, content_variable)) return std::nullopt;
    return sources.path.value_or(default_path);
}

Result<Config> load(const Sources& sources) {
    Mistakes mistakes;
    FoundSources found;
    std::vector<std::string> notes = notes_on_unknown(sources.environment_names);
    found.yaml = find_yaml(sources, mistakes, notes);
    found.need_services = sources.need_services;
    found.services = value_of(sources.environment, services_variable);
    for (const Override& override : overrides) {
        if (auto value = value_of(sources.environment, override.variable))
            found.overrides.emplace_back(override, *value);
    }
    auto config = read_all(found, sources.environment, mistakes);
    if (config) config->notes.insert(config->notes.begin(), notes.begin(), notes.end());
    return config;
}

Result<Config> parse(const std::string& yaml, const std::string& file_name, const Environment& environment) {
    Mistakes mistakes;
    FoundSources found;
    found.yaml = SourceText{file_name, yaml};
    return read_all(found, environment, mistakes);
}

}  // namespace taskdns::config
