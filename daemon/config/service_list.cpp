// The one-variable form as the YAML that it stands for. Layer: config.
#include "config/service_list.hpp"

#include <fmt/format.h>

#include "config/values.hpp"

namespace taskdns::config {
namespace {

// `http://orders.local:9090/healthz` is a likely way to write it: without the scheme it is right.
std::string without_scheme(std::string_view item) { return std::string(item.substr(item.find("://") + 3)); }

YamlNode service_node(std::string_view item, const Place& place) {
    const std::size_t slash = item.find('/');
    const std::string_view authority = item.substr(0, slash);
    const std::size_t colon = authority.find(':');
    std::vector<std::pair<std::string, YamlNode>> entries;
    entries.emplace_back("name", scalar_node(std::string(authority.substr(0, colon)), place));
    if (colon != std::string_view::npos) {
        entries.emplace_back("port", scalar_node(std::string(authority.substr(colon + 1)), place));
    }
    if (slash != std::string_view::npos) {
        std::vector<std::pair<std::string, YamlNode>> health;
        health.emplace_back("check", scalar_node("http", place));
        health.emplace_back("path", scalar_node(std::string(item.substr(slash)), place));
        entries.emplace_back("health", map_node(std::move(health), place));
    }
    return map_node(std::move(entries), place);
}

}  // namespace

YamlNode scalar_node(std::string text, const Place& place) {
    YamlNode node;
    node.kind = YamlNode::Kind::scalar;
    node.place = place;
    node.text = std::move(text);
    return node;
}

YamlNode map_node(std::vector<std::pair<std::string, YamlNode>> entries, const Place& place) {
    YamlNode node;
    node.kind = YamlNode::Kind::map;
    node.place = place;
    for (auto& [key, value] : entries) {
        node.keys.push_back({std::move(key), place});
        node.items.push_back(std::move(value));
    }
    return node;
}

YamlNode parse_service_list(const std::string& text, std::uint32_t source, Mistakes& mistakes) {
    YamlNode list;
    list.kind = YamlNode::Kind::list;
    list.place = {source, 1, 1};
    for (const Piece& piece : split_at_commas(text)) {
        const Place place{source, piece.line, piece.column};
        if (piece.text.find("://") != std::string_view::npos) {
            mistakes.add(place, fmt::format("services[{}]", list.items.size()),
                         fmt::format("{} has a scheme (write {})", in_quotes(piece.text),
                                     in_quotes(without_scheme(piece.text))));
            list.items.emplace_back();
            list.items.back().place = place;
            list.items.back().broken = true;
            continue;
        }
        list.items.push_back(service_node(piece.text, place));
    }
    return list;
}

}  // namespace taskdns::config
