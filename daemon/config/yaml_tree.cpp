// A YAML text as a tree of our own. The one file that calls yaml-cpp and catches what it throws. Layer: config.
#include "config/yaml_tree.hpp"

#include <algorithm>
#include <array>
#include <sstream>
#include <unordered_map>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include "config/text_check.hpp"

namespace taskdns::config {
namespace {

// Ends yaml-cpp's walk from inside; caught below.
struct Stopped {
    Place place;
    std::string what;
};

bool is_common_tag(const std::string& tag) {
    static constexpr std::array<std::string_view, 7> common{"str", "int", "bool", "float", "null", "map", "seq"};
    constexpr std::string_view prefix = "tag:yaml.org,2002:";
    if (tag.empty() || tag == "?" || tag == "!") return true;  // no tag, by plain and quoted scalars
    return tag.starts_with(prefix) &&
           std::find(common.begin(), common.end(), std::string_view(tag).substr(prefix.size())) != common.end();
}

class TreeBuilder final : public YAML::EventHandler {
public:
    TreeBuilder(std::uint32_t source, Mistakes& mistakes) : source_(source), mistakes_(mistakes) {}

    const std::optional<Place>& last_quoted() const { return last_quoted_; }
    YamlNode take_root() { return std::move(root_); }
    Place place_of(const YAML::Mark& mark) const {
        if (mark.is_null()) return {source_, 1, 1};
        return {source_, static_cast<std::uint32_t>(mark.line) + 1, static_cast<std::uint32_t>(mark.column) + 1};
    }

    void OnDocumentStart(const YAML::Mark& mark) override {
        if (++documents_ > 1)
            throw Stopped{place_of(mark), "a second document begins here (only one is read: remove it)"};
    }
    void OnDocumentEnd() override {}
    void OnAnchor(const YAML::Mark&, const std::string&) override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        add_leaf({.kind = YamlNode::Kind::null, .place = place_of(mark), .text = "", .keys = {}, .items = {}},
                 anchor);
    }
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        check_tag(mark, tag);
        if (tag == "!") last_quoted_ = place_of(mark);
        add_leaf({.kind = YamlNode::Kind::scalar, .place = place_of(mark), .text = value, .keys = {}, .items = {}},
                 anchor);
    }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        const auto known = anchors_.find(anchor);
        if (known == anchors_.end())
            throw Stopped{place_of(mark), "an alias inside what it stands for (write it out)"};
        count(known->second.values, place_of(mark));
        complete(YamlNode(known->second.node));
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open(YamlNode::Kind::list, mark, tag, anchor);
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        open(YamlNode::Kind::map, mark, tag, anchor);
    }
    void OnMapEnd() override { close(); }

private:
    struct Frame {
        YamlNode node;
        YAML::anchor_t anchor = 0;
        std::size_t values_before = 0;
        std::optional<Key> key;                       // of a map: waits for its value
        bool dropped = false;                         // that key is a duplicate
        std::unordered_map<std::string, Place> keys;  // of a map
    };
    struct Anchored {
        YamlNode node;
        std::size_t values = 0;
    };

    void check_tag(const YAML::Mark& mark, const std::string& tag) const {
        if (!is_common_tag(tag)) throw Stopped{place_of(mark), "tag " + in_quotes(tag) + " is not known (remove it)"};
    }

    void count(std::size_t values, const Place& place) {
        values_ += values;
        if (values_ > max_yaml_values) {
            throw Stopped{place,
                          fmt::format("more than {} values, aliases included (make it smaller)", max_yaml_values)};
        }
    }

    void open(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
        check_tag(mark, tag);
        if (frames_.size() == max_yaml_depth) {
            throw Stopped{place_of(mark),
                          fmt::format("nested more than {} deep (is a bracket missing?)", max_yaml_depth)};
        }
        Frame frame;
        frame.node.kind = kind;
        frame.node.place = place_of(mark);
        frame.anchor = anchor;
        frame.values_before = values_;
        frames_.push_back(std::move(frame));
        count(1, place_of(mark));
    }

    void close() {
        Frame frame = std::move(frames_.back());
        frames_.pop_back();
        remember(frame.node, frame.anchor, values_ - frame.values_before);
        complete(std::move(frame.node));
    }

    void add_leaf(YamlNode node, YAML::anchor_t anchor) {
        count(1, node.place);
        remember(node, anchor, 1);
        complete(std::move(node));
    }

    void remember(const YamlNode& node, YAML::anchor_t anchor, std::size_t values) {
        if (anchor == 0) return;
        count(values, node.place);  // the copy is held too
        anchors_[anchor] = {node, values};
    }

    void complete(YamlNode node) {
        if (frames_.empty()) {
            root_ = std::move(node);
            return;
        }
        Frame& frame = frames_.back();
        if (frame.node.kind == YamlNode::Kind::list) {
            frame.node.items.push_back(std::move(node));
        } else if (!frame.key) {
            take_key(frame, std::move(node));
        } else {
            if (node.kind == YamlNode::Kind::null) node.place = frame.key->place;  // where nothing is, the key is
            if (!frame.dropped) {
                frame.node.keys.push_back(std::move(*frame.key));
                frame.node.items.push_back(std::move(node));
            }
            frame.key.reset();
        }
    }

    void take_key(Frame& frame, YamlNode node) {
        if (node.kind == YamlNode::Kind::list || node.kind == YamlNode::Kind::map) {
            throw Stopped{node.place,
                          fmt::format("{} cannot be a key (quote what begins with [ or {{)", to_string(node.kind))};
        }
        frame.key = Key{node.kind == YamlNode::Kind::null ? "null" : std::move(node.text), node.place};
        const auto [first, is_new] = frame.keys.try_emplace(frame.key->text, frame.key->place);
        frame.dropped = !is_new;
        if (is_new) return;
        mistakes_.add(frame.key->place, path(),
                      fmt::format("key given twice, first at {} (keep one)", mistakes_.place_text(first->second)));
    }

    std::string path() const {
        std::string out;
        for (const Frame& frame : frames_) {
            if (frame.node.kind == YamlNode::Kind::list) {
                out += fmt::format("[{}]", frame.node.items.size());
            } else if (frame.key) {
                out += (out.empty() ? "" : ".") + frame.key->text;
            }
        }
        return out;
    }

    std::uint32_t source_;
    Mistakes& mistakes_;
    std::vector<Frame> frames_;
    std::unordered_map<YAML::anchor_t, Anchored> anchors_;
    std::size_t values_ = 0;
    unsigned documents_ = 0;
    std::optional<Place> last_quoted_;
    YamlNode root_;
};

}  // namespace

const char* to_string(YamlNode::Kind kind) {
    switch (kind) {
        case YamlNode::Kind::null:
            return "nothing";
        case YamlNode::Kind::scalar:
            return "a single value";
        case YamlNode::Kind::list:
            return "a list";
        case YamlNode::Kind::map:
            return "a map of keys";
    }
    return "";
}

std::optional<YamlNode> parse_yaml(const std::string& text, std::uint32_t source, Mistakes& mistakes) {
    if (text.size() > max_yaml_bytes) {
        mistakes.add({source, 0, 0}, "",
                     fmt::format("is larger than {} MiB (is this a configuration?)", max_yaml_bytes >> 20));
        return std::nullopt;
    }
    if (!check_text(text, source, mistakes)) return std::nullopt;
    TreeBuilder builder(source, mistakes);
    try {
        std::istringstream stream(text);
        YAML::Parser parser(stream);
        while (parser.HandleNextDocument(builder)) {
        }
        const auto& quote = builder.last_quoted();  // only the last can be open
        if (!quote || quote_is_closed(text, *quote)) return builder.take_root();
        mistakes.add(*quote, "", "not YAML: a quote opens here and does not close (add the other one)");
    } catch (const YAML::Exception& e) {
        mistakes.add(builder.place_of(e.mark), "",
                     "not YAML: " + printable(e.msg) + " (check indentation, quotes and brackets up to here)");
    } catch (const Stopped& stopped) {
        mistakes.add(stopped.place, "", stopped.what);
    } catch (const std::exception& e) {  // yaml-cpp lets some of the standard library's pass
        mistakes.add({source, 0, 0}, "", "not YAML: " + printable(e.what()) + " (check what is unusual in it)");
    }
    return std::nullopt;
}

}  // namespace taskdns::config
