// One map of the configuration while it is read: each call states a key, its kind, its range and its field at once.
// Layer: config. Pure. What a key's absence leaves in the field is its default.
#pragma once

#include <concepts>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/mistakes.hpp"
#include "config/values.hpp"
#include "config/yaml_tree.hpp"

namespace taskdns::config {

/// What the reader knows of one key: for the tests that keep schema and documentation equal to it.
struct Setting {
    std::string path;                ///< services[].health.interval
    std::string kind;                ///< duration, size, integer, percent, boolean, word, text, list, map
    std::string fallback;            ///< the default as it would be written; empty: none
    std::string range;               ///< `100ms to 1h`; empty: none
    std::vector<std::string> words;  ///< of a word: what it may be
};

/// One pass over the sources. With `description`, every call also writes down what it states.
struct Reading {
    Mistakes& mistakes;
    std::vector<Setting>* description = nullptr;
};

template <class T>
struct Placed {
    T value;
    Place place;
    std::string path;
};

template <class Enum>
using Words = std::initializer_list<std::pair<const char*, Enum>>;

class YamlMap {
public:
    /// `node` outlives the map. If it is not a map, that is a mistake, and the map is empty.
    YamlMap(Reading& reading, const YamlNode& node, std::string path);
    /// A map that is not written; its mistakes are placed at `place`.
    YamlMap(Reading& reading, const Place& place, std::string path);

    void duration(std::string_view key, milliseconds min, milliseconds max, milliseconds& out);
    /// The same, or `word`, which is null.
    void duration_or(std::string_view key, std::string_view word, milliseconds min, milliseconds max,
                     std::optional<milliseconds>& out);
    /// A whole number of per cent with its sign, `50%`.
    void percent(std::string_view key, unsigned min, unsigned max, unsigned& out);
    /// Octets: `0`, `512KiB`, `1MiB`.
    void size(std::string_view key, std::size_t min, std::size_t max, std::size_t& out);
    void whole_seconds(std::string_view key, seconds min, seconds max, seconds& out);
    void boolean(std::string_view key, bool& out);
    template <std::unsigned_integral T>
    void integer(std::string_view key, T min, T max, T& out) {
        out = static_cast<T>(read_integer(key, min, max, out));
    }
    template <class Enum>
    void word(std::string_view key, Words<Enum> words, Enum& out);
    template <class T>
    void value(std::string_view key, const ValueKind<T>& kind, T& out);
    /// A list, or one text with commas. `word` stands for the empty list where it is given. An item that is wrong is
    /// left out. Not written: `fallback`, placed at the map.
    template <class T>
    std::vector<Placed<T>> list(std::string_view key, const ValueKind<T>& kind, const std::vector<T>& fallback,
                                std::string_view word = "");
    struct Entry {
        std::string key;
        Place key_place;
        std::string text;
        Place place;
        std::string path;
    };
    /// A map whose keys are the user's own, such as networks; an entry that is not one text is a mistake, and left
    /// out. `what` and `example` are of an entry. Null: not written.
    std::optional<std::vector<Entry>> entries(std::string_view key, std::string_view what, std::string_view example);
    /// Not written, or nothing behind the colon: an empty map.
    YamlMap map(std::string_view key);
    std::vector<YamlMap> maps(std::string_view key);

    bool has(std::string_view key) const { return find(key) != nullptr; }
    /// Written out as `[]`: somebody means that there are none.
    bool is_empty_list(std::string_view key) const;
    /// Neither this key nor the one that it inherits from has had a mistake: rules across keys may use its field.
    bool sound(std::string_view key) const;
    /// What is not written here is taken from the map at `path` (defaults).
    void inherits(std::string path) { inherited_ = std::move(path); }
    /// It must be written; `example` is of the whole line. Reported by finish(), unless a mistyped key is this one.
    void required(std::string_view key, std::string example);
    /// At the key's value, or at the map if the key is not written.
    void mistake_at(std::string_view key, std::string what);
    /// Every key that no call asked for is a mistake. Call it last.
    void finish();

    const Place& place() const { return place_; }
    const std::string& path() const { return path_; }
    Place place_of(std::string_view key) const;
    std::string path_of(std::string_view key) const {
        return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
    }

private:
    struct Item {
        std::string_view text;
        Place place;
        std::string path;
    };
    const YamlNode* find(std::string_view key) const;
    void check_keys();
    void state(Setting setting);
    /// The text of a single value; null if it is not written, or is something else, which is a mistake.
    const std::string* scalar(std::string_view key, std::string_view what, std::string_view example);
    void read_duration(std::string_view key, const std::string& text, milliseconds min, milliseconds max,
                       milliseconds& out);
    unsigned read_integer(std::string_view key, unsigned min, unsigned max, unsigned fallback);
    std::size_t read_word(std::string_view key, const std::vector<std::string>& words, std::size_t fallback);
    /// Null if the key is not written; broken and mistaken items are left out.
    std::optional<std::vector<Item>> items(std::string_view key, std::string_view what, std::string_view example,
                                           std::string_view word);
    std::vector<Item> items_of_list(const YamlNode& node, const std::string& list_path, std::string_view what,
                                    std::string_view example);

    Reading* reading_;
    const YamlNode* node_;
    Place place_;
    std::string path_;
    std::string inherited_;
    std::vector<std::string> known_;
    std::vector<std::pair<std::string, std::string>> missing_;  // key and example
};

template <class Enum>
void YamlMap::word(std::string_view key, Words<Enum> words, Enum& out) {
    std::vector<std::string> texts;
    std::size_t fallback = 0;
    for (const auto& [text, meaning] : words) {
        if (meaning == out) fallback = texts.size();
        texts.emplace_back(text);
    }
    out = (words.begin() + read_word(key, texts, fallback))->second;
}

template <class T>
void YamlMap::value(std::string_view key, const ValueKind<T>& kind, T& out) {
    state({path_of(key), "text", to_text(out), "", {}});
    const std::string* text = scalar(key, kind.what, kind.example);
    if (text == nullptr) return;
    if (auto parsed = kind.parse(*text)) {
        out = std::move(*parsed);
    } else {
        mistake_at(key, parsed.error().message);
    }
}

template <class T>
std::vector<Placed<T>> YamlMap::list(std::string_view key, const ValueKind<T>& kind, const std::vector<T>& fallback,
                                     std::string_view word) {
    std::string shown;
    for (const T& value : fallback) shown += (shown.empty() ? "" : ", ") + to_text(value);
    state({path_of(key), "list", fallback.empty() && !word.empty() ? std::string(word) : "[" + shown + "]", "", {}});
    std::vector<Placed<T>> out;
    const auto written = items(key, kind.what, kind.example, word);
    if (!written) {
        for (const T& value : fallback) out.push_back({value, place(), path_of(key)});
        return out;
    }
    for (const Item& item : *written) {
        if (auto parsed = kind.parse(item.text)) {
            out.push_back({std::move(*parsed), item.place, item.path});
        } else {
            reading_->mistakes.add(item.place, item.path, parsed.error().message);
        }
    }
    return out;
}

template <class T>
std::vector<T> values_of(const std::vector<Placed<T>>& placed) {
    std::vector<T> out;
    out.reserve(placed.size());
    for (const Placed<T>& item : placed) out.push_back(item.value);
    return out;
}

}  // namespace taskdns::config
