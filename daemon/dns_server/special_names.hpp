// Names that are answered here though they are no service's: SRV targets (ip-10-0-1-10.<service>), localhost, and
// the reverse of the loopback addresses.
// Layer: dns_server (may include base, view; dns/types through view). Pure but for counters. HOT PATH.
#pragma once

#include <optional>

#include "dns_server/builder.hpp"

namespace taskdns::dns_server {

/// `ip-10-0-1-10` or `ip6-` and 32 hexadecimal digits, lower case, without the label's length octet. Null for
/// anything else, leading zeros included: each address has one name.
std::optional<IpAddress> parse_target_label(std::span<const std::uint8_t> label);

/// The answer if the question is for such a name (Action::hold while its service has not been polled); null if not.
std::optional<Outcome> answer_special_name(Builder& builder, const Context& context);

/// Whether answer_special_name() answers for it. `name`: lower-cased wire form.
bool is_special_name(std::span<const std::uint8_t> name, const view::NameTable& names);

}  // namespace taskdns::dns_server
