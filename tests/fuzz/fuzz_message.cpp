// Fuzz entry: any octets as the answer to a poll: whether it answers our query, and what is read from it, beside
// ldns. What taskdns reads ldns reads, to the same records; what only ldns reads has one of the faults in
// response_rules.hpp.
#include "dns/message.hpp"
#include "fuzz/mutate.hpp"
#include "fuzz/questions.hpp"
#include "fuzz/response_rules.hpp"

namespace {

using namespace taskdns;
using namespace taskdns::fuzz;

/// The record as one text, from each side.
std::string text_of_ours(const dns::Record& record) {
    struct Visitor {
        std::string operator()(const IpAddress& address) const { return "address " + address.to_string(); }
        std::string operator()(const dns::Srv& srv) const {
            return "srv " + std::to_string(srv.priority) + ' ' + std::to_string(srv.weight) + ' ' +
                   std::to_string(srv.port) + ' ' + std::string(text_of(srv.target.wire()));
        }
        std::string operator()(const dns::Cname& cname) const {
            return "cname " + std::string(text_of(cname.target.wire()));
        }
        std::string operator()(const dns::Soa& soa) const { return "soa " + std::to_string(soa.minimum); }
    };
    return std::string(text_of(record.owner.wire())) + ' ' + std::to_string(record.ttl.count()) + ' ' +
           std::visit(Visitor{}, record.rdata);
}

std::string name_text(const ldns_rdf* name) {
    const auto octets = folded(octets_of(name));
    return std::string(octets.begin(), octets.end());
}

std::string number_text(const ldns_rr& record, std::size_t field) {
    return std::to_string(dns::read_u16(octets_of(ldns_rr_rdf(&record, field)).data()));
}

std::string text_of_ldns(const ldns_rr& record) {
    const std::uint32_t ttl = ldns_rr_ttl(&record);
    std::string out = name_text(ldns_rr_owner(&record)) + ' ' + std::to_string(ttl > 0x7FFFFFFF ? 0 : ttl) + ' ';
    switch (static_cast<unsigned>(ldns_rr_get_type(&record))) {
        case 1: {
            IpAddress::V4Bytes bytes{};
            std::ranges::copy(octets_of(ldns_rr_rdf(&record, 0)), bytes.begin());
            return out + "address " + IpAddress(bytes).to_string();
        }
        case 28: {
            IpAddress::V6Bytes bytes{};
            std::ranges::copy(octets_of(ldns_rr_rdf(&record, 0)), bytes.begin());
            return out + "address " + IpAddress(bytes).to_string();
        }
        case 33:
            return out + "srv " + number_text(record, 0) + ' ' + number_text(record, 1) + ' ' +
                   number_text(record, 2) + ' ' + name_text(ldns_rr_rdf(&record, 3));
        case 5:
            return out + "cname " + name_text(ldns_rr_rdf(&record, 0));
        default:
            return out + "soa " + std::to_string(dns::read_u32(octets_of(ldns_rr_rdf(&record, 6)).data()));
    }
}

void check_section(const std::vector<dns::Record>& ours, const ldns_rr_list* theirs,
                   std::initializer_list<unsigned> types) {
    std::vector<std::string> wanted;
    for (std::size_t i = 0; i < ldns_rr_list_rr_count(theirs); ++i) {
        const ldns_rr& record = *ldns_rr_list_rr(theirs, i);
        if (is_read(record, types)) wanted.push_back(text_of_ldns(record));
    }
    require(ours.size() == wanted.size(), "as many records as ldns reads");
    for (std::size_t i = 0; i < ours.size(); ++i)
        require(text_of_ours(ours[i]) == wanted[i], "each as ldns reads it");
}

/// answers() by way of ldns: true only if the first question is ours, and it is a response to a query with this ID.
void check_match(std::span<const std::uint8_t> message, const ldns_pkt& packet, const dns::Question& question) {
    const bool answers = dns::answers(message, ldns_pkt_id(&packet), question);
    const ldns_rr_list* const questions = ldns_pkt_question(&packet);
    const ldns_rr* const first = ldns_rr_list_rr_count(questions) == 1 ? ldns_rr_list_rr(questions, 0) : nullptr;
    const bool expected = first != nullptr && ldns_pkt_qr(&packet) &&
                          ldns_pkt_get_opcode(&packet) == LDNS_PACKET_QUERY &&
                          name_text(ldns_rr_owner(first)) == text_of(question.name.wire()) &&
                          ldns_rr_get_type(first) == static_cast<unsigned>(question.type) &&
                          ldns_rr_get_class(first) == LDNS_RR_CLASS_IN;
    // ldns also takes a question whose name is compressed, with nothing before it that it could point to.
    if (answers) require(expected, "what answers our question has it");
    if (expected && message[12] < 64) require(answers, "what has our question answers it");
    require(!dns::answers(message, static_cast<std::uint16_t>(ldns_pkt_id(&packet) + 1), question),
            "another ID is another's");
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
    static const std::vector<std::vector<std::uint8_t>> asked{
        question("orders.local", 1), question("Orders.LOCAL", 1), question("orders.local", 28),
        question("other.local", 1)};
    return mutate_message({data, size, max_size, seed}, asked, true);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const dns::Question question{dns::Name::parse("orders.local").value(), dns::RrType::a};
    const std::span<const std::uint8_t> message(data, size);
    const bool whole = size >= dns::header_size;
    const auto response = dns::parse_response(message);
    require(dns::truncated(message) == (whole && (data[2] & dns::flag_tc) != 0), "TC is TC");
    if (!whole) {
        require(!response && !dns::answers(message, 0, question), "a message has a header");
        return 0;
    }
    const Packet packet = read_with_ldns(message);
    if (packet) check_match(message, *packet, question);
    if (!response) {
        require(response.error().code == Errc::malformed && !response.error().message.empty(), "the error says what");
        const Oddities odd = SlowReader(message).found();
        require(!packet || odd.names || odd.rdata || odd.counts || odd.trailing || odd.opaque,
                "refused for a reason");
        return 0;
    }
    require(packet != nullptr, "what is read, ldns reads");
    require(response->truncated == ldns_pkt_tc(packet.get()), "TC is ldns's");
    const unsigned upper = ldns_pkt_edns(packet.get()) ? ldns_pkt_edns_extended_rcode(packet.get()) : 0U;
    require(static_cast<unsigned>(response->rcode) ==
                (upper << 4 | static_cast<unsigned>(ldns_pkt_get_rcode(packet.get()))),
            "the rcode is ldns's, with its upper bits");
    check_section(response->answer, ldns_pkt_answer(packet.get()), {1, 28, 33, 5, 6});
    check_section(response->authority, ldns_pkt_authority(packet.get()), {6});
    check_section(response->additional, ldns_pkt_additional(packet.get()), {1, 28});
    return 0;
}
