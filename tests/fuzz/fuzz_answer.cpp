// Fuzz entry: the query parser and the answer builder beside ldns, over a small fixed view, both transports, and the
// answers of class CHAOS. Whatever a client sends is read as ldns reads it; what comes back ldns reads too, and says
// what the view says.
#include <array>
#include <map>
#include <string>
#include <vector>

#include "dns_server/answer.hpp"
#include "dns_server/chaos.hpp"
#include "fuzz/answer_rules.hpp"
#include "fuzz/mutate.hpp"
#include "fuzz/questions.hpp"
#include "support/forwarding.hpp"
#include "support/small_view.hpp"

namespace {

using namespace taskdns;
using namespace taskdns::dns_server;
using namespace taskdns::fuzz;

/// The addresses of each service, by its names in wire form.
using Addresses = std::map<std::vector<std::uint8_t>, std::set<std::string>>;

Addresses addresses_of(const std::vector<testing_support::SmallService>& services) {
    Addresses out;
    for (const testing_support::SmallService& service : services) {
        std::vector<std::string> names = service.aliases;
        names.push_back(service.name);
        for (const std::string& name : names) {
            const auto wire = dns::Name::parse(name).value();
            std::set<std::string>& addresses = out[{wire.wire().begin(), wire.wire().end()}];
            for (const std::string& endpoint : service.endpoints) {
                const IpAddress address = SocketAddress::parse(endpoint).value().address;
                addresses.emplace(address.bytes().begin(), address.bytes().end());
            }
        }
    }
    return out;
}

struct Fixture {
    std::unique_ptr<const view::View> view = testing_support::small_view();
    Addresses addresses = addresses_of(testing_support::small_services());
    Counters counters;
    testing_support::FakeForwarding forwarding;
};

std::string rdata_text(const ldns_rr& record, std::size_t field) {
    return std::string(text_of(octets_of(ldns_rr_rdf(&record, field))));
}

/// Records of class IN for a service's name: they belong to the name, are of the type, and say what the view says.
void check_service(const Fixture& fixture, const dns::Query& query, const ldns_pkt& packet) {
    const auto found = fixture.addresses.find({query.wire().begin(), query.wire().end()});
    if (found == fixture.addresses.end() || query.klass != dns::class_in) return;
    const std::set<std::string>& known = found->second;
    const bool addresses = query.rr_type() == dns::RrType::a || query.rr_type() == dns::RrType::aaaa;
    const std::size_t size = query.rr_type() == dns::RrType::a ? 4 : 16;
    const ldns_rr_list* const answers = ldns_pkt_answer(&packet);
    for (std::size_t i = 0; i < ldns_rr_list_rr_count(answers); ++i) {
        const ldns_rr& record = *ldns_rr_list_rr(answers, i);
        require(std::ranges::equal(folded(octets_of(ldns_rr_owner(&record))), query.wire()), "owned by the question");
        if (addresses) {
            require(ldns_rr_get_type(&record) == query.type, "of the type that was asked for");
            require(known.contains(rdata_text(record, 0)), "an address of the service");
        }
    }
    for (std::size_t i = 0; i < ldns_rr_list_rr_count(ldns_pkt_additional(&packet)); ++i) {
        const ldns_rr& record = *ldns_rr_list_rr(ldns_pkt_additional(&packet), i);
        require(known.contains(rdata_text(record, 0)), "an additional address is of the service");
    }
    const bool has_some = std::any_of(known.begin(), known.end(), [&](const auto& a) { return a.size() == size; });
    const bool is_noerror = rcode_of(packet) == static_cast<unsigned>(dns::Rcode::noerror);
    if (addresses && is_noerror)
        require((ldns_rr_list_rr_count(answers) > 0) == has_some, "empty only if it has none");
}

void check_sent(const Fixture& fixture, std::span<const std::uint8_t> message, dns::ParseOutcome outcome,
                const dns::Query& query, std::span<const std::uint8_t> answer, std::size_t limit) {
    const Packet packet = check_answer(message, query, answer, limit);
    require(!ldns_pkt_tc(packet.get()), "TC never");
    require(!ldns_pkt_ad(packet.get()), "AD never");
    const unsigned rcode = rcode_of(*packet);
    using enum dns::ParseOutcome;
    if (outcome == formerr) require(rcode == 1, "FORMERR");
    if (outcome == notimp) require(rcode == 4, "NOTIMP");
    if (outcome == badvers) require(rcode == 16, "BADVERS");
    if (outcome == ok) check_service(fixture, query, *packet);
}

void check(Fixture& fixture, std::span<const std::uint8_t> message, Transport transport, bool forwarding) {
    dns::Query query;
    const dns::ParseOutcome outcome = dns::parse_query(message, query);
    check_reading(message, outcome, query);

    std::vector<std::uint8_t> buffer(buffer_size);  // on the heap: AddressSanitizer watches its end
    std::copy(message.begin(), message.end(), buffer.begin());
    const Context context{*fixture.view, fixture.counters, forwarding ? &fixture.forwarding : nullptr};
    const dns_server::Outcome result = answer(buffer, message.size(), transport, context);
    require((result.action == Action::drop) == (outcome == dns::ParseOutcome::drop), "all else is answered");
    const bool tcp = transport == Transport::tcp;
    if (result.action == Action::send) {
        const std::size_t limit = tcp ? buffer_size : query.udp_size_limit();
        check_sent(fixture, message, outcome, query, {buffer.data(), result.length}, limit);
        return;
    }
    require(std::equal(message.begin(), message.end(), buffer.begin()), "what is not answered yet is still whole");
    if (result.action == Action::describe) {
        const std::vector<std::string> lines(60, std::string(300, '.'));
        std::vector<std::string> different = lines;
        for (std::size_t i = 0; i < different.size(); ++i) different[i].insert(0, std::to_string(i));
        check_answer(message, query, chaos_answer(message, transport, different),
                     tcp ? 65'535 : query.udp_size_limit());
        check_answer(message, query, chaos_failure(message, "because"), dns::udp_size_without_edns);
    }
    if (result.action == Action::hold) {
        const dns_server::Outcome given_up = not_ready(buffer, message.size(), context);
        require(given_up.action == Action::send, "who waited is told that it was in vain");
        check_sent(fixture, message, outcome, query, {buffer.data(), given_up.length}, dns::udp_size_without_edns);
    }
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
    return mutate_message({data, size, max_size, seed}, questions(), false);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
    static Fixture fixture;
    const std::span<const std::uint8_t> query(octets, std::min(size, buffer_size));
    for (const Transport transport : {Transport::udp, Transport::tcp}) {
        for (const bool forwarding : {true, false}) check(fixture, query, transport, forwarding);
    }
    return 0;
}
