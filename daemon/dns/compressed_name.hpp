// Names as they stand in a message that a stranger wrote, and whether its records are whole: read by hand, within
// bounds, before anything else believes the message (decision 0027).
// Layer: dns. Pure; no ldns, no allocation.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "dns/wire.hpp"

namespace taskdns::dns {

/// Of pointers in one name. Go's own resolver takes 10, and no server is known that needs as many.
inline constexpr unsigned most_jumps = 16;

/// A name, uncompressed, root octet included, letters as they came. Only the first `length` octets are written.
struct MessageName {
    std::array<std::uint8_t, longest_name> octets;
    std::uint8_t length = 0;

    std::span<const std::uint8_t> wire() const { return {octets.data(), length}; }
};

/// The name at `at`; the offset behind it, or 0 where there is none: cut, longer than 255 octets, with a label of an
/// unknown kind, or with a pointer that does not lead to before what was read since the last one, that leads into the
/// header, or that is one too many (RFC 1035 section 4.1.4: "a prior occurrence of the same name").
std::size_t read_name(std::span<const std::uint8_t> message, std::size_t at, MessageName& name);
/// The same without the name.
std::size_t skip_name(std::span<const std::uint8_t> message, std::size_t at);

/// RFC 4343: without case. Both uncompressed.
bool same_name(std::span<const std::uint8_t> left, std::span<const std::uint8_t> right);
/// `name` is `ancestor` or below it. Both uncompressed.
bool is_at_or_below(std::span<const std::uint8_t> name, std::span<const std::uint8_t> ancestor);

/// Where names stand in RDATA: `before` octets, `strings` character-strings, `names` names, then `after` octets; more
/// may follow if it is `open`.
struct RdataLayout {
    std::uint8_t before = 0;
    std::uint8_t strings = 0;
    std::uint8_t names = 0;
    std::uint8_t after = 0;
    bool open = false;
};

/// Of types whose RDATA holds names, and of addresses; null for all others, which are octets (RFC 3597).
const RdataLayout* rdata_layout(RrType type);
/// Where the first name stands in the RDATA of `record`, which has a layout; 0 where it is cut.
std::size_t first_rdata_name(std::span<const std::uint8_t> message, const RecordExtent& record,
                             const RdataLayout& layout);

/// The record at `at`, with a name that can be read and RDATA that its fields fill exactly.
std::optional<RecordExtent> read_whole_record(std::span<const std::uint8_t> message, std::size_t at);

/// Questions and records are as many as the header says, each is whole, and nothing follows them.
bool records_are_whole(std::span<const std::uint8_t> message);

}  // namespace taskdns::dns
