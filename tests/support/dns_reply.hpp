// DNS responses as tests want them, right or wrong, written by hand and not by the code under test.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dns/message.hpp"

namespace taskdns::testing_support {

/// One resource record of class IN, its RDATA in wire form.
struct Rr {
    std::string owner;
    dns::RrType type = dns::RrType::a;
    std::uint32_t ttl = 60;
    dns::Bytes rdata;
    std::uint16_t rr_class = dns::class_in;
};

Rr a(const std::string& owner, const std::string& address, std::uint32_t ttl = 60);
Rr aaaa(const std::string& owner, const std::string& address, std::uint32_t ttl = 60);
Rr cname(const std::string& owner, const std::string& target, std::uint32_t ttl = 60);
Rr srv(const std::string& owner, std::uint16_t port, const std::string& target, std::uint32_t ttl = 60,
       std::uint16_t priority = 1, std::uint16_t weight = 1);
Rr soa(const std::string& owner, std::uint32_t ttl, std::uint32_t minimum);

/// `orders.local` with its type, for table rows.
dns::Question question(const std::string& name, dns::RrType type = dns::RrType::a);

struct Sections {
    dns::Rcode rcode = dns::Rcode::noerror;
    std::vector<Rr> answer;
    std::vector<Rr> authority;
    std::vector<Rr> additional;
    bool truncated = false;
    std::optional<std::uint8_t> extended_rcode;  ///< adds an OPT record with these upper bits
};

dns::Bytes write_response(std::uint16_t id, const dns::Question& question, const Sections& sections);

}  // namespace taskdns::testing_support
