// One map of the configuration while it is read. Layer: config.
#include "config/yaml_map.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/nearest.hpp"
#include "base/time.hpp"
#include "config/size.hpp"

namespace taskdns::config {
namespace {

bool is_whole_number(std::string_view text) {
    if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

const YamlNode nothing;

// Number and unit are right, so it is parse_duration's limit that rejects it.
bool has_duration_unit(std::string_view text) {
    const std::size_t end = text.find_first_not_of("0123456789.");
    if (end == 0 || end == std::string_view::npos) return false;
    return parse_duration("1" + std::string(text.substr(end))).has_value();
}

std::string range_of(milliseconds min, milliseconds max) {
    return format_duration(min) + " to " + format_duration(max);
}

}  // namespace

YamlMap::YamlMap(Reading& reading, const YamlNode& node, std::string path)
    : reading_(&reading), node_(&node), place_(node.place), path_(std::move(path)) {
    if (node.kind == YamlNode::Kind::map || node.kind == YamlNode::Kind::null || node.broken) return;
    reading.mistakes.add(
        node.place, path_,
        fmt::format("is {}, not a map of keys (write `key: value` lines below it)", to_string(node.kind)));
}

YamlMap::YamlMap(Reading& reading, const Place& place, std::string path)
    : reading_(&reading), node_(&nothing), place_(place), path_(std::move(path)) {}

void YamlMap::duration(std::string_view key, milliseconds min, milliseconds max, milliseconds& out) {
    state({path_of(key), "duration", format_duration(out), range_of(min, max), {}});
    const std::string* text = scalar(key, "a duration", "5s");
    if (text != nullptr) read_duration(key, *text, min, max, out);
}

void YamlMap::duration_or(std::string_view key, std::string_view word, milliseconds min, milliseconds max,
                          std::optional<milliseconds>& out) {
    state({path_of(key), "duration", out ? format_duration(*out) : std::string(word), range_of(min, max), {}});
    const std::string* text = scalar(key, "a duration", word);
    if (text == nullptr) return;
    if (*text == word) {
        out.reset();
        return;
    }
    milliseconds read = out.value_or(min);
    read_duration(key, *text, min, max, read);
    if (sound(key)) out = read;
}

void YamlMap::read_duration(std::string_view key, const std::string& text, milliseconds min, milliseconds max,
                            milliseconds& out) {
    const auto parsed = parse_duration(text);
    if (!parsed && !has_duration_unit(text)) {
        mistake_at(key, not_a_duration(text));
    } else if (!parsed || *parsed < min || *parsed > max) {
        mistake_at(key, in_quotes(text) + " is out of range (" + range_of(min, max) + ")");
    } else {
        out = *parsed;
    }
}

void YamlMap::percent(std::string_view key, unsigned min, unsigned max, unsigned& out) {
    const std::string range = fmt::format("{}% to {}%", min, max);
    state({path_of(key), "percent", fmt::format("{}%", out), range, {}});
    const std::string* text = scalar(key, "a percentage", "50%");
    if (text == nullptr) return;
    const std::string number = text->substr(0, text->find('%'));
    unsigned read = 0;
    const auto [rest, error] = std::from_chars(number.data(), number.data() + number.size(), read);
    const bool whole = !number.empty() && rest == number.data() + number.size() && error == std::errc{};
    if (!whole || number.size() + 1 != text->size()) {
        mistake_at(key, fmt::format("{} is not a whole percentage ({})", in_quotes(*text),
                                    whole ? fmt::format("try {}%", read) : "such as 50%"));
    } else if (read < min || read > max) {
        mistake_at(key, fmt::format("{} is out of range ({})", in_quotes(*text), range));
    } else {
        out = read;
    }
}

void YamlMap::size(std::string_view key, std::size_t min, std::size_t max, std::size_t& out) {
    const std::string range = format_size(min) + " to " + format_size(max);
    state({path_of(key), "size", format_size(out), range, {}});
    const std::string* text = scalar(key, "a size", "1MiB");
    if (text == nullptr) return;
    const auto parsed = parse_size(*text);
    if (!parsed) {
        mistake_at(key, not_a_size(*text));
    } else if (*parsed < min || *parsed > max) {
        mistake_at(key, in_quotes(*text) + " is out of range (" + range + ")");
    } else {
        out = *parsed;
    }
}

void YamlMap::whole_seconds(std::string_view key, seconds min, seconds max, seconds& out) {
    milliseconds wanted = out;
    duration(key, min, max, wanted);
    const seconds whole = std::chrono::floor<seconds>(wanted);
    if (whole != wanted) {
        mistake_at(key, fmt::format("{} is not a whole number of seconds (try {})",
                                    in_quotes(format_duration(wanted)), format_duration(std::max(min, whole))));
        return;
    }
    out = whole;
}

void YamlMap::boolean(std::string_view key, bool& out) {
    state({path_of(key), "boolean", out ? "true" : "false", "", {}});
    const std::string* text = scalar(key, "true or false", "true");
    if (text == nullptr) return;
    if (*text == "true" || *text == "false") {
        out = *text == "true";
    } else {
        mistake_at(key, in_quotes(*text) + " is neither true nor false (write one of them)");
    }
}

unsigned YamlMap::read_integer(std::string_view key, unsigned min, unsigned max, unsigned fallback) {
    const std::string range = fmt::format("{} to {}", min, max);
    // 0 outside the range is a field that nobody has set.
    state({path_of(key), "integer", fallback < min ? "" : std::to_string(fallback), range, {}});
    const std::string* text = scalar(key, "a number", std::to_string(std::max(min, fallback)));
    if (text == nullptr) return fallback;
    unsigned number = 0;
    const auto [rest, error] = std::from_chars(text->data(), text->data() + text->size(), number);
    if (!is_whole_number(*text)) {
        mistake_at(key, fmt::format("{} is not a whole number ({})", in_quotes(*text), range));
    } else if (error != std::errc{} || rest != text->data() + text->size() || number < min || number > max) {
        mistake_at(key, fmt::format("{} is out of range ({})", in_quotes(*text), range));
    } else {
        return number;
    }
    return fallback;
}

std::size_t YamlMap::read_word(std::string_view key, const std::vector<std::string>& words, std::size_t fallback) {
    state({path_of(key), "word", words[fallback], fmt::format("{}", fmt::join(words, ", ")), words});
    const std::string* text = scalar(key, "one word", words[fallback]);
    if (text == nullptr) return fallback;
    const auto known = std::find(words.begin(), words.end(), *text);
    if (known != words.end()) return static_cast<std::size_t>(known - words.begin());
    const std::string* meant = nearest(*text, words);
    mistake_at(key, fmt::format("{} is not one of {} {}", in_quotes(*text), fmt::join(words, ", "),
                                meant != nullptr ? "(did you mean " + *meant + "?)" : "(write one of them)"));
    return fallback;
}

std::optional<std::vector<YamlMap::Item>> YamlMap::items(std::string_view key, std::string_view what,
                                                         std::string_view example, std::string_view word) {
    const YamlNode* node = find(key);
    if (node == nullptr) return std::nullopt;
    std::vector<Item> out;
    if (node->broken || (!word.empty() && node->kind == YamlNode::Kind::scalar && node->text == word)) return out;
    if (node->kind == YamlNode::Kind::scalar) {
        for (const Piece& piece : split_at_commas(node->text)) {
            out.push_back({piece.text, node->place, fmt::format("{}[{}]", path_of(key), out.size())});
        }
    } else if (node->kind == YamlNode::Kind::list) {
        out = items_of_list(*node, path_of(key), what, example);
    } else {
        mistake_at(key, fmt::format("is {}, not a list (such as [{}])", to_string(node->kind), example));
    }
    if (out.empty() && !word.empty() && sound(key)) {
        mistake_at(key, fmt::format("is an empty list (write {}, or such as [{}])", word, example));
    }
    return out;
}

std::vector<YamlMap::Item> YamlMap::items_of_list(const YamlNode& node, const std::string& list_path,
                                                  std::string_view what, std::string_view example) {
    std::vector<Item> out;
    for (std::size_t i = 0; i < node.items.size(); ++i) {
        const YamlNode& item = node.items[i];
        std::string path = fmt::format("{}[{}]", list_path, i);
        if (item.kind == YamlNode::Kind::scalar && !item.broken) {
            out.push_back({item.text, item.place, std::move(path)});
        } else if (!item.broken) {
            const Place& place = item.kind == YamlNode::Kind::null ? node.place : item.place;
            reading_->mistakes.add(place, std::move(path),
                                   fmt::format("is {}, not {} (such as {})", to_string(item.kind), what, example));
        }
    }
    return out;
}

std::optional<std::vector<YamlMap::Entry>> YamlMap::entries(std::string_view key, std::string_view what,
                                                            std::string_view example) {
    state({path_of(key), "map", "", "", {}});
    const YamlNode* node = find(key);
    if (node == nullptr || node->broken) return std::nullopt;
    std::vector<Entry> out;
    if (node->kind == YamlNode::Kind::null) return out;
    if (node->kind != YamlNode::Kind::map) {
        mistake_at(key, fmt::format("is {}, not a map (such as {{{}}})", to_string(node->kind), example));
        return out;
    }
    for (std::size_t i = 0; i < node->keys.size(); ++i) {
        const YamlNode& item = node->items[i];
        std::string path = fmt::format("{}[{}]", path_of(key), printable(node->keys[i].text));
        if (item.kind == YamlNode::Kind::scalar && !item.broken) {
            out.push_back({node->keys[i].text, node->keys[i].place, item.text, item.place, std::move(path)});
        } else if (!item.broken) {
            reading_->mistakes.add(node->keys[i].place, std::move(path),
                                   fmt::format("is {}, not {} (such as {})", to_string(item.kind), what, example));
        }
    }
    return out;
}

YamlMap YamlMap::map(std::string_view key) {
    known_.emplace_back(key);
    const YamlNode* node = find(key);
    YamlMap out =
        node == nullptr ? YamlMap(*reading_, place_, path_of(key)) : YamlMap(*reading_, *node, path_of(key));
    if (!inherited_.empty()) out.inherits(inherited_ + "." + std::string(key));
    return out;
}

std::vector<YamlMap> YamlMap::maps(std::string_view key) {
    known_.emplace_back(key);
    std::vector<YamlMap> out;
    if (reading_->description != nullptr) out.emplace_back(*reading_, place_, path_of(key) + "[]");
    const YamlNode* node = find(key);
    if (node == nullptr || node->kind == YamlNode::Kind::null || node->broken) return out;
    if (node->kind != YamlNode::Kind::list) {
        mistake_at(key, fmt::format("is {}, not a list (write `- ` in front of each item)", to_string(node->kind)));
        return out;
    }
    for (std::size_t i = 0; i < node->items.size(); ++i) {
        const YamlNode& item = node->items[i];
        std::string path = fmt::format("{}[{}]", path_of(key), i);
        if (item.kind == YamlNode::Kind::map) {
            out.emplace_back(*reading_, item, std::move(path));
        } else if (!item.broken) {
            const Place& place = item.kind == YamlNode::Kind::null ? node->place : item.place;
            reading_->mistakes.add(
                place, std::move(path),
                fmt::format("is {}, not a map of keys (such as - name: orders.local)", to_string(item.kind)));
        }
    }
    return out;
}

bool YamlMap::is_empty_list(std::string_view key) const {
    const YamlNode* node = find(key);
    return node != nullptr && node->kind == YamlNode::Kind::list && node->items.empty() && !node->broken;
}

bool YamlMap::sound(std::string_view key) const {
    const auto none_at = [&](const std::string& path) { return reading_->mistakes.none_at(path); };
    return none_at(path_of(key)) && (inherited_.empty() || none_at(inherited_ + "." + std::string(key)));
}

void YamlMap::mistake_at(std::string_view key, std::string what) {
    reading_->mistakes.add(place_of(key), path_of(key), std::move(what));
}

void YamlMap::required(std::string_view key, std::string example) {
    if (!has(key)) missing_.emplace_back(key, std::move(example));
}

void YamlMap::finish() {
    check_keys();
    for (const auto& [key, example] : missing_) mistake_at(key, "is missing (such as " + example + ")");
}

void YamlMap::check_keys() {
    if (node_->kind != YamlNode::Kind::map) return;
    for (const Key& key : node_->keys) {
        if (std::find(known_.begin(), known_.end(), key.text) != known_.end()) continue;
        if (reading_->mistakes.enough()) {  // saves the search for what is near
            reading_->mistakes.add(key.place, "", "");
            continue;
        }
        const std::string* meant = nearest(key.text, known_);
        std::erase_if(missing_, [meant](const auto& entry) { return meant != nullptr && entry.first == *meant; });
        reading_->mistakes.add(key.place, path_of(key.text),
                               key.text == "<<" ? "merge keys are not read (put what services share under defaults:)"
                                                : "unknown key " + suggestion(key.text, known_));
    }
}

Place YamlMap::place_of(std::string_view key) const {
    const YamlNode* node = find(key);
    return node == nullptr ? place() : node->place;
}

const YamlNode* YamlMap::find(std::string_view key) const {
    if (node_->kind != YamlNode::Kind::map) return nullptr;
    const auto at =
        std::find_if(node_->keys.begin(), node_->keys.end(), [key](const Key& k) { return k.text == key; });
    return at == node_->keys.end() ? nullptr : &node_->items[static_cast<std::size_t>(at - node_->keys.begin())];
}

void YamlMap::state(Setting setting) {
    const std::size_t dot = setting.path.rfind('.');
    known_.push_back(dot == std::string::npos ? setting.path : setting.path.substr(dot + 1));
    if (reading_->description != nullptr) reading_->description->push_back(std::move(setting));
}

const std::string* YamlMap::scalar(std::string_view key, std::string_view what, std::string_view example) {
    const YamlNode* node = find(key);
    if (node == nullptr || node->broken) return nullptr;
    if (node->kind == YamlNode::Kind::scalar) return &node->text;
    mistake_at(key, fmt::format("is {}, not {} (such as {})", to_string(node->kind), what, example));
    return nullptr;
}

}  // namespace taskdns::config
