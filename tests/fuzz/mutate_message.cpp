// Mutations of a DNS message that keep it one: see mutate.hpp.
#include <algorithm>
#include <array>

#include "dns/wire.hpp"
#include "fuzz/mutate.hpp"

namespace taskdns::fuzz {
namespace {

using Bytes = std::vector<std::uint8_t>;

struct Form {
    std::uint16_t type;
    Bytes rdata;
};

/// RDATA of the types that taskdns reads, and of some that it does not; names in it point to the question's.
const std::vector<Form>& forms() {
    static const std::vector<Form> all{
        {1, {10, 0, 1, 1}},                                                              // A
        {1, {10, 0, 1}},                                                                 // too short for an A
        {28, {0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}},                       // AAAA
        {5, {0xC0, 12}},                                                                 // CNAME
        {5, {3, 'w', 'w', 'w', 0xC0, 12}},                                               // CNAME
        {5, {1, 'x', 0}},                                                                // CNAME
        {33, {0, 1, 0, 1, 31, 144, 4, 't', 'a', 's', 'k', 0xC0, 12}},                    // SRV
        {33, {0, 1, 0, 1, 31, 144, 1, 'x', 0}},                                          // SRV
        {6, {0xC0, 12, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5}},  // SOA, an octet short
        {6, {0xC0, 12, 0xC0, 12, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5}},
        {6, {0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 3, 132}},
        {16, {5, 'h', 'e', 'l', 'l', 'o', 0}},                  // TXT
        {2, {0xC0, 12}},                                        // NS
        {15, {0, 10, 0xC0, 12}},                                // MX
        {250, {0, 0, 0}},                                       // TSIG, broken
        {65'280, {1, 2, 3}},                                    // private use
        {64, {0, 1, 0, 0, 1, 0, 3, 2, 'h', '2'}},               // SVCB
        {41, {}},                                               // OPT
        {41, {0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8}},            // OPT with a cookie
        {41, {0, 15, 0, 6, 0, 3, 'o', 'l', 'd', '!'}},          // OPT with an EDE
        {41, {0, 15, 0, 9, 0, 3}},                              // OPT whose option is cut
        {41, {0, 8, 0, 7, 0, 1, 24, 0, 10, 0, 1, 0, 12, 0, 0}}  // OPT with a client subnet, and padding
    };
    return all;
}

class MessageDraft {
public:
    MessageDraft(Bytes octets, Dice& dice, std::span<const Bytes> questions, bool responses)
        : octets_(std::move(octets)), dice_(dice), questions_(questions), responses_(responses) {
        if (octets_.size() < dns::header_size) octets_.resize(dns::header_size);
        find_records();
    }

    void change() {
        switch (dice_.below(12)) {
            case 0:
                set_question();
                break;
            case 1:
                set_header();
                break;
            case 2:
            case 3:
            case 4:
                add_record();
                break;
            case 5:
                remove_record();
                break;
            case 6:
                double_record();
                break;
            case 7:
                set_ttl();
                break;
            case 8:
                set_type_or_class();
                break;
            case 9:
                count_again();
                break;
            case 10:
                damage();
                break;
            default:
                mix_case();
                break;
        }
        find_records();
    }
    const Bytes& octets() const { return octets_; }

private:
    /// Where the records lie, whatever the header counts.
    void find_records() {
        records_.clear();
        std::size_t at = dns::after_name(octets_, dns::header_size);
        question_end_ = at == 0 || at + 4 > octets_.size() ? 0 : at + 4;
        at = question_end_;
        while (at != 0 && at < octets_.size()) {
            const auto record = dns::read_record(octets_, at);
            if (!record) break;
            records_.push_back(*record);
            at = record->end;
        }
    }
    std::ptrdiff_t offset(std::size_t at) const { return static_cast<std::ptrdiff_t>(at); }
    void insert(std::size_t at, const Bytes& what) {
        octets_.insert(octets_.begin() + offset(at), what.begin(), what.end());
    }
    void erase(std::size_t from, std::size_t to) {
        octets_.erase(octets_.begin() + offset(from), octets_.begin() + offset(to));
    }
    void add_to_count(std::size_t at, int difference) {
        dns::write_u16(&octets_[at], static_cast<unsigned>(dns::read_u16(&octets_[at]) + difference) & 0xFFFFU);
    }
    /// The header's count for the record of this number.
    std::size_t count_of(std::size_t number) const {
        std::size_t end = 0;
        for (const std::size_t at : {6U, 8U, 10U}) {
            end += dns::read_u16(&octets_[at]);
            if (number < end) return at;
        }
        return 10;
    }

    void set_question() {
        const Bytes& question = dice_.one_in(2) ? questions_.front() : dice_.pick(questions_);
        if (question_end_ != 0) erase(dns::header_size, question_end_);
        insert(dns::header_size, question);
        dns::write_u16(&octets_[4], 1);
        if (!dice_.one_in(8)) octets_[2] = responses_ ? 0x81 : 0x01;
    }
    void set_header() {
        static constexpr std::array<std::uint8_t, 8> flags{0x81, 0x01, 0x85, 0x83, 0x00, 0x29, 0xA9, 0x80};
        octets_[2] = dice_.pick(flags);
        octets_[3] = static_cast<std::uint8_t>(dice_.below(2) * 0x80 + dice_.below(8) * 0x10 + dice_.below(7));
    }
    void add_record() {
        const Form& form = dice_.pick(forms());
        Bytes record;
        if (form.type == 41 && !dice_.one_in(8)) {
            record = {0};
        } else if (dice_.one_in(3) && !records_.empty()) {  // the name in the RDATA of another, so that chains grow
            const std::size_t target = dice_.pick(records_).rdata() + (form.type == 1 ? 0 : dice_.below(2) * 6);
            record = {static_cast<std::uint8_t>(0xC0 | (target >> 8 & 0x3F)), static_cast<std::uint8_t>(target)};
        } else if (dice_.one_in(4)) {
            const Bytes& question = dice_.pick(questions_);
            record.assign(question.begin(), question.end() - 4);
        } else {
            record = {0xC0, 12};
        }
        static constexpr std::array<std::uint32_t, 8> ttls{0, 1, 5, 60, 300, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF};
        const std::size_t fixed = record.size();
        record.resize(fixed + 10);
        dns::write_u16(&record[fixed], form.type);
        const bool is_opt = form.type == 41;
        dns::write_u16(&record[fixed + 2], is_opt ? (dice_.one_in(2) ? 1232U : 512U) : 1U);
        dns::write_u32(&record[fixed + 4], is_opt ? (dice_.one_in(2) ? 0x8000U : 0U) : dice_.pick(ttls));
        dns::write_u16(&record[fixed + 8], static_cast<unsigned>(form.rdata.size()));
        record.insert(record.end(), form.rdata.begin(), form.rdata.end());
        if (question_end_ == 0) return;
        const std::size_t number = is_opt || dice_.one_in(2) ? records_.size() : dice_.below(records_.size() + 1);
        const std::size_t at = number < records_.size() ? records_[number].begin
                               : records_.empty()       ? question_end_
                                                        : records_.back().end;
        std::size_t count = number < records_.size() ? count_of(number) : 10;
        if (!is_opt && number == records_.size() && responses_ &&
            !dice_.one_in(3)) {  // the last section that is in use
            count = dns::read_u16(&octets_[10]) != 0 ? 10 : dns::read_u16(&octets_[8]) != 0 ? 8 : 6;
        }
        insert(at, record);
        add_to_count(count, 1);
    }
    void remove_record() {
        if (records_.empty()) return;
        const std::size_t number = dice_.below(records_.size());
        add_to_count(count_of(number), -1);
        erase(records_[number].begin, records_[number].end);
    }
    void double_record() {
        if (records_.empty()) return;
        const std::size_t number = dice_.below(records_.size());
        const auto& record = records_[number];
        const Bytes copy(octets_.begin() + offset(record.begin), octets_.begin() + offset(record.end));
        const std::size_t times = dice_.one_in(8) ? 40 : 1;
        for (std::size_t i = 0; i < times; ++i) insert(record.end, copy);
        add_to_count(count_of(number), static_cast<int>(times));
    }
    void set_ttl() {
        static constexpr std::array<std::uint32_t, 7> ttls{0, 1, 4, 5, 301, 0x7FFFFFFF, 0x80000001};
        if (!records_.empty()) dns::write_u32(&octets_[dice_.pick(records_).ttl()], dice_.pick(ttls));
    }
    void set_type_or_class() {
        static constexpr std::array<std::uint16_t, 18> types{1,  28, 33, 5,  6,   255, 16,  2,   12,
                                                             41, 0,  64, 65, 249, 250, 251, 252, 257};
        static constexpr std::array<std::uint16_t, 6> classes{1, 3, 4, 254, 255, 0};
        std::size_t at = question_end_ != 0 ? question_end_ - 4 : 0;
        if (!records_.empty() && dice_.one_in(2)) at = dice_.pick(records_).fixed;
        if (at == 0) return;
        if (dice_.one_in(3)) {
            dns::write_u16(&octets_[at + 2], dice_.pick(classes));
        } else {
            dns::write_u16(&octets_[at], dice_.pick(types));
        }
    }
    /// The header's counts become those of the records that are there.
    void count_again() {
        const std::size_t all = records_.size();
        const std::size_t answers = responses_ ? dice_.below(all + 1) : 0;
        const std::size_t authorities = responses_ ? dice_.below(all - answers + 1) : 0;
        dns::write_u16(&octets_[4], question_end_ != 0 ? 1 : 0);
        dns::write_u16(&octets_[6], static_cast<unsigned>(answers));
        dns::write_u16(&octets_[8], static_cast<unsigned>(authorities));
        dns::write_u16(&octets_[10], static_cast<unsigned>(all - answers - authorities));
    }
    /// One thing that a reader must look at: a length, a pointer, the end.
    void damage() {
        if (dice_.one_in(4)) {
            octets_.resize(dns::header_size + dice_.below(octets_.size() - dns::header_size + 1));
            return;
        }
        if (records_.empty()) {
            if (octets_.size() > dns::header_size)
                octets_[dns::header_size + dice_.below(octets_.size() - dns::header_size)] = 0xC0;
            return;
        }
        const auto& record = dice_.pick(records_);
        if (dice_.one_in(2)) {
            add_to_count(record.fixed + 8, static_cast<int>(dice_.below(5)) - 2);  // RDLENGTH
        } else {
            const std::size_t at =
                dice_.one_in(2) ? record.begin : record.begin + dice_.below(record.end - record.begin);
            if (at + 2 > octets_.size()) return;
            const std::size_t target = dice_.one_in(3) ? at : dice_.below(octets_.size() + 4);
            dns::write_u16(&octets_[at], 0xC000U | (static_cast<unsigned>(target) & 0x3FFFU));
        }
    }
    void mix_case() {
        for (std::size_t at = dns::header_size; at < question_end_; ++at) {
            const std::uint8_t lower = dns::folded(octets_[at]);
            if (lower >= 'a' && lower <= 'z')
                octets_[at] = static_cast<std::uint8_t>(dice_.one_in(2) ? lower - 32 : lower);
        }
    }

    Bytes octets_;
    Dice& dice_;
    std::span<const Bytes> questions_;
    bool responses_;
    std::size_t question_end_ = 0;
    std::vector<dns::RecordExtent> records_;
};

}  // namespace

std::size_t mutate_message(Draft draft, std::span<const std::vector<std::uint8_t>> questions, bool responses) {
    Dice dice(draft.seed);
    if (draft.size > 0 && dice.one_in(4)) return draft.blindly();
    MessageDraft message(Bytes(draft.data, draft.data + draft.size), dice, questions, responses);
    for (std::size_t times = 1 + dice.below(3); times > 0; --times) message.change();
    return draft.become(std::span<const std::uint8_t>(message.octets()));
}

}  // namespace taskdns::fuzz
