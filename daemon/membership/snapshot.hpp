// The snapshot's text: last known members of all services, written for the next start (design.md, section 5).
// Layer: membership. Pure: text <-> values. Who reads and writes the file: app/snapshot_store.hpp.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "dns/name.hpp"
#include "membership/member.hpp"

namespace taskdns::membership {

/// In wall time, because it outlives the process.
struct SavedMember {
    SocketAddress address;
    std::uint16_t priority = 1;
    std::uint16_t weight = 1;
    dns::RrType type = dns::RrType::a;
    WallTime first_seen;
    WallTime last_seen;

    bool operator==(const SavedMember&) const = default;
};
struct SavedService {
    dns::Name name;
    std::vector<SavedMember> members;

    bool operator==(const SavedService&) const = default;
};
struct Snapshot {
    WallTime written;
    std::vector<SavedService> services;

    bool operator==(const Snapshot&) const = default;
};

/// More members than this are not written, nor read: 1,000 services of 100 endpoints.
inline constexpr std::size_t most_saved_members = 100'000;
/// No snapshot has more octets.
inline constexpr std::size_t largest_snapshot = std::size_t{32} * 1024 * 1024;

/// JSON with a version and a checksum; ends with a newline.
std::string format_snapshot(const Snapshot& snapshot);
/// The error says what is wrong (empty, cut off, not JSON, another program's, a newer version, a checksum that does
/// not match) and what becomes of it: it is ignored and replaced at the next change. Never throws; bounded in depth
/// and size.
Result<Snapshot> parse_snapshot(std::string_view text);

}  // namespace taskdns::membership
