// Fuzz entry: any text as a snapshot. To read it never throws; what is accepted, written again, is read as the same;
// one flipped octet is seen. The checksum is mended first, since random octets do not get past it.
#include <string>

#include <boost/crc.hpp>
#include <boost/json.hpp>

#include "fuzz/fuzz.hpp"
#include "fuzz/mutate.hpp"
#include "membership/snapshot.hpp"

namespace {

using namespace taskdns;
using namespace taskdns::fuzz;

constexpr std::string_view before_checksum = ",\"checksum\":\"";
constexpr std::string_view after_checksum = "\"}\n";

/// `text` up to its checksum, or to where one belongs, with the right one behind it.
std::string with_checksum(std::string_view text) {
    const std::size_t mark = text.rfind(before_checksum);
    std::string out(text.substr(0, mark));
    if (mark == std::string_view::npos) {
        while (!out.empty() && (out.back() == '\n' || out.back() == '}')) out.pop_back();
    }
    out += before_checksum;
    boost::crc_32_type crc;
    crc.process_bytes(out.data(), out.size());
    char digits[9];
    std::snprintf(digits, sizeof digits, "%08x", static_cast<unsigned>(crc.checksum()));
    return out.append(digits).append(after_checksum);
}

void check_members(const membership::Snapshot& snapshot) {
    std::size_t members = 0;
    for (const membership::SavedService& service : snapshot.services) {
        members += service.members.size();
        for (const membership::SavedMember& member : service.members) {
            const IpAddress& address = member.address.address;
            require(!address.is_unspecified(), "an endpoint has an address");
            const bool a = member.type == dns::RrType::a;
            const bool aaaa = member.type == dns::RrType::aaaa;
            require(a || aaaa || member.type == dns::RrType::srv, "its record is one of three");
            if (a || aaaa) require(address.is_v4() == a, "of its address's family");
        }
    }
    require(members <= membership::most_saved_members * snapshot.services.size(), "bounded");
}

void check(const std::string& text) {
    const auto snapshot = membership::parse_snapshot(text);
    if (!snapshot) {
        require(snapshot.error().code == Errc::malformed, "an error of its kind");
        require(snapshot.error().message.starts_with("snapshot: "), "that says what it is about");
        return;
    }
    check_members(*snapshot);
    const std::string again = membership::format_snapshot(*snapshot);
    const auto reread = membership::parse_snapshot(again);
    require(reread.has_value(), "what is written can be read");
    require(*reread == *snapshot, "and is the same");
    require(membership::format_snapshot(*reread) == again, "octet for octet");
    // Each cut and each flipped bit shows: a few of them, spread over the text.
    for (std::size_t i = 1; i <= 8; ++i) {
        const std::size_t at = i * again.size() / 9;
        std::string damaged = again;
        damaged[at] = static_cast<char>(damaged[at] ^ (1 << (i % 8)));
        require(!membership::parse_snapshot(damaged), "a flipped bit shows");
        require(!membership::parse_snapshot(again.substr(0, at)), "a cut shows");
    }
}

constexpr std::string_view texts[]{"name",
                                   "members",
                                   "address",
                                   "type",
                                   "priority",
                                   "weight",
                                   "first_seen",
                                   "last_seen",
                                   "services",
                                   "written",
                                   "format",
                                   "version",
                                   "taskdns-snapshot",
                                   "orders.local",
                                   "Orders.Local.",
                                   "_http._tcp.local",
                                   "a..b",
                                   ".",
                                   "10.0.1.10:8080",
                                   "[fd00::1]:8080",
                                   "10.0.1.10",
                                   "0.0.0.0:1",
                                   "127.0.0.1:80",
                                   "[::ffff:10.0.0.1]:80",
                                   "10.0.1.10:65536",
                                   "A",
                                   "AAAA",
                                   "SRV",
                                   "a",
                                   "2026-11-22T16:10:11.123Z",
                                   "2026-02-30T16:10:11.123Z",
                                   "1969-12-31T23:59:59.999Z",
                                   "9999-12-31T23:59:60.000Z",
                                   "2026-11-22T16:10:11Z",
                                   ""};

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
    return mutate_json({data, size, max_size, seed}, texts);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(data, data + size);
    check(text);
    check(with_checksum(text));
    return 0;
}
