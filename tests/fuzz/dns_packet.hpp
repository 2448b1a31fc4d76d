// A message as ldns reads it, and as its octets lie: the second opinion of the DNS entries.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "dns/ldns.hpp"
#include "dns/wire.hpp"
#include "fuzz/fuzz.hpp"

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#include <sanitizer/lsan_interface.h>
#define TASKDNS_LEAK_SANITIZER
#endif
#endif

namespace taskdns::fuzz {

struct FreePacket {
    void operator()(ldns_pkt* packet) const { ldns_pkt_free(packet); }
};
using Packet = std::unique_ptr<ldns_pkt, FreePacket>;

/// What is allocated while it lives may be lost: of two TSIG or OPT records in one message ldns forgets one. Such a
/// message never gets to ldns in taskdns; here it does.
class MayLeak {
public:
#ifdef TASKDNS_LEAK_SANITIZER
    MayLeak() { __lsan_disable(); }
    ~MayLeak() { __lsan_enable(); }
#else
    MayLeak() {}
    ~MayLeak() {}
#endif
    MayLeak(const MayLeak&) = delete;
    MayLeak& operator=(const MayLeak&) = delete;
};

/// Null: ldns cannot read it.
inline Packet read_with_ldns(std::span<const std::uint8_t> message) {
    const MayLeak may_leak;
    ldns_pkt* packet = nullptr;
    if (ldns_wire2pkt(&packet, message.data(), message.size()) != LDNS_STATUS_OK) return nullptr;
    return Packet(packet);
}

inline std::span<const std::uint8_t> octets_of(const ldns_rdf* field) {
    return {ldns_rdf_data(field), ldns_rdf_size(field)};
}

/// A name's wire form with its letters folded.
inline std::vector<std::uint8_t> folded(std::span<const std::uint8_t> name) {
    std::vector<std::uint8_t> out(name.begin(), name.end());
    for (std::uint8_t& octet : out) octet = dns::folded(octet);
    return out;
}

/// The records of a message from `at` on, as many as its header counts; null: they are not whole.
inline std::optional<std::vector<dns::RecordExtent>> records_of(std::span<const std::uint8_t> message,
                                                                std::size_t at) {
    const unsigned count =
        dns::read_u16(&message[6]) + unsigned{dns::read_u16(&message[8])} + dns::read_u16(&message[10]);
    std::vector<dns::RecordExtent> out;
    for (unsigned i = 0; i < count; ++i) {
        const auto record = dns::read_record(message, at);
        if (!record) return std::nullopt;
        at = record->end;
        out.push_back(*record);
    }
    return out;
}

}  // namespace taskdns::fuzz
