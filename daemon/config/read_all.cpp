// The sources that were found, read into one configuration. Layer: config.
#include "config/read_all.hpp"

#include <algorithm>
#include <unordered_map>

#include <fmt/format.h>

#include "config/expand.hpp"
#include "config/read_service.hpp"
#include "config/read_settings.hpp"
#include "config/service_list.hpp"
#include "config/text_check.hpp"

namespace taskdns::config {
namespace {

struct Draft {
    SettingsDraft settings;
    ServiceDraft defaults;
    std::vector<ServiceDraft> services;
    bool services_given = false;  // even if all of them are mistaken, or [] says that there are none
};

/// One note for all of them: usually it is `defaults` that says so.
void note_zones_without_map(Config& config) {
    const auto prefers_blindly = [](const Service& service) {
        return service.zone.prefer && service.zone.map.empty();
    };
    const auto first = std::ranges::find_if(config.services, prefers_blindly);
    if (first == config.services.end()) return;
    const auto count = std::ranges::count_if(config.services, prefers_blindly);
    config.notes.push_back(
        fmt::format("{}{}: zone.prefer without a map: of all addresses only those of the task's own subnet are known "
                    "to be in its zone, by the task's metadata; outside ECS none (zone.map names the others)",
                    first->name.to_string(), count > 1 ? fmt::format(" and {} others", count - 1) : ""));
}

// The YAML and the overrides go through the same calls: what is not written stays as it is.
void read_sections(YamlMap& top, SettingsDraft& settings) {
    read_listen(top.map("listen"), settings);
    read_upstream(top.map("upstream"), settings);
    read_forward(top.map("forward"), settings.forward);
    top.value("snapshot", file_path, settings.snapshot);
    read_resolv_conf(top.map("resolv_conf"), settings);
    read_shutdown(top.map("shutdown"), settings.shutdown);
    top.word<bool>("sandbox", {{"off", false}, {"on", true}}, settings.sandbox);
    read_log(top.map("log"), settings.log);
    read_metrics(top.map("metrics"), settings.metrics);
}

void read_top(YamlMap top, Draft& draft, Mistakes& mistakes) {
    read_sections(top, draft.settings);
    draft.defaults = read_defaults(top.map("defaults"), mistakes);
    for (YamlMap& service : top.maps("services")) {
        draft.services.push_back(read_service(std::move(service), draft.defaults, mistakes));
    }
    draft.services_given = !draft.services.empty() || top.is_empty_list("services") || !mistakes.none_at("services");
    top.finish();
}

void read_yaml(const SourceText& source, const Environment& environment, Reading& reading, Draft& draft) {
    const std::uint32_t number = reading.mistakes.add_source(source.name);
    std::optional<YamlNode> root = parse_yaml(source.text, number, reading.mistakes);
    if (!root) {
        draft.services_given = true;  // who knows
        return;
    }
    if (root->kind == YamlNode::Kind::null) root->place = {number, 0, 0};
    expand_all(*root, environment, reading.mistakes);
    read_top(YamlMap(reading, *root, ""), draft, reading.mistakes);
}

// Those of the variable replace those of the same name where they stand, and are added behind them otherwise.
void read_service_list(const std::string& text, Reading& reading, Draft& draft) {
    const std::uint32_t number = reading.mistakes.add_source(services_variable);
    if (!check_text(text, number, reading.mistakes)) return;
    std::vector<std::pair<std::string, YamlNode>> entries;
    entries.emplace_back("services", parse_service_list(text, number, reading.mistakes));
    const YamlNode root = map_node(std::move(entries), {number, 1, 1});
    draft.services_given = draft.services_given || !root.items.front().items.empty();

    std::unordered_map<dns::Name, std::size_t> of_the_yaml;
    for (std::size_t i = 0; i < draft.services.size(); ++i) {
        if (draft.services[i].name) of_the_yaml.emplace(draft.services[i].name->value, i);
    }
    for (YamlMap& map : YamlMap(reading, root, "").maps("services")) {
        ServiceDraft service = read_service(std::move(map), draft.defaults, reading.mistakes);
        const auto same = service.name ? of_the_yaml.find(service.name->value) : of_the_yaml.end();
        if (same == of_the_yaml.end()) {
            draft.services.push_back(std::move(service));
        } else {
            draft.services[same->second] = std::move(service);
            of_the_yaml.erase(same);  // a second one of the variable is a duplicate
        }
    }
}

void read_override(const Override& override, const std::string& text, Reading& reading, Draft& draft) {
    const std::uint32_t number = reading.mistakes.add_source(override.variable);
    if (!check_text(text, number, reading.mistakes)) return;
    YamlNode value = scalar_node(text, {number, 1, 1});
    const bool is_word = split_at_commas(text).size() == 1;  // such as auto
    if (override.is_list && !is_word) {
        value.kind = YamlNode::Kind::list;
        for (const Piece& piece : split_at_commas(text)) {
            value.items.push_back(scalar_node(std::string(piece.text), Place{number, piece.line, piece.column}));
        }
    }
    std::vector<std::pair<std::string, YamlNode>> entry;
    entry.emplace_back(override.key, std::move(value));
    std::vector<std::pair<std::string, YamlNode>> section;
    section.emplace_back(override.section, map_node(std::move(entry), {number, 1, 1}));
    const YamlNode root = map_node(std::move(section), {number, 1, 1});
    YamlMap top(reading, root, "");
    read_sections(top, draft.settings);
}

Config finish(Draft draft, const Mistakes& mistakes) {
    Config config;
    config.listen = std::move(draft.settings.listen);
    config.listen.dns = values_of(draft.settings.dns);
    config.listen.http = values_of(draft.settings.http);
    config.upstream = std::move(draft.settings.upstream);
    config.upstream.servers = values_of(draft.settings.servers);
    for (const auto& server : draft.settings.servers) {
        config.upstream.places.push_back(mistakes.place_text(server.place) + ": " + server.path);
    }
    config.forward = draft.settings.forward;
    config.snapshot = std::move(draft.settings.snapshot);
    config.resolv_conf = std::move(draft.settings.resolv_conf);
    config.shutdown = std::move(draft.settings.shutdown);
    config.sandbox = draft.settings.sandbox;
    config.log = draft.settings.log;
    config.metrics = std::move(draft.settings.metrics);
    for (ServiceDraft& service : draft.services) {
        config.services.push_back(std::move(service.service));
        if (!service.note.empty()) config.notes.push_back(std::move(service.note));
    }
    note_zones_without_map(config);
    return config;
}

}  // namespace

Result<Config> read_all(const FoundSources& found, const Environment& environment, Mistakes& mistakes) {
    Reading reading{mistakes, nullptr};
    Draft draft;
    if (found.yaml) read_yaml(*found.yaml, environment, reading, draft);
    if (found.services) read_service_list(*found.services, reading, draft);
    for (const auto& [override, text] : found.overrides) read_override(override, text, reading, draft);

    check_settings(draft.settings, mistakes);
    check_names(draft.services, mistakes);
    if (found.need_services && !draft.services_given && mistakes.none()) {
        const std::uint32_t source = found.yaml ? 0 : mistakes.add_source("no configuration");
        mistakes.add({source, 0, 0}, "services",
                     "there are none (write services: [{name: orders.local, port: 8080}], or set "
                     "TASKDNS_SERVICES=orders.local:8080)");
    }
    if (!mistakes.none()) return Error{Errc::invalid_config, mistakes.text()};

    Config config = finish(std::move(draft), mistakes);
    if (found.need_services && config.services.empty()) {
        config.notes.emplace_back("services is an empty list: nothing is discovered, every name is forwarded");
    }
    if (found.yaml) config.origins.push_back(found.yaml->name);
    if (found.services) config.origins.emplace_back(services_variable);
    for (const auto& [override, text] : found.overrides) config.origins.emplace_back(override.variable);
    return config;
}

std::vector<Setting> describe() {
    Mistakes mistakes;
    mistakes.add_source("description");
    std::vector<Setting> settings;
    Reading reading{mistakes, &settings};
    Draft draft;
    read_top(YamlMap(reading, Place{}, ""), draft, mistakes);
    return settings;
}

}  // namespace taskdns::config
