// Any octets as an upstream's message: the check that it answers our query, and the parser behind it.
// Seeds: tests/fuzz/corpus/message/.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "dns/message.hpp"

namespace dns = taskdns::dns;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const dns::Question question{dns::Name::parse("orders.local").value(), dns::RrType::a};
    const std::span<const std::uint8_t> message(data, size);
    const bool whole = size >= 12;
    const auto id = static_cast<std::uint16_t>(size >= 2 ? data[0] << 8 | data[1] : 0);
    if (dns::answers(message, id, question) && !whole) std::abort();
    if (dns::truncated(message) && !whole) std::abort();
    const auto response = dns::parse_response(message);
    if (!response) return 0;
    if (!whole) std::abort();
    for (const auto* section : {&response->answer, &response->authority, &response->additional}) {
        for (const dns::Record& record : *section) {
            if (record.ttl < std::chrono::seconds(0) || record.ttl > std::chrono::seconds(0x7FFFFFFF)) std::abort();
            if (record.owner.wire().empty() || record.owner.wire().size() > 255) std::abort();
        }
    }
    return 0;
}
