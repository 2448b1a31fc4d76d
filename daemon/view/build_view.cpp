// Turns decisions into views: records in wire form and the schedule. Layer: view.
#include "view/build_view.hpp"

#include <algorithm>
#include <cstdlib>
#include <iterator>

#include <fmt/format.h>

#include "dns/types.hpp"
#include "dns/wire.hpp"
#include "view/schedule.hpp"

namespace taskdns::view {
namespace {

using Octets = std::vector<std::uint8_t>;

constexpr std::uint16_t question_pointer =
    0xC00C;                                   // to the question's name, right behind the header (RFC 1035 4.1.4)
constexpr std::uint32_t negative_ttl = 5;     // seconds; design.md, section 8
constexpr std::size_t most_records = 0xFFFE;  // a schedule numbers records with 16 bits

void put16(Octets& out, std::uint32_t value) {
    out.push_back(static_cast<std::uint8_t>(value >> 8));
    out.push_back(static_cast<std::uint8_t>(value));
}

void put32(Octets& out, std::uint32_t value) {
    put16(out, value >> 16);
    put16(out, value & 0xFFFF);
}

void put(Octets& out, std::span<const std::uint8_t> octets) { out.insert(out.end(), octets.begin(), octets.end()); }

/// TYPE to RDLENGTH: what stands between a record's owner and its RDATA (RFC 1035 section 3.2.1).
void put_record_head(Octets& out, dns::RrType type, std::uint32_t ttl, std::size_t rdata_length) {
    put16(out, static_cast<std::uint16_t>(type));
    put16(out, dns::class_in);
    put32(out, ttl);
    put16(out, static_cast<std::uint32_t>(rdata_length));
}

void put_address(Octets& out, const IpAddress& address, std::uint32_t ttl) {
    put_record_head(out, address.is_v4() ? dns::RrType::a : dns::RrType::aaaa, ttl, address.bytes().size());
    put(out, address.bytes());
}

/// A served endpoint as it is scheduled, and the SRV record that it becomes.
struct Served {
    const EndpointDecision* endpoint;
    Turn turn;
};

/// The one priority of all that come first. Lower numbers are of those that fail and are served all the same.
std::uint16_t first_priority(const Decision& decision) {
    const auto first = std::ranges::find_if(decision.endpoints, &EndpointDecision::first);
    return first == decision.endpoints.end() ? 0 : first->priority;
}

/// Backups follow by zone and priority: our own zone's of the same priority, then other zones', then by the distance
/// of their numbers.
std::vector<Served> served_endpoints(const Decision& decision) {
    std::vector<Served> out;
    const int first = first_priority(decision);
    for (const EndpointDecision& endpoint : decision.endpoints) {
        if (!endpoint.served) continue;
        out.push_back({&endpoint,
                       {.destination = {endpoint.address.address, decision.source_of(endpoint)},
                        .first = endpoint.first,
                        .weight = endpoint.weight,
                        .tier = 1U + static_cast<unsigned>(std::abs(endpoint.priority - first))}});
    }
    return out;
}

void schedule(PreparedRrset& rrset, const std::vector<Turn>& turns, const config::Answer& answer,
              std::uint32_t seed) {
    Slots slots = build_schedule(turns, answer, seed);
    rrset.schedule = std::move(slots.numbers);
    rrset.width = slots.width;
}

bool is_v6(const Served& endpoint) { return endpoint.turn.destination.address.is_v6(); }

/// Several ports of one address are one record, which has the turns of all of them.
std::vector<Turn> merge_ports(const std::vector<Served>& served, bool v4) {
    std::vector<Turn> out;
    for (const Served& endpoint : served) {
        const Turn& turn = endpoint.turn;
        if (turn.destination.address.is_v4() == v4) out.push_back(turn);
    }
    std::ranges::stable_sort(out, {}, [](const Turn& turn) { return turn.destination.address; });
    std::size_t merged = 0;
    for (std::size_t i = 1; i < out.size(); ++i) {
        Turn& into = out[merged];
        const Turn& turn = out[i];
        if (turn.destination.address != into.destination.address) {
            out[++merged] = turn;
        } else if (turn.first == into.first) {
            into.weight += turn.weight;
            into.tier = std::min(into.tier, turn.tier);
        } else if (turn.first) {
            into = turn;
        }
    }
    if (!out.empty()) out.resize(std::min(merged + 1, most_records));
    return out;
}

PreparedRrset prepare_addresses(const std::vector<Served>& served, bool v4, const config::Answer& answer,
                                std::uint32_t seed) {
    PreparedRrset out;
    std::vector<Turn> turns = merge_ports(served, v4);
    const bool without_v6 = v4 && std::ranges::none_of(served, is_v6);
    for (Turn& turn : turns) turn.destination.without_v6 = without_v6;
    out.stride = v4 ? 16 : 28;
    out.wire.reserve(turns.size() * out.stride);
    for (const Turn& turn : turns) {
        put16(out.wire, question_pointer);
        put_address(out.wire, turn.destination.address, static_cast<std::uint32_t>(answer.ttl.count()));
    }
    schedule(out, turns, answer, seed);
    return out;
}

/// `ip-10-0-1-10` or `ip6-` and 32 hexadecimal digits: the first label of an SRV target.
std::string target_label(const IpAddress& address) {
    const auto bytes = address.bytes();
    if (address.is_v4()) return fmt::format("ip-{}-{}-{}-{}", bytes[0], bytes[1], bytes[2], bytes[3]);
    constexpr std::string_view digits = "0123456789abcdef";
    std::string label = "ip6-";
    for (const std::uint8_t octet : bytes) {
        label += digits[octet >> 4];
        label += digits[octet & 0xF];
    }
    return label;
}

/// Whoever asks for SRV connects to one target at a time, each looked up alone: no sorting by addresses to foresee,
/// but one by priority. Whatever it would put before those that are to come first is left out.
PreparedRrset prepare_srv(const std::vector<Served>& served, std::uint16_t first_priority,
                          std::span<const std::uint8_t> parent, config::Answer answer, std::uint32_t seed) {
    PreparedRrset out;
    std::vector<Turn> turns;
    turns.reserve(served.size());
    answer.fair = false;
    const auto ttl = static_cast<std::uint32_t>(answer.ttl.count());
    Octets address;
    for (const auto& [endpoint, turn] : served) {
        if (endpoint->priority < first_priority) continue;
        if (endpoint->address.port == 0 || turns.size() >= most_records) continue;
        const std::string label = target_label(endpoint->address.address);
        // RFC 1035 section 3.1: below a name that long there is no room for its target.
        if (1 + label.size() + parent.size() > dns::longest_name) continue;
        turns.push_back(turn);
        out.offsets.push_back(static_cast<std::uint32_t>(out.wire.size()));
        put_record_head(out.wire, dns::RrType::srv, ttl, 6 + 1 + label.size() + parent.size());
        put16(out.wire, endpoint->priority);
        put16(out.wire, endpoint->record_weight);
        put16(out.wire, endpoint->address.port);
        out.wire.push_back(static_cast<std::uint8_t>(label.size()));
        std::ranges::copy(label, std::back_inserter(out.wire));
        put(out.wire, parent);
        address.clear();
        put_address(address, endpoint->address.address, ttl);
        out.addresses.push_back(address);
    }
    if (!out.offsets.empty()) out.offsets.push_back(static_cast<std::uint32_t>(out.wire.size()));
    out.wire.shrink_to_fit();
    out.offsets.shrink_to_fit();
    out.addresses.shrink_to_fit();
    schedule(out, turns, answer, seed);
    return out;
}

/// How many octets of `name` its leading labels that begin with an underscore take.
std::size_t underscore_octets(std::span<const std::uint8_t> wire) {
    std::size_t at = 0;
    while (wire[at] != 0 && wire[at + 1] == '_') at += std::size_t{1} + wire[at];
    return at;
}

/// Our own SOA (RFC 1035 section 3.3.13, RFC 2308 section 3): each service name is its own apex. Names as other local
/// resolvers write them for zones that they make up.
Octets make_soa() {
    Octets rdata;
    const auto put_name = [&rdata](const char* text) { put(rdata, dns::Name::parse(text).value().wire()); };
    put_name("localhost");       // MNAME
    put_name("nobody.invalid");  // RNAME: there is nobody to write to
    put32(rdata, 1);             // SERIAL: nobody transfers this zone
    put32(rdata, 3600);          // REFRESH
    put32(rdata, 1200);          // RETRY
    put32(rdata, 604'800);       // EXPIRE
    put32(rdata, negative_ttl);  // MINIMUM
    Octets out;
    put_record_head(out, dns::RrType::soa, negative_ttl, rdata.size());
    put(out, rdata);
    return out;
}

Readiness readiness(const Decision& decision, bool upstream_answered) {
    switch (decision.rung) {
        case Rung::not_ready:
            return Readiness::not_polled;
        case Rung::no_endpoint:
            return upstream_answered ? Readiness::no_endpoint : Readiness::no_upstream;
        default:
            return Readiness::serving;
    }
}

}  // namespace

std::shared_ptr<const NameTable> build_name_table(std::span<const config::Service> services,
                                                  std::span<const std::size_t> indices) {
    std::vector<OwnerName> names;
    const auto add = [&names](const dns::Name& name, std::size_t service) {
        names.push_back({.name = name,
                         .service = static_cast<std::uint32_t>(service),
                         .cursor = static_cast<std::uint32_t>(names.size()) * NameTable::cursors_per_name});
    };
    for (std::size_t i = 0; i < services.size(); ++i) {
        const std::size_t index = indices.empty() ? i : indices[i];
        add(services[i].name, index);
        for (const dns::Name& alias : services[i].aliases) add(alias, index);
    }
    return std::make_shared<const NameTable>(std::move(names));
}

std::shared_ptr<const ServiceView> build_service_view(const config::Service& service, const Decision& decision,
                                                      bool upstream_answered, std::span<const IpAddress> recent,
                                                      std::uint32_t seed) {
    auto out = std::make_shared<ServiceView>();
    out->readiness = readiness(decision, upstream_answered);
    out->stale = decision.stale;
    out->answer_ttl = static_cast<std::uint32_t>(service.answer.ttl.count());
    out->soa = make_soa();

    out->targets.reserve(recent.size() + decision.endpoints.size());
    out->targets.assign(recent.begin(), recent.end());
    for (const EndpointDecision& endpoint : decision.endpoints) out->targets.push_back(endpoint.address.address);
    std::ranges::sort(out->targets);
    out->targets.erase(std::unique(out->targets.begin(), out->targets.end()), out->targets.end());

    const auto wire = service.name.wire();
    const std::size_t parent = underscore_octets(wire);
    out->target_parent_offset = static_cast<std::uint8_t>(parent);
    const std::vector<Served> served = served_endpoints(decision);
    out->a = prepare_addresses(served, true, service.answer, seed);
    out->aaaa = prepare_addresses(served, false, service.answer, seed);
    out->srv = prepare_srv(served, first_priority(decision), wire.subspan(parent), service.answer, seed);
    return out;
}

/// One endpoint at a time: each slot's first.
std::vector<SocketAddress> build_rotation(const config::Service& service, const Decision& decision,
                                          std::uint32_t seed) {
    const std::vector<Served> served = served_endpoints(decision);
    std::vector<Turn> turns;
    turns.reserve(served.size());
    for (const Served& endpoint : served) turns.push_back(endpoint.turn);
    if (turns.size() > most_records) turns.resize(most_records);
    config::Answer answer = service.answer;
    answer.size = 1;
    answer.fair = false;
    std::vector<SocketAddress> out;
    for (const std::uint16_t number : build_schedule(turns, answer, seed).numbers) {
        out.push_back(served[number].endpoint->address);
    }
    return out;
}

}  // namespace taskdns::view
