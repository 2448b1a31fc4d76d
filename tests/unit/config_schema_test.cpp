// config/taskdns.schema.json and config/taskdns.yaml know the same keys, defaults, ranges and words as the reader.
// JSON is YAML, so our own tree reads the schema.
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "base/time.hpp"
#include "config/read_all.hpp"
#include "config/yaml_tree.hpp"

namespace taskdns::config {
namespace {

YamlNode tree_of(const std::string& name) {
    std::ifstream file(std::string(TASKDNS_SOURCE_DIR) + "/" + name, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    Mistakes mistakes;
    auto root = parse_yaml(text.str(), mistakes.add_source(name), mistakes);
    EXPECT_TRUE(root.has_value()) << mistakes.text();
    return root.value_or(YamlNode{});
}

const YamlNode* member(const YamlNode& node, const std::string& key) {
    for (std::size_t i = 0; i < node.keys.size(); ++i) {
        if (node.keys[i].text == key) return &node.items[i];
    }
    return nullptr;
}

std::string as_written(const YamlNode& node) {
    if (node.kind == YamlNode::Kind::scalar) return node.text;
    std::string items;
    for (const YamlNode& item : node.items) items += (items.empty() ? "" : ", ") + as_written(item);
    return "[" + items + "]";
}

// 60s and 1m are the same default.
std::string normal(const std::string& text) {
    const auto duration = parse_duration(text);
    return duration ? format_duration(*duration) : text;
}

class Schema {
public:
    Schema() : root_(tree_of("config/taskdns.schema.json")) { walk(root_, ""); }

    struct Property {
        std::string kind;
        std::string fallback;
        std::string range;
        std::vector<std::string> words;
        bool described = false;
    };
    const std::map<std::string, Property>& properties() const { return properties_; }

private:
    // The members of `node`, of what it refers to and of its alternatives: the first that has `key`.
    const YamlNode* find(const YamlNode& node, const std::string& key) const {
        if (const YamlNode* own = member(node, key)) return own;
        if (const YamlNode* reference = member(node, "$ref")) {
            if (const YamlNode* found = find(definition(*reference), key)) return found;
        }
        if (const YamlNode* alternatives = member(node, "anyOf")) {
            for (const YamlNode& alternative : alternatives->items) {
                if (const YamlNode* found = find(alternative, key)) return found;
            }
        }
        return nullptr;
    }

    const YamlNode& definition(const YamlNode& reference) const {
        const std::string prefix = "#/$defs/";
        EXPECT_TRUE(reference.text.starts_with(prefix)) << reference.text;
        const YamlNode* found = member(*member(root_, "$defs"), reference.text.substr(prefix.size()));
        EXPECT_NE(found, nullptr) << reference.text;
        return *found;
    }

    std::string kind_of(const YamlNode& node) const {
        if (const YamlNode* reference = member(node, "$ref")) {
            for (const char* kind : {"duration", "boolean", "percent", "size"}) {
                if (reference->text == std::string("#/$defs/") + kind) return kind;
            }
            if (reference->text == "#/$defs/duration_or_auto") return "duration";
            if (reference->text == "#/$defs/texts") return "list";
            return kind_of(definition(*reference));
        }
        if (find(node, "enum") != nullptr) return "word";
        const YamlNode* type = find(node, "type");
        if (type == nullptr) return "nothing";
        if (type->text == "object") return "map";  // its keys are the user's own
        return type->text == "string" ? "text" : as_written(*type);
    }

    void walk(const YamlNode& node, const std::string& path) {
        if (const YamlNode* items = find(node, "items");
            items != nullptr && member(*items, "properties") != nullptr) {
            walk(*items, path + "[]");
            return;
        }
        const YamlNode* properties = find(node, "properties");
        if (properties == nullptr) {
            add(node, path);
            return;
        }
        const YamlNode* closed = find(node, "additionalProperties");
        EXPECT_TRUE(closed != nullptr && closed->text == "false") << path << " lets unknown keys pass";
        for (std::size_t i = 0; i < properties->keys.size(); ++i) {
            walk(properties->items[i], (path.empty() ? "" : path + ".") + properties->keys[i].text);
        }
    }

    void add(const YamlNode& node, const std::string& path) {
        Property& property = properties_[path];
        property.kind = kind_of(node);
        if (const YamlNode* fallback = member(node, "default")) property.fallback = as_written(*fallback);
        if (property.kind == "integer")
            property.range = find(node, "minimum")->text + " to " + find(node, "maximum")->text;
        if (const YamlNode* words = find(node, "enum")) {
            for (const YamlNode& word : words->items) property.words.push_back(word.text);
        }
        const YamlNode* description = find(node, "description");
        property.described = description != nullptr;
        if ((property.kind == "duration" || property.kind == "percent" || property.kind == "size") &&
            description != nullptr) {  // JSON has no range for a text: it is the last words
            const std::size_t mark = description->text.rfind(": ");
            property.range = description->text.substr(mark + 2, description->text.rfind('.') - mark - 2);
        }
    }

    YamlNode root_;
    std::map<std::string, Property> properties_;
};

TEST(Schema, KnowsTheKeysDefaultsRangesAndWordsOfTheReader) {
    auto properties = Schema().properties();
    const auto settings = describe();
    EXPECT_GT(settings.size(), 50u);
    for (const Setting& setting : settings) {
        ASSERT_TRUE(properties.contains(setting.path)) << setting.path << " is not in the schema";
        const Schema::Property property = properties[setting.path];
        EXPECT_EQ(property.kind, setting.kind) << setting.path;
        EXPECT_EQ(property.fallback, setting.fallback) << setting.path;
        EXPECT_EQ(property.words, setting.words) << setting.path;
        EXPECT_EQ(property.range, setting.words.empty() ? setting.range : "") << setting.path;
        EXPECT_TRUE(property.described) << setting.path;
        properties.erase(setting.path);
    }
    for (const auto& [path, property] : properties)
        ADD_FAILURE() << path << " is in the schema, but the reader does not know it";
}

void collect(const YamlNode& node, const std::string& path, std::map<std::string, std::string>& out) {
    const bool is_list_of_maps =
        node.kind == YamlNode::Kind::list && !node.items.empty() && node.items[0].kind == YamlNode::Kind::map;
    if (is_list_of_maps) {
        for (const YamlNode& item : node.items) collect(item, path + "[]", out);
    } else if (node.kind == YamlNode::Kind::map && !node.keys.empty()) {
        for (std::size_t i = 0; i < node.items.size(); ++i) {
            collect(node.items[i], (path.empty() ? "" : path + ".") + node.keys[i].text, out);
        }
    } else {
        out[path] = as_written(node);
    }
}

TEST(FileWithEverySetting, StatesEveryDefault) {
    std::map<std::string, std::string> written;
    collect(tree_of("config/taskdns.yaml"), "", written);
    // What has no default, or only a meaning together with another key, stands in a comment.
    const std::set<std::string> elsewhere{"services[].addresses",          "services[].health.path",
                                          "services[].health.host",        "services[].health.expect_status",
                                          "services[].health.expect_body", "services[].health.tls.verify",
                                          "services[].health.tls.ca_file", "services[].health.tls.server_name"};
    const std::set<std::string> examples{"services[].name", "services[].port"};
    for (const Setting& setting : describe()) {
        if (setting.path.starts_with("defaults.") || elsewhere.contains(setting.path)) continue;
        ASSERT_TRUE(written.contains(setting.path)) << setting.path << " is not in config/taskdns.yaml";
        if (examples.contains(setting.path)) continue;
        if (setting.kind == "map") {
            EXPECT_EQ(written[setting.path], "[]") << setting.path << " is not empty";
            continue;
        }
        EXPECT_EQ(normal(written[setting.path]), setting.fallback) << setting.path;
    }
}

}  // namespace
}  // namespace taskdns::config
