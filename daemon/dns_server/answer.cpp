// From a query's octets and a view to an answer's octets. Layer: dns_server. HOT PATH.
#include "dns_server/answer.hpp"

#include <boost/assert.hpp>

#include "dns_server/builder.hpp"
#include "dns_server/chaos.hpp"
#include "dns_server/special_names.hpp"

namespace taskdns::dns_server {
namespace {

constexpr std::size_t a_size = 16;     // owner pointer, TYPE to RDLENGTH, 4 octets
constexpr std::size_t aaaa_size = 28;  // the same, 16 octets

constexpr std::string_view text_no_endpoint = "no usable endpoint";
constexpr std::string_view text_no_upstream = "the upstream has never answered";
constexpr std::string_view text_not_ready = "not polled yet";

Outcome fail(Builder& builder, dns::Rcode rcode) { return builder.finish(rcode, false); }

Outcome servfail(Builder& builder, dns::Ede code, std::string_view text) {
    builder.explain(code, text);
    return fail(builder, dns::Rcode::servfail);
}

Outcome nodata(Builder& builder, const view::ServiceView& service) {
    builder.add_negative_soa(service.soa);
    return builder.finish(dns::Rcode::noerror, true);
}

/// The slot's records of `size` octets, as many as fit. Never TC: the rest are backups, and a client that comes back
/// over TCP for them would cost more than they are worth.
template <std::size_t size>
void add_addresses(Builder& builder, const view::PreparedRrset& rrset, std::uint64_t cursor) {
    dns::Writer& writer = builder.writer();
    unsigned records = 0;
    for (const std::uint16_t number : rrset.slot(cursor)) {
        if (number == view::PreparedRrset::no_record || !writer.fits(size)) break;
        writer.octets_of<size>(rrset.wire.data() + std::size_t{number} * size);
        ++records;
    }
    builder.count_answers(records);
}

/// RFC 2782: whole SRV records first, then the addresses of those that were written, each as far as it fits.
void add_srv(Builder& builder, const view::PreparedRrset& rrset, std::uint64_t cursor) {
    dns::Writer& writer = builder.writer();
    const std::span<const std::uint16_t> slot = rrset.slot(cursor);
    std::size_t records = 0;
    for (; records < slot.size() && slot[records] != view::PreparedRrset::no_record; ++records) {
        const std::span<const std::uint8_t> record = rrset.record(slot[records]);
        if (!writer.fits(2 + record.size())) break;
        writer.pointer(dns::header_size);
        writer.octets(record);
    }
    builder.count_answers(static_cast<unsigned>(records));

    constexpr std::size_t target_offset = 2 + 16;  // owner pointer, then TYPE to port
    std::size_t record_offset = builder.query().question_end;
    unsigned additional = 0;
    for (std::size_t i = 0; i < records; ++i) {
        const std::uint16_t number = slot[i];
        if (number < rrset.addresses.size() && !rrset.addresses[number].empty() &&
            writer.fits(2 + rrset.addresses[number].size())) {
            writer.pointer(record_offset + target_offset);
            writer.octets(rrset.addresses[number]);
            ++additional;
        }
        record_offset += 2 + rrset.record(number).size();
    }
    builder.count_additional(additional);
}

/// What A, AAAA and SRV share: the service's state decides first, and it is the same for all three.
Outcome answer_endpoints(Builder& builder, const view::OwnerName& owner, const view::ServiceView& service,
                         const Context& context) {
    switch (service.readiness) {
        case view::Readiness::not_polled:
            return {Action::hold};
        case view::Readiness::no_endpoint:
            return servfail(builder, dns::Ede::other, text_no_endpoint);
        case view::Readiness::no_upstream:
            return servfail(builder, dns::Ede::no_reachable_authority, text_no_upstream);
        case view::Readiness::serving:
            break;
    }
    if (service.stale && builder.explain(dns::Ede::stale_answer)) context.counters.stale.add();
    const dns::RrType type = builder.query().rr_type();
    const bool a = type == dns::RrType::a;
    const bool aaaa = type == dns::RrType::aaaa;
    const view::PreparedRrset& rrset = a ? service.a : aaaa ? service.aaaa : service.srv;
    if (rrset.empty()) return nodata(builder, service);

    const std::size_t rotation = owner.cursor + (a ? 0U : aaaa ? 1U : 2U);
    BOOST_ASSERT(rotation < context.view.cursors->size());
    const std::uint64_t cursor = context.view.cursors->take(rotation);
    if (a) {
        add_addresses<a_size>(builder, rrset, cursor);
    } else if (aaaa) {
        add_addresses<aaaa_size>(builder, rrset, cursor);
    } else {
        add_srv(builder, rrset, cursor);
    }
    return builder.finish(dns::Rcode::noerror, true);
}

Outcome answer_service(Builder& builder, const view::OwnerName& owner, const Context& context) {
    const view::ServiceView& service = *context.view.services[owner.service];
    switch (builder.query().rr_type()) {
        case dns::RrType::a:
        case dns::RrType::aaaa:
        case dns::RrType::srv:
            return answer_endpoints(builder, owner, service, context);
        case dns::RrType::any:
            return answer_any(builder);
        case dns::RrType::soa:
            if (service.soa.empty() || !builder.writer().fits(2 + service.soa.size())) break;
            builder.writer().pointer(dns::header_size);
            builder.writer().octets(service.soa);
            builder.count_answers(1);
            return builder.finish(dns::Rcode::noerror, true);
        default:
            break;
    }
    return nodata(builder, service);
}

/// RFC 6895 section 3.1: TKEY (249), TSIG, IXFR, AXFR (252) are more than one message, or belong to one hop.
bool is_transaction(const dns::Query& query) { return query.type >= 249 && query.type <= 252; }

/// What only few queries ask: other classes, and types that are no data.
bool is_unusual(const dns::Query& query) {
    return query.klass != dns::class_in || query.rr_type() == dns::RrType::opt || is_transaction(query);
}

/// Null: to be forwarded, as RFC 5625 section 4.3 asks for every QTYPE and QCLASS; NONE and ANY are no exceptions.
std::optional<Outcome> answer_unusual(Builder& builder, const Context& context) {
    const dns::Query& query = builder.query();
    const view::NameTable& names = *context.view.names;
    // RFC 6891 section 6.1.1: OPT is a part of a message, never data.
    if (query.rr_type() == dns::RrType::opt) return fail(builder, dns::Rcode::formerr);
    if (find_chaos_subject(query, names).kind != ChaosSubject::Kind::none) return Outcome{Action::describe};
    // RFC 1035 section 3.2.4: our data is of class IN. Of class CH nothing is forwarded: it is asked of one server.
    if (is_transaction(query) || query.klass == dns::class_ch || names.find(query.wire()) != nullptr ||
        is_special_name(query.wire(), names)) {
        return fail(builder, dns::Rcode::refused);
    }
    return std::nullopt;
}

Outcome forward(Builder& builder, std::span<std::uint8_t> buffer, Transport transport, const Context& context) {
    if (context.forwarding == nullptr) return fail(builder, dns::Rcode::refused);
    const std::size_t size = context.forwarding->answer_now(buffer, builder.query(), transport);
    if (size == 0) return {Action::forward};
    return {Action::send, Source::cache, AnswerCounters::row_of(buffer), static_cast<std::uint32_t>(size)};
}

Outcome answer_question(Builder& builder, std::span<std::uint8_t> buffer, Transport transport,
                        const Context& context) {
    const dns::Query& query = builder.query();
    if (is_unusual(query)) {
        if (const auto unusual = answer_unusual(builder, context)) return *unusual;
        return forward(builder, buffer, transport, context);
    }
    if (const view::OwnerName* const owner = context.view.names->find(query.wire())) {
        if (context.view.demand) context.view.demand->note(owner->service);
        Outcome outcome = answer_service(builder, *owner, context);
        outcome.source = Source::service;
        return outcome;
    }
    if (const auto special = answer_special_name(builder, context)) return *special;
    return forward(builder, buffer, transport, context);
}

Outcome answer_parsed(Builder& builder, dns::ParseOutcome parsed, std::span<std::uint8_t> buffer, Transport transport,
                      const Context& context) {
    switch (parsed) {
        case dns::ParseOutcome::formerr:
            return fail(builder, dns::Rcode::formerr);
        case dns::ParseOutcome::notimp:
            return fail(builder, dns::Rcode::notimp);
        case dns::ParseOutcome::badvers:
            return fail(builder, dns::Rcode::badvers);
        default:
            return answer_question(builder, buffer, transport, context);
    }
}

}  // namespace

Outcome answer_any(Builder& builder) {
    static constexpr std::array<std::uint8_t, 19> hinfo{0, 13,  0,   1,   0,   0,   0,   5,   0, 9,
                                                        7, 'R', 'F', 'C', '8', '4', '8', '2', 0};
    builder.writer().pointer(dns::header_size);
    builder.writer().octets(hinfo);
    builder.count_answers(1);
    return builder.finish(dns::Rcode::noerror, true);
}

Outcome answer(std::span<std::uint8_t> buffer, std::size_t length, Transport transport, const Context& context) {
    BOOST_ASSERT(buffer.size() >= buffer_size && length <= buffer.size());
    dns::Query query;
    const dns::ParseOutcome parsed = dns::parse_query(buffer.first(length), query);
    if (parsed == dns::ParseOutcome::drop) {
        context.counters.dropped_unanswerable.add();
        return {Action::drop};
    }
    Builder builder(buffer, query, transport);
    const Outcome outcome = answer_parsed(builder, parsed, buffer, transport, context);
    if (outcome.action == Action::send) {
        context.counters.answers.count(outcome.source, query.type, outcome.rcode_row);
    }
    return outcome;
}

Outcome not_ready(std::span<std::uint8_t> buffer, std::size_t length, const Context& context) {
    dns::Query query;
    if (dns::parse_query(buffer.first(length), query) != dns::ParseOutcome::ok)
        return {Action::drop};  // it was held: it parsed
    Builder builder(buffer, query, Transport::udp);
    const Outcome outcome = servfail(builder, dns::Ede::not_ready, text_not_ready);
    context.counters.answers.count(Source::service, query.type, outcome.rcode_row);
    return outcome;
}

}  // namespace taskdns::dns_server
