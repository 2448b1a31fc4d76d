// Fuzz entry: any octets as an upstream's answer to a forwarded question: read, kept, and given to clients of all
// kinds. What is kept ldns reads, and so it does what the clients get; their TTLs are within the limits, and count
// down.
#include <array>
#include <map>
#include <set>

#include "forward/client_answer.hpp"
#include "fuzz/mutate.hpp"
#include "fuzz/questions.hpp"
#include "fuzz/response_rules.hpp"

namespace {

using namespace taskdns;
using namespace taskdns::fuzz;

using Buffer = std::array<std::uint8_t, 70'000>;  // any message and our OPT

const forward::Question& asked() {
    static const forward::Question question = [] {
        forward::Question out;
        out.name = {3, 'w', 'w', 'w', 7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0};
        out.form.type = 1;
        return out;
    }();
    return question;
}

using Text = std::string;

Text folded_text(const ldns_rdf* name) {
    const auto octets = folded(octets_of(name));
    return Text(octets.begin(), octets.end());
}

/// What the CNAME records of an answer lead to, by ldns's reading.
struct Chain {
    std::set<Text> names;
    bool odd = false;  ///< they go round, or are many
};

Chain chain_of(const ldns_pkt& packet) {
    std::multimap<Text, Text> aliases;
    const ldns_rr_list* const answers = ldns_pkt_answer(&packet);
    for (std::size_t i = 0; i < ldns_rr_list_rr_count(answers); ++i) {
        const ldns_rr* const record = ldns_rr_list_rr(answers, i);
        if (ldns_rr_get_type(record) != LDNS_RR_TYPE_CNAME || ldns_rr_rd_count(record) == 0) continue;
        aliases.emplace(folded_text(ldns_rr_owner(record)), folded_text(ldns_rr_rdf(record, 0)));
    }
    Chain chain;
    std::vector<Text> next{Text(text_of(asked().name))};
    for (std::size_t i = 0; i < next.size() && next.size() < 200; ++i) {
        if (!chain.names.insert(next[i]).second) {
            chain.odd = true;
            continue;
        }
        const auto [first, last] = aliases.equal_range(next[i]);
        for (auto alias = first; alias != last; ++alias) next.push_back(alias->second);
    }
    chain.odd = chain.odd || chain.names.size() > 16;
    return chain;
}

/// Why a message that ldns reads may be refused, beside the oddities of its octets.
bool has_reason(std::span<const std::uint8_t> message, const ldns_pkt& packet) {
    if (chain_of(packet).odd) return true;
    const auto records = records_of(message, asked().end());
    if (!records) return true;
    constexpr std::ptrdiff_t most_cnames = 64;  // in an answer that is followed: decision 0027
    const auto answers =
        records->begin() + std::min<std::ptrdiff_t>(dns::read_u16(&message[6]), std::ssize(*records));
    const auto is_cname = [](const dns::RecordExtent& record) { return record.type == dns::RrType::cname; };
    if (std::count_if(records->begin(), answers, is_cname) > most_cnames) return true;
    unsigned opts = 0;
    std::size_t uncompressed = 0;
    for (const dns::RecordExtent& record : *records) {
        uncompressed += record.end - record.begin + 3 * dns::longest_name;
        if (record.type == dns::RrType::opt && (++opts > 1 || message[record.begin] != 0)) return true;
    }
    return uncompressed > 65'535;  // without its compression it might not fit
}

/// Whatever is kept of the answers belongs to the question, or to what it leads to.
void check_owners(const forward::UpstreamAnswer& answer, const Chain& chain) {
    const Packet kept = read_with_ldns(answer.message);
    if (!kept) return;
    for (std::size_t i = 0; i < ldns_rr_list_rr_count(ldns_pkt_answer(kept.get())); ++i) {
        const ldns_rr* const record = ldns_rr_list_rr(ldns_pkt_answer(kept.get()), i);
        const ldns_rr_type type = ldns_rr_get_type(record);
        require(type != LDNS_RR_TYPE_OPT, "OPT is no answer");
        if (type == LDNS_RR_TYPE_DNAME || type == LDNS_RR_TYPE_RRSIG) continue;  // of names above it
        require(chain.names.contains(folded_text(ldns_rr_owner(record))), "an answer belongs to the question");
        require(type == LDNS_RR_TYPE_A || type == LDNS_RR_TYPE_CNAME, "and is what was asked for");
    }
}

unsigned count_of(std::span<const std::uint8_t> message, std::size_t at) { return dns::read_u16(&message[at]); }

/// The kept message: no OPT, all records whole, every TTL found, in order, and within the limits.
void check_kept(const forward::UpstreamAnswer& answer, const config::Forward& limits) {
    const auto records = records_of(answer.message, asked().end());
    require(records.has_value(), "what is kept is whole");
    const std::size_t end = records->empty() ? asked().end() : records->back().end;
    require(end == answer.message.size(), "nothing follows it");
    require(records->size() == answer.ttls.size(), "each record has its TTL");
    const std::size_t before = count_of(answer.message, 6) + count_of(answer.message, 8);
    const std::size_t additional = before < records->size() ? (*records)[before].begin : end;
    require(answer.additional == additional, "the additional section begins there");
    std::uint32_t smallest = 0xFFFFFFFF;
    for (std::size_t i = 0; i < records->size(); ++i) {
        require((*records)[i].ttl() == answer.ttls[i], "a TTL is where it is said to be");
        const std::uint32_t ttl = dns::read_u32(&answer.message[answer.ttls[i]]);
        require(ttl <= static_cast<std::uint32_t>(limits.max_ttl.count()), "no TTL above the limit");
        smallest = std::min(smallest, ttl);
    }
    require(answer.lifetime >= seconds(0) && answer.lifetime <= limits.max_ttl, "the lifetime is within the limit");
    if (answer.lifetime > seconds(0))
        require(smallest >= static_cast<std::uint32_t>(answer.lifetime.count()), "no record ends before it");
    using enum forward::Kind;
    const bool expected = answer.kind == (answer.rcode == 3 ? nxdomain : answer.rcode != 0 ? failure : answer.kind);
    require(expected && (answer.rcode != 0 || !answer.is_failure()), "the kind is the rcode's");
}

/// What a client gets: its own question, what fits, and what ldns reads if it reads what the upstream said.
void give(const forward::Client& client, const forward::Served& served, const dns::Bytes& query, bool readable) {
    static Buffer buffer;
    std::copy(query.begin(), query.end(), buffer.begin());
    const std::size_t size = forward::write_answer(buffer, client, served);
    const std::span<const std::uint8_t> answer(buffer.data(), size);
    require(size == forward::answer_size(client, served), "the size is what was said before");
    require(size >= client.question_end, "the question is there");
    require(size <= client.size_limit || size == client.question_end + dns::opt_size, "it fits");
    require(std::equal(query.begin() + dns::header_size, query.end(), buffer.begin() + dns::header_size),
            "octet for octet");
    require(answer[0] == query[0] && answer[1] == query[1] && (answer[2] & dns::flag_qr) != 0, "ID and QR");
    require((answer[2] & dns::flag_aa) == 0, "who forwards is no authority");
    require((answer[3] & dns::flag_ad) == 0 || client.wants_ad, "AD only for who wants it");
    const bool cut = (answer[2] & dns::flag_tc) != 0;
    const auto records = records_of(answer, client.question_end);
    require(records.has_value(), "its records are whole");
    require((records->empty() ? client.question_end : records->back().end) == size, "nothing is left over");
    const auto opts =
        std::count_if(records->begin(), records->end(), [](const auto& r) { return r.type == dns::RrType::opt; });
    require(opts == (client.has_opt ? 1 : 0), "OPT for who sent it");
    if (cut) require(records->size() == (client.has_opt ? 1U : 0U), "TC: no records");
    if (!cut)
        require(
            count_of(answer, 6) == count_of(served.message, 6) && count_of(answer, 8) == count_of(served.message, 8),
            "all answers");
    if (readable) require(read_with_ldns(answer) != nullptr, "ldns reads it");
}

void give_all(const forward::UpstreamAnswer& answer, bool readable) {
    static const forward::KeyedHash hash({1, 2});
    const dns::Bytes query = forward::upstream_query(asked(), 7, false);
    const TimePoint now{std::chrono::hours(1)};
    forward::Cache cache(std::size_t{1} << 20, std::chrono::hours(1));
    const forward::KeyView key(asked().name, asked().form.packed(), hash);
    cache.store(key, answer, now);
    const forward::Entry* const entry = cache.find(key);
    require((entry != nullptr) == (answer.lifetime > seconds(0)), "what lives is kept");
    for (const std::size_t limit : {std::size_t{512}, std::size_t{1232}, std::size_t{65'535}}) {
        for (const bool has_opt : {false, true}) {
            const forward::Client client{asked().end(), limit, has_opt, has_opt, has_opt};
            give(client, forward::Served::fresh(answer), query, readable);
            if (entry == nullptr) continue;
            const auto last = entry->expiry - std::chrono::nanoseconds(1);
            const forward::Served served = forward::Served::fresh(*entry, last);
            for (const std::uint16_t at : served.ttls) {
                require(dns::read_u32(&served.message[at]) > served.age, "no TTL counts below zero");
            }
            give(client, served, query, readable);
        }
    }
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
    static const std::vector<std::vector<std::uint8_t>> wanted{question("www.example", 1), question("WWW.exAMPle", 1),
                                                               question("www.example", 28),
                                                               question("other.local", 1)};
    return mutate_message({data, size, max_size, seed}, wanted, true);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::span<const std::uint8_t> message(data, size);
    if (size > 65'535 || size < 2) return 0;
    const bool answers = forward::is_answer_to(asked(), dns::read_u16(data), message);
    if (!answers) return 0;
    require(size >= dns::header_size && (data[2] & dns::flag_qr) != 0, "an answer is a response");
    require(!forward::is_answer_to(asked(), dns::read_u16(data) ^ 1U, message), "another ID is another's");
    const bool header_alone = size == dns::header_size;
    const Oddities odd = header_alone ? Oddities{} : SlowReader(message).found();
    const Packet packet = read_with_ldns(message);
    const config::Forward limits;
    const auto answer = forward::read_upstream_answer({data, data + size}, asked(), limits);
    if (!answer) {
        const bool reads = packet && !odd.names && !odd.rdata && !odd.counts && !odd.trailing && !odd.opaque;
        require(!reads || has_reason(message, *packet), "refused for a reason");
        return 0;
    }
    require(packet != nullptr || odd.opaque || header_alone, "what is read, ldns reads");
    check_kept(*answer, limits);
    if (packet) check_owners(*answer, chain_of(*packet));
    give_all(*answer, packet != nullptr);
    return 0;
}
