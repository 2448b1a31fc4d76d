// What one response says about one question. Layer: discovery (may include base, dns). Pure.
#include "discovery/chain.hpp"

#include <algorithm>
#include <optional>

namespace taskdns::discovery {
namespace {

bool is_of_type(const dns::Rdata& rdata, dns::RrType type) {
    const auto* address = std::get_if<IpAddress>(&rdata);
    switch (type) {
        case dns::RrType::a:
            return address != nullptr && address->is_v4();
        case dns::RrType::aaaa:
            return address != nullptr && address->is_v6();
        case dns::RrType::srv:
            return std::holds_alternative<dns::Srv>(rdata);
        default:
            return false;
    }
}

const dns::Record* find_cname(const dns::Response& response, const dns::Name& owner) {
    const auto found =
        std::find_if(response.answer.begin(), response.answer.end(), [&owner](const dns::Record& record) {
            return record.owner == owner && std::holds_alternative<dns::Cname>(record.rdata);
        });
    return found == response.answer.end() ? nullptr : &*found;
}

/// RFC 2308 section 5: the smaller of the SOA's TTL and its minimum field.
std::optional<seconds> negative_ttl(const dns::Response& response) {
    std::optional<seconds> smallest;
    for (const dns::Record& record : response.authority) {
        const auto* soa = std::get_if<dns::Soa>(&record.rdata);
        if (soa == nullptr) continue;
        const seconds ttl = std::min(record.ttl, seconds(soa->minimum));
        smallest = smallest ? std::min(*smallest, ttl) : ttl;
    }
    return smallest;
}

}  // namespace

Result<Finding> follow(const dns::Response& response, dns::RrType type, std::vector<dns::Name>& chain) {
    Finding finding;
    finding.ttl = longest_ttl;
    const std::size_t asked_at = chain.size();
    for (;;) {
        const dns::Name owner = chain.back();
        for (const dns::Record& record : response.answer) {
            if (record.owner != owner || !is_of_type(record.rdata, type)) continue;
            finding.records.push_back(record.rdata);
            finding.ttl = std::min(finding.ttl, record.ttl);
        }
        if (!finding.records.empty()) return finding;
        const dns::Record* cname = find_cname(response, owner);
        if (cname == nullptr) break;
        const dns::Name& target = std::get<dns::Cname>(cname->rdata).target;
        if (std::find(chain.begin(), chain.end(), target) != chain.end()) {
            return Error{Errc::malformed, "CNAME loop at " + target.to_string()};
        }
        if (chain.size() > max_cnames) {
            return Error{Errc::malformed,
                         "more than " + std::to_string(max_cnames) + " CNAMEs from " + chain.front().to_string()};
        }
        finding.ttl = std::min(finding.ttl, cname->ttl);
        chain.push_back(target);
    }

    const std::optional<seconds> negative = negative_ttl(response);
    finding.nxdomain = response.rcode == dns::Rcode::nxdomain;  // RFC 6604: of the chain's last name
    finding.leads_elsewhere = chain.size() > asked_at && !finding.nxdomain && !negative;
    if (!finding.leads_elsewhere) finding.ttl = std::min(finding.ttl, negative.value_or(substitute_negative_ttl));
    return finding;
}

}  // namespace taskdns::discovery
