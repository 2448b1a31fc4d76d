// Which records of an upstream's message belong to the question. Layer: forward. Pure.
#include "forward/own_records.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "forward/folded_name.hpp"

namespace taskdns::forward {
namespace {

using dns::MessageName;
using dns::RecordExtent;

// Types as numbers: most have no other use here.
constexpr unsigned type_a = 1;
constexpr unsigned type_ns = 2;
constexpr unsigned type_cname = 5;
constexpr unsigned type_soa = 6;
constexpr unsigned type_mx = 15;
constexpr unsigned type_aaaa = 28;
constexpr unsigned type_srv = 33;
constexpr unsigned type_dname = 39;
constexpr unsigned type_opt = 41;
constexpr unsigned type_ds = 43;
constexpr unsigned type_rrsig = 46;
constexpr unsigned type_nsec = 47;
constexpr unsigned type_nsec3 = 50;
constexpr unsigned type_svcb = 64;
constexpr unsigned type_https = 65;
constexpr std::size_t largest_message = 65'535;
constexpr std::size_t most_targets = 64;  // whose addresses are looked for: more would serve nobody
// In an answer that is followed: there is no use for more than most_cnames, but servers that break the rule of one
// for each name.
constexpr std::size_t most_cname_records = 64;

enum class Section : std::uint8_t { answer, authority, additional };

struct Item {
    RecordExtent extent;
    Section section = Section::answer;
    bool kept = false;

    unsigned type() const { return static_cast<unsigned>(extent.type); }
};

/// MAILB, MAILA and ANY ask for more than one type (RFC 1035 section 3.2.3).
bool asks_for_several(unsigned type) { return type >= 253 && type <= 255; }

class Selection {
public:
    Selection(std::span<const std::uint8_t> message, const Question& question)
        : message_(message), question_(question) {
        chain_.reserve(4);
        chain_.emplace_back(folded_name(question.name));
    }

    /// False: see keep_own_records().
    bool make() {
        if (!read_items() || !follow_cnames()) return false;
        for (Item& item : items_) {
            if (item.section == Section::answer) item.kept = has_class(item) && belongs_in_answer(item);
            if (item.section == Section::authority) item.kept = has_class(item) && belongs_in_authority(item);
            if (item.kept) note_target(item);
        }
        for (Item& item : items_) {
            if (item.section != Section::additional) continue;
            item.kept = item.type() == type_opt || (has_class(item) && belongs_in_additional(item));
        }
        return true;
    }
    const std::vector<Item>& items() const { return items_; }
    std::size_t foreign() const {
        return static_cast<std::size_t>(
            std::count_if(items_.begin(), items_.end(), [](const Item& item) { return !item.kept; }));
    }
    bool opt_is_last() const { return !has_opt_ || items_.back().type() == type_opt; }

private:
    MessageName name_at(std::size_t at) const {
        MessageName name;
        dns::read_name(message_, at, name);  // read_items() has found it whole
        fold(name);
        return name;
    }
    MessageName owner(const Item& item) const { return name_at(item.extent.begin); }

    bool read_items() {
        const std::array<unsigned, 3> counts{dns::read_u16(&message_[6]), dns::read_u16(&message_[8]),
                                             dns::read_u16(&message_[10])};
        std::size_t at = question_.end();
        for (std::size_t section = 0; section < counts.size(); ++section) {
            for (unsigned i = 0; i < counts[section]; ++i) {
                const auto record = dns::read_whole_record(message_, at);
                if (!record) return false;
                at = record->end;
                items_.push_back({*record, static_cast<Section>(section)});
                if (items_.back().type() != type_opt || items_.back().section != Section::additional) continue;
                // RFC 6891 section 6.1.1: no more than one, and owned by the root.
                if (has_opt_ || message_[record->begin] != 0) return false;
                has_opt_ = true;
            }
        }
        return at == message_.size();
    }

    /// In whatever order they stand: some servers shuffle the whole section.
    bool follow_cnames() {
        if (question_.form.type == type_cname || asks_for_several(question_.form.type)) return true;
        const auto is_link = [](const Item& item) {
            return item.section == Section::answer && item.type() == type_cname;
        };
        if (std::count_if(items_.begin(), items_.end(), is_link) > std::ptrdiff_t{most_cname_records}) return false;
        for (std::size_t before = 0; before != chain_.size();) {
            before = chain_.size();
            for (const Item& item : items_) {
                if (!is_link(item) || !has_class(item)) continue;
                if (!same(owner(item), chain_.back().name())) continue;
                const MessageName target = name_at(item.extent.rdata());
                if (is_in_chain(target) || chain_.size() > most_cnames) return false;
                chain_.emplace_back(target);
            }
        }
        return true;
    }

    bool has_class(const Item& item) const {
        constexpr unsigned any_class = 255;
        const unsigned klass = dns::read_u16(&message_[item.extent.fixed + 2]);
        return klass == question_.form.klass || question_.form.klass == any_class;
    }
    bool is_in_chain(const MessageName& name) const {
        return std::any_of(chain_.begin(), chain_.end(),
                           [&name](const Link& link) { return same(link.name(), name); });
    }
    bool is_at_or_above_chain(std::span<const std::uint8_t> name) const {
        return std::any_of(chain_.begin(), chain_.end(),
                           [name](const Link& link) { return link.is_at_or_below(name); });
    }

    bool belongs_in_answer(const Item& item) const {
        const unsigned type = item.type();
        if (type == type_dname || type == type_rrsig) return is_at_or_above_chain(owner(item).wire());
        const bool wanted =
            type == question_.form.type || asks_for_several(question_.form.type) || type == type_cname;
        return wanted && is_in_chain(owner(item));
    }
    bool belongs_in_authority(const Item& item) const {
        const MessageName name = owner(item);
        switch (item.type()) {
            case type_soa:
            case type_ns:
            case type_ds:
                return is_at_or_above_chain(name.wire());
            case type_nsec:  // any name of the zone may stand before the one that is not there
                return question_.form.dnssec_ok || is_at_or_above_chain(name.wire());
            case type_nsec3:  // a hash below the zone's name
                return name.length > 1 && is_at_or_above_chain(name.wire().subspan(std::size_t{name.octets[0]} + 1));
            case type_rrsig: {
                const MessageName signer = name_at(item.extent.rdata() + 18);
                return is_at_or_above_chain(signer.wire()) && dns::is_at_or_below(name.wire(), signer.wire());
            }
            default:
                return false;
        }
    }
    bool belongs_in_additional(const Item& item) const {
        const unsigned type = item.type();
        if (type != type_a && type != type_aaaa && type != type_rrsig) return false;
        return std::binary_search(targets_.begin(), targets_.end(), owner(item), is_before);
    }
    void note_target(const Item& item) {
        const unsigned type = item.type();
        const bool refers =
            type == type_ns || type == type_mx || type == type_srv || type == type_svcb || type == type_https;
        if (!refers || targets_.size() >= most_targets) return;
        MessageName target = name_at(item.extent.rdata() + dns::rdata_layout(item.extent.type)->before);
        // RFC 9460 section 2.5.2: the owner itself.
        if (target.length == 1 && (type == type_svcb || type == type_https)) target = owner(item);
        const auto place = std::lower_bound(targets_.begin(), targets_.end(), target, is_before);
        if (place == targets_.end() || !same(*place, target)) targets_.insert(place, target);
    }

    std::span<const std::uint8_t> message_;
    const Question& question_;
    std::vector<Item> items_;
    std::vector<Link> chain_;           // the question's name, and what it leads to
    std::vector<MessageName> targets_;  // sorted
    bool has_opt_ = false;
};

/// The kept records, their names written out, since pointers would lead to what has gone; OPT last.
class Rewriting {
public:
    Rewriting(std::span<const std::uint8_t> message, const Question& question)
        : message_(message), question_(question) {
        out_.assign(message.begin(), message.begin() + static_cast<std::ptrdiff_t>(question.end()));
    }

    std::optional<dns::Bytes> write(const std::vector<Item>& items) {
        std::array<unsigned, 3> counts{};
        for (const bool opt : {false, true}) {
            for (const Item& item : items) {
                const bool is_opt = item.section == Section::additional && item.type() == type_opt;
                if (!item.kept || is_opt != opt) continue;
                write_record(item.extent);
                ++counts[static_cast<std::size_t>(item.section)];
                if (out_.size() > largest_message) return std::nullopt;
            }
        }
        for (std::size_t i = 0; i < counts.size(); ++i) dns::write_u16(&out_[6 + 2 * i], counts[i]);
        return std::move(out_);
    }

private:
    void append(std::size_t begin, std::size_t end) {
        out_.insert(out_.end(), message_.begin() + static_cast<std::ptrdiff_t>(begin),
                    message_.begin() + static_cast<std::ptrdiff_t>(end));
    }
    /// The octet behind it in the message.
    std::size_t append_name(std::size_t at) {
        MessageName name;
        const std::size_t behind = dns::read_name(message_, at, name);
        out_.insert(out_.end(), name.wire().begin(), name.wire().end());
        return behind;
    }
    void append_owner(std::size_t at) {
        MessageName name;
        dns::read_name(message_, at, name);
        if (!dns::same_name(name.wire(), question_.name)) {
            append_name(at);
            return;
        }
        const std::array<std::uint8_t, 2> pointer{0xC0, dns::header_size};
        out_.insert(out_.end(), pointer.begin(), pointer.end());
    }
    void write_record(const RecordExtent& record) {
        append_owner(record.begin);
        append(record.fixed, record.rdata());
        const std::size_t rdata = out_.size();
        std::size_t at = record.rdata();
        if (const dns::RdataLayout* const layout = dns::rdata_layout(record.type)) {
            const std::size_t first = dns::first_rdata_name(message_, record, *layout);
            append(at, first);
            at = first;
            for (unsigned i = 0; i < layout->names; ++i) at = append_name(at);
        }
        append(at, record.end);
        dns::write_u16(&out_[rdata - 2], static_cast<unsigned>(out_.size() - rdata));
    }

    std::span<const std::uint8_t> message_;
    const Question& question_;
    dns::Bytes out_;
};

}  // namespace

std::optional<OwnRecords> keep_own_records(dns::Bytes message, const Question& question) {
    Selection selection(message, question);
    if (!selection.make()) return std::nullopt;
    const std::size_t foreign = selection.foreign();
    if (foreign == 0 && selection.opt_is_last()) return OwnRecords{std::move(message), 0};
    auto rewritten = Rewriting(message, question).write(selection.items());
    if (!rewritten) return std::nullopt;
    return OwnRecords{*std::move(rewritten), foreign};
}

}  // namespace taskdns::forward
