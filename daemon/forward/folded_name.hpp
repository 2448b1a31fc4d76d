// Names lower-cased once, when they are read, and then compared as octets: an upstream's answer has thousands of
// them, each to be compared with all that the question leads to (decision 0027). Layer: forward (may include base,
// dns). Pure.
#pragma once

#include <algorithm>
#include <bitset>
#include <cstring>

#include "dns/compressed_name.hpp"

namespace taskdns::forward {

inline void fold(dns::MessageName& name) {
    for (std::size_t i = 0; i < name.length; ++i) name.octets[i] = dns::folded(name.octets[i]);
}

inline dns::MessageName folded_name(std::span<const std::uint8_t> wire) {
    dns::MessageName name;
    std::copy(wire.begin(), wire.end(), name.octets.begin());
    name.length = static_cast<std::uint8_t>(wire.size());
    fold(name);
    return name;
}

/// Both folded.
inline bool same(const dns::MessageName& left, const dns::MessageName& right) {
    return left.length == right.length && std::memcmp(left.octets.data(), right.octets.data(), left.length) == 0;
}
/// Shorter ones first: not the order of DNSSEC. Both folded.
inline bool is_before(const dns::MessageName& left, const dns::MessageName& right) {
    if (left.length != right.length) return left.length < right.length;
    return std::memcmp(left.octets.data(), right.octets.data(), left.length) < 0;
}

/// The question's name, or one that it leads to: it knows at which of its octets a name ends that it is below.
class Link {
public:
    explicit Link(const dns::MessageName& folded) : name_(folded) {
        for (std::size_t at = 0; at < name_.length; at += std::size_t{name_.octets[at]} + 1) {
            ancestors_.set(name_.length - at);
        }
    }
    const dns::MessageName& name() const { return name_; }
    /// `ancestor`: folded.
    bool is_at_or_below(std::span<const std::uint8_t> ancestor) const {
        return ancestors_[ancestor.size()] &&
               std::memcmp(&name_.octets[name_.length - ancestor.size()], ancestor.data(), ancestor.size()) == 0;
    }

private:
    dns::MessageName name_;
    std::bitset<dns::longest_name + 1> ancestors_;  // their lengths, its own among them
};

}  // namespace taskdns::forward
