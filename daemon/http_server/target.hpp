// What a request is for: its target taken apart (RFC 9112, section 3.2), and whether its Host is one of ours.
// Layer: http_server (may include base). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace taskdns::http_server {

struct Target {
    std::string authority;              ///< of the absolute form (`http://localhost:8053/`); it replaces Host
    std::vector<std::string> segments;  ///< of the path, percent-decoded; without the empty one behind a last slash
    std::string query;                  ///< what follows the `?`, as it came
};

/// Takes the origin form and the absolute form. Null: neither, or a broken percent-encoding.
/// Dot segments are not resolved: they are names like others, and lead nowhere.
std::optional<Target> parse_target(std::string_view target);

/// Null: a % that no two hexadecimal digits follow.
std::optional<std::string> percent_decode(std::string_view text);

/// Is `host` (with or without a port) localhost, a name below it, an IP literal, or one of `further_hosts` (lower
/// case, without port)? Any other name may be a web page's that made it resolve to us (DNS rebinding).
bool host_is_ours(std::string_view host, const std::vector<std::string>& further_hosts);

}  // namespace taskdns::http_server
