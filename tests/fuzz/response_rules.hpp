// What an upstream's message is, read a third way: slowly, and by the letter of decision 0027. Where ldns and taskdns
// differ, one of the reasons here must be why.
#pragma once

#include <set>
#include <vector>

#include "fuzz/dns_packet.hpp"

namespace taskdns::fuzz {

/// What one of the two may refuse.
struct Oddities {
    bool names = false;  ///< a pointer forwards, to itself, into the header, one too many; or a name that is too long
    bool rdata = false;  ///< its fields are more or fewer octets than RDLENGTH says
    bool counts = false;    ///< fewer records than the header counts
    bool trailing = false;  ///< octets behind the last record
    bool opaque = false;    ///< RDATA of a type that taskdns takes as octets, and ldns looks into; so OPT's
};

class SlowReader {
public:
    explicit SlowReader(std::span<const std::uint8_t> message) : message_(message) { read(); }
    const Oddities& found() const { return found_; }

private:
    /// The octet behind the name at `at`; 0: it is odd, or cut.
    std::size_t behind_name(std::size_t at) {
        std::size_t behind = 0;
        std::size_t length = 0;
        std::size_t segment = at;
        unsigned jumps = 0;
        for (;;) {
            if (at >= message_.size()) return 0;
            const unsigned octet = message_[at];
            if (octet >= 0xC0) {
                if (at + 1 >= message_.size()) return 0;
                const std::size_t target = (octet - 0xC0) * 256U + message_[at + 1];
                if (behind == 0) behind = at + 2;
                if (target >= segment || target < 12 || ++jumps > 16) return 0;
                at = segment = target;
                continue;
            }
            length += 1 + octet;
            if (octet > 63 || length > 255) return 0;
            at += 1 + octet;
            if (octet == 0) return behind != 0 ? behind : at;
            if (at > message_.size()) return 0;
        }
    }

    /// Octets before the first name, names, octets behind them; null: not a type that is looked into here.
    struct Fields {
        unsigned before;
        unsigned names;
        unsigned behind;
    };
    static const Fields* fields_of(unsigned type) {
        static constexpr Fields address{4, 0, 0};
        static constexpr Fields address6{16, 0, 0};
        static constexpr Fields name{0, 1, 0};
        static constexpr Fields mx{2, 1, 0};
        static constexpr Fields srv{6, 1, 0};
        static constexpr Fields soa{0, 2, 20};
        switch (type) {
            case 1:
                return &address;
            case 28:
                return &address6;
            case 2:
            case 5:
            case 12:
                return &name;
            case 15:
                return &mx;
            case 33:
                return &srv;
            case 6:
                return &soa;
            default:
                return nullptr;
        }
    }

    void read() {
        std::size_t at = 12;
        for (unsigned i = dns::read_u16(&message_[4]); i > 0; --i) {
            at = behind_name(at);
            if (at == 0) {
                found_.names = true;
                return;
            }
            at += 4;
        }
        const unsigned records =
            unsigned{dns::read_u16(&message_[6])} + dns::read_u16(&message_[8]) + dns::read_u16(&message_[10]);
        for (unsigned i = 0; i < records; ++i) {
            at = read_record(at);
            if (at == 0) return;
        }
        found_.counts = at > message_.size();
        found_.trailing = at < message_.size();
    }

    std::size_t read_record(std::size_t at) {
        const std::size_t fixed = behind_name(at);
        if (fixed == 0) {
            found_.names = true;
            return 0;
        }
        if (fixed + 10 > message_.size()) {
            found_.counts = true;
            return 0;
        }
        const unsigned type = dns::read_u16(&message_[fixed]);
        const std::size_t rdata = fixed + 10;
        const std::size_t end = rdata + dns::read_u16(&message_[fixed + 8]);
        if (end > message_.size()) {
            found_.rdata = true;
            return 0;
        }
        const Fields* const fields = fields_of(type);
        if (fields == nullptr) {
            found_.opaque = true;
            return end;
        }
        std::size_t field = rdata + fields->before;
        for (unsigned i = 0; i < fields->names; ++i) {
            field = field <= end ? behind_name(field) : 0;
            if (field == 0) {
                found_.names = true;
                return end;
            }
        }
        found_.rdata = found_.rdata || field + fields->behind != end;
        return end;
    }

    std::span<const std::uint8_t> message_;
    Oddities found_;
};

/// Whether the record is one that the stages before the view care for. ldns also reads one whose RDATA ends too
/// soon, and leaves the fields that are missing out.
inline bool is_read(const ldns_rr& record, std::initializer_list<unsigned> types) {
    const auto type = static_cast<unsigned>(ldns_rr_get_type(&record));
    const std::size_t fields = type == LDNS_RR_TYPE_SRV ? 4 : type == LDNS_RR_TYPE_SOA ? 7 : 1;
    return ldns_rr_get_class(&record) == LDNS_RR_CLASS_IN && ldns_rr_rd_count(&record) >= fields &&
           std::find(types.begin(), types.end(), type) != types.end();
}

}  // namespace taskdns::fuzz
