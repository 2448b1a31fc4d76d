// The kinds of text that settings hold. Layer: config.
#include "config/values.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "config/mistakes.hpp"

namespace taskdns::config {
namespace {

Error wrong(std::string_view text, std::string_view what) {
    return Error{Errc::invalid_config, fmt::format("{} {}", in_quotes(text), what)};
}

template <std::uint16_t default_port>
Result<SocketAddress> parse_listener(std::string_view text) {
    if (const auto address = SocketAddress::parse(text, default_port)) return *address;
    return wrong(text, fmt::format("is not an address and port (such as 127.0.0.1:{} or [::1]:{})", default_port,
                                   default_port));
}

Result<SocketAddress> parse_upstream_server(std::string_view text) {
    const auto server = SocketAddress::parse(text, 53);
    if (!server)
        return wrong(text, "is not the address of a resolver (write auto, or such as 10.0.0.2 or [fd00::2]:53)");
    if (server->address.is_unspecified()) return wrong(text, "is no one's address (such as 10.0.0.2)");
    if (server->port == 0) return wrong(text, "has port 0, where nobody answers (leave :0 out for port 53)");
    return *server;
}

Result<SocketAddress> parse_endpoint(std::string_view text) {
    const auto address = SocketAddress::parse(text);
    if (!address) return wrong(text, "is not an address (such as 10.0.1.10, 10.0.1.10:8080 or [fd00::10]:8080)");
    if (address->address.is_unspecified()) return wrong(text, "is no one's address (such as 10.0.1.10)");
    return *address;
}

// `10.0.1.7/16` is meant to be 10.0.0.0/16: clears bits from the last one on until it is a network.
std::string without_host_bits(std::string_view text) {
    const std::size_t slash = text.find('/');
    if (slash == std::string_view::npos) return "";
    const auto address = IpAddress::parse(text.substr(0, slash));
    if (!address) return "";
    IpAddress::V6Bytes bytes{};
    const std::size_t length = address->bytes().size();
    std::copy(address->bytes().begin(), address->bytes().end(), bytes.begin());
    for (std::size_t bit = length * 8; bit > 0; --bit) {
        auto& octet = bytes[(bit - 1) / 8];
        octet = static_cast<std::uint8_t>(octet & ~(0x80u >> ((bit - 1) % 8)));
        const IpAddress masked = address->is_v4()
                                     ? IpAddress(IpAddress::V4Bytes{bytes[0], bytes[1], bytes[2], bytes[3]})
                                     : IpAddress(bytes);
        std::string candidate = masked.to_string() + std::string(text.substr(slash));
        if (Network::parse(candidate)) return candidate;
    }
    return "";
}

Result<Network> parse_network(std::string_view text) {
    if (const auto parsed = Network::parse(text)) return *parsed;
    const std::string mend = without_host_bits(text);
    if (!mend.empty()) return wrong(text, "has bits set behind its prefix (try " + mend + ")");
    return wrong(text, "is not a network (such as 10.0.0.0/16 or fd00::/64)");
}

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

bool is_below(const dns::Name& name, const char* top) {
    const dns::Name wanted = *dns::Name::parse(top);
    for (dns::Name at = name; !at.is_root(); at = at.parent()) {
        if (at == wanted) return true;
    }
    return false;
}

// An SRV target is `ip6-` and 32 digits in front of the service's name: one label of 37 octets that must still fit.
constexpr std::size_t longest_service_name = 255 - 37;

Result<dns::Name> parse_service_name(std::string_view text) {
    if (IpAddress::parse(text))
        return wrong(text, "is an address, not a name (give it a name, and addresses: with source: static)");
    const auto name = dns::Name::parse(text);
    if (!name) return Error{Errc::invalid_config, name.error().message + " (a name is such as orders.local)"};
    if (name->is_root()) return wrong(text, "is the root, not a service (such as orders.local)");
    if (is_below(*name, "localhost"))
        return wrong(text, "is always this task itself, RFC 6761 (choose another name)");
    if (is_below(*name, "in-addr.arpa") || is_below(*name, "ip6.arpa")) {
        return wrong(text, "is in the tree of addresses, not of services (choose another name)");
    }
    if (name->wire().size() > longest_service_name) {
        return wrong(text, fmt::format("has {} octets (at most {}, so that SRV targets fit below it)",
                                       name->wire().size(), longest_service_name));
    }
    return *name;
}

Result<std::string> parse_host_name(std::string_view text) {
    const auto name = dns::Name::parse(text);
    if (name && !name->is_root()) return name->to_string();
    return wrong(text, "is not a host name (such as taskdns.internal, without a port)");
}

bool is_host_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-._:[]").find(c) != std::string_view::npos;
}

Result<std::string> parse_http_host(std::string_view text) {
    if (text.size() <= 255 && std::all_of(text.begin(), text.end(), is_host_character)) return std::string(text);
    return wrong(text, "cannot stand in a Host header (such as orders.local or orders.local:8080)");
}

Result<std::string> parse_http_path(std::string_view text) {
    const auto is_visible = [](char c) { return c > ' ' && c < 0x7f; };
    if (!text.starts_with('/'))
        return wrong(text, fmt::format("does not begin with / (try {})", in_quotes("/" + std::string(text))));
    if (text.size() > 1024) return wrong(text, "is longer than 1024 characters (a check should ask a short path)");
    if (!std::all_of(text.begin(), text.end(), is_visible) || text.find('#') != std::string_view::npos) {
        return wrong(text, "has a space, a # or a character that is not ASCII (write it as %20, %23, ...)");
    }
    return std::string(text);
}

std::optional<unsigned> parse_status(std::string_view text) {
    unsigned status = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), status);
    if (error != std::errc{} || rest != text.data() + text.size() || status < 100 || status > 599)
        return std::nullopt;
    return status;
}

Result<StatusRange> parse_status_range(std::string_view text) {
    const std::size_t dash = text.find('-');
    const auto first = parse_status(text.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : parse_status(text.substr(dash + 1));
    if (!first || !last)
        return wrong(text, "is not an HTTP status or a range of them, 100 to 599 (such as 200 or 200-399)");
    if (*first > *last) return wrong(text, fmt::format("runs backwards (try {}-{})", *last, *first));
    return StatusRange{*first, *last};
}

Result<std::string> parse_file_path(std::string_view text) {
    if (text.empty() || (text.starts_with('/') && text.find('\0') == std::string_view::npos))
        return std::string(text);
    return wrong(text, fmt::format("is not an absolute path (such as /var/lib/taskdns/{})", printable(text)));
}

Result<std::string> parse_tls_name(std::string_view text) {
    if (text.empty()) return std::string();
    const auto name = dns::Name::parse(text);
    if (name && !name->is_root() && !IpAddress::parse(text)) return name->to_string();
    return wrong(text, "is not a host name (such as orders.internal, without a port; addresses have no SNI)");
}

Result<std::string> parse_body_text(std::string_view text) {
    if (text.size() <= 1024) return std::string(text);
    return wrong(text, "is longer than 1024 octets (a few words that only a healthy answer has)");
}

Result<std::string> parse_zone_name(std::string_view text) {
    const auto is_part = [](char c) { return is_host_character(c) && c != '[' && c != ']' && c != ':'; };
    if (!text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), is_part))
        return std::string(text);
    return wrong(text, "is not the name of a zone (such as use1-az1)");
}

/// What ECS takes for a container's name, and `*`.
Result<std::string> parse_container_pattern(std::string_view text) {
    const auto is_part = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
               c == '*';
    };
    if (!text.empty() && text.size() <= 255 && std::all_of(text.begin(), text.end(), is_part))
        return std::string(text);
    return wrong(text, "is not the name of a container (letters, digits, - and _, and * for any of them)");
}

/// CloudWatch's own rule (PutMetricData, Namespace); `AWS/` belongs to its services.
Result<std::string> parse_metrics_namespace(std::string_view text) {
    const auto may_stand = [](char c) {
        const bool is_alphanumeric = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        return is_alphanumeric || std::string_view(".-_/#:").find(c) != std::string_view::npos;
    };
    if (!text.empty() && text.size() <= 255 && std::all_of(text.begin(), text.end(), may_stand) &&
        !text.starts_with("AWS/") && !text.starts_with(':')) {
        return std::string(text);
    }
    return wrong(text, "is not a namespace of CloudWatch (letters, digits and . - _ / # :, such as taskdns)");
}

}  // namespace

const ValueKind<SocketAddress> dns_listener{"an address and port", "127.0.0.1:53", parse_listener<53>};
const ValueKind<SocketAddress> http_listener{"an address and port", "127.0.0.1:8053", parse_listener<8053>};
const ValueKind<SocketAddress> upstream_server{"the address of a resolver", "10.0.0.2", parse_upstream_server};
const ValueKind<SocketAddress> endpoint{"an address", "10.0.1.10", parse_endpoint};
const ValueKind<Network> network{"a network", "10.0.0.0/16", parse_network};
const ValueKind<dns::Name> service_name{"a domain name", "orders.local", parse_service_name};
const ValueKind<std::string> host_name{"a host name", "taskdns.internal", parse_host_name};
const ValueKind<std::string> http_host{"a host name", "orders.local", parse_http_host};
const ValueKind<std::string> http_path{"a path", "/healthz", parse_http_path};
const ValueKind<StatusRange> status_range{"an HTTP status or a range of them", "200-399", parse_status_range};
const ValueKind<std::string> file_path{"a file's path", "/var/lib/taskdns/snapshot.json", parse_file_path};
const ValueKind<std::string> tls_name{"a host name", "orders.internal", parse_tls_name};
const ValueKind<std::string> body_text{"a text", "ok", parse_body_text};
const ValueKind<std::string> zone_name{"a zone", "use1-az1", parse_zone_name};
const ValueKind<std::string> metrics_namespace{"a namespace", "taskdns", parse_metrics_namespace};
const ValueKind<std::string> container_pattern{"a container's name", "aws-guardduty-agent*", parse_container_pattern};

std::string not_a_duration(std::string_view text) {
    struct Spelling {
        std::string_view written;
        std::string_view unit;
    };
    static constexpr std::array<Spelling, 11> spellings{{{"ms", "ms"},
                                                         {"msec", "ms"},
                                                         {"millis", "ms"},
                                                         {"m", "m"},
                                                         {"min", "m"},
                                                         {"mins", "m"},
                                                         {"minutes", "m"},
                                                         {"h", "h"},
                                                         {"hr", "h"},
                                                         {"hour", "h"},
                                                         {"hours", "h"}}};
    constexpr std::string_view otherwise = "is not a duration (such as 500ms or 5s)";
    const std::size_t end = std::min(text.find_first_not_of("0123456789."), text.size());
    if (end == 0) return in_quotes(text) + " " + std::string(otherwise);
    const std::string_view number = text.substr(0, end);
    std::string unit;
    for (const char c : text.substr(end)) {
        if (c >= '0' && c <= '9')
            return in_quotes(text) + " is not a duration (one number and one unit, such as 90s)";
        if (c != ' ') unit += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    const auto known =
        std::find_if(spellings.begin(), spellings.end(), [&](const Spelling& s) { return s.written == unit; });
    std::string mend = std::string(number) + std::string(known == spellings.end() ? "s" : known->unit);
    if (unit == "d" || unit == "day" || unit == "days") {
        const auto day = parse_duration(std::string(number) + "h");
        mend = day ? format_duration(*day * 24) : "";
    }
    if (!parse_duration(mend)) return in_quotes(text) + " " + std::string(otherwise);
    return fmt::format("{} is not a duration (try {})", in_quotes(text), mend);
}

std::string to_text(const SocketAddress& value) { return value.to_string(); }
std::string to_text(const Network& value) { return value.to_string(); }
std::string to_text(const dns::Name& value) { return value.is_root() ? "" : value.to_string(); }
std::string to_text(const std::string& value) { return value; }
std::string to_text(const StatusRange& value) {
    return value.first == value.last ? std::to_string(value.first) : fmt::format("{}-{}", value.first, value.last);
}

std::string to_text(CheckKind value) {
    switch (value) {
        case CheckKind::none:
            return "none";
        case CheckKind::tcp:
            return "tcp";
        case CheckKind::http:
            return "http";
        case CheckKind::https:
            return "https";
    }
    return "none";
}

std::vector<Piece> split_at_commas(std::string_view text) {
    std::vector<Piece> pieces;
    Piece piece;  // while it grows
    std::uint32_t line = 1;
    std::uint32_t column = 1;
    const auto end_piece = [&] {
        while (!piece.text.empty() && is_space(piece.text.back())) piece.text.remove_suffix(1);
        if (!piece.text.empty()) pieces.push_back(piece);
        piece = {};
    };
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == ',') {
            end_piece();
        } else if (!piece.text.empty()) {
            piece.text = {piece.text.data(), piece.text.size() + 1};
        } else if (!is_space(text[i])) {
            piece = {text.substr(i, 1), line, column};
        }
        ++column;
        if (text[i] == '\n') {
            ++line;
            column = 1;
        }
    }
    end_piece();
    return pieces;
}

}  // namespace taskdns::config
