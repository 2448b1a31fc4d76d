// Fuzz entry: answer() over a small fixed view, both transports, and the answers of class CHAOS. Whatever a client
// sends, what comes back is a message that it can match with its question.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>
#include <vector>

#include "dns/query.hpp"
#include "dns_server/answer.hpp"
#include "dns_server/chaos.hpp"
#include "support/forwarding.hpp"
#include "support/small_view.hpp"

namespace {

using namespace taskdns;
using namespace taskdns::dns_server;

void require(bool holds) {
    if (!holds) std::abort();
}

struct Fixture {
    std::unique_ptr<const view::View> view = testing_support::small_view();
    Counters counters;
    testing_support::FakeForwarding forwarding;
};

void check_answer(std::span<const std::uint8_t> query, std::span<const std::uint8_t> answered, std::size_t limit) {
    dns::Query parsed;
    dns::parse_query(query, parsed);
    require(answered.size() >= dns::header_size && answered.size() <= limit);
    require(answered[0] == query[0] && answered[1] == query[1]);  // ID
    require((answered[2] & 0x80) != 0);                           // QR
    require((answered[2] & 0x79) == (query[2] & 0x79));           // opcode and RD
    require(answered[4] == 0 && answered[5] == (parsed.question_end != 0 ? 1 : 0));
    if (parsed.question_end != 0) {
        require(answered.size() >= parsed.question_end);
        require(std::equal(query.begin() + dns::header_size, query.begin() + parsed.question_end,
                           answered.begin() + dns::header_size));
    }
}

void check(Fixture& fixture, std::span<const std::uint8_t> query, Transport transport, bool forwarding) {
    std::vector<std::uint8_t> buffer(buffer_size);  // on the heap: AddressSanitizer watches its end
    std::copy(query.begin(), query.end(), buffer.begin());
    const Context context{*fixture.view, fixture.counters, forwarding ? &fixture.forwarding : nullptr};
    const dns_server::Outcome result = answer(buffer, query.size(), transport, context);
    const std::size_t limit = transport == Transport::tcp ? buffer_size : dns::edns_payload_size;
    if (result.action == Action::send) {
        require((buffer[2] & 0x02) == 0);  // TC never
        check_answer(query, {buffer.data(), result.length}, limit);
        return;
    }
    require(std::equal(query.begin(), query.end(), buffer.begin()));  // held and forwarded queries are still whole
    if (result.action == Action::describe) {
        const std::vector<std::string> lines(60, std::string(300, '.'));
        const bool tcp = transport == Transport::tcp;
        check_answer(query, chaos_answer(query, transport, lines), tcp ? 65'535 : dns::edns_payload_size);
        check_answer(query, chaos_failure(query, "because"), dns::udp_size_without_edns);
    }
    if (result.action == Action::hold) {
        const dns_server::Outcome given_up = not_ready(buffer, query.size(), context);
        require(given_up.action == Action::send);
        check_answer(query, {buffer.data(), given_up.length}, dns::udp_size_without_edns);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
    static Fixture fixture;
    const std::span<const std::uint8_t> query(octets, std::min(size, buffer_size));
    for (const Transport transport : {Transport::udp, Transport::tcp}) {
        for (const bool forwarding : {true, false}) check(fixture, query, transport, forwarding);
    }
    return 0;
}
