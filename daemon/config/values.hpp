// The kinds of text that settings hold: how each is read, what it is called and what it looks like.
// Layer: config (may include base, dns). Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "config/config.hpp"

namespace taskdns::config {

/// A kind of value that is written as one piece of text. The error of `parse` is a whole message, mend included.
template <class T>
struct ValueKind {
    const char* what;     ///< "an address", "a domain name"
    const char* example;  ///< one that parse() takes
    Result<T> (*parse)(std::string_view text);
};

extern const ValueKind<SocketAddress> dns_listener;     ///< port 53 if none is given; 0 takes a free one
extern const ValueKind<SocketAddress> http_listener;    ///< the same with 8053
extern const ValueKind<SocketAddress> upstream_server;  ///< port 53 if none is given
extern const ValueKind<SocketAddress> endpoint;         ///< port 0: none is given
extern const ValueKind<Network> network;
extern const ValueKind<dns::Name> service_name;  ///< without those that RFC 6761 keeps for other uses
extern const ValueKind<std::string> host_name;   ///< lower case, without a trailing dot
extern const ValueKind<std::string> http_host;   ///< what may stand in a Host header; may be empty
extern const ValueKind<std::string> http_path;   ///< an origin-form request target, RFC 9112 section 3.2.1
extern const ValueKind<StatusRange> status_range;
extern const ValueKind<std::string> file_path;          ///< absolute; may be empty
extern const ValueKind<std::string> tls_name;           ///< a host name without a port; may be empty
extern const ValueKind<std::string> body_text;          ///< any, at most 1,024 octets; may be empty
extern const ValueKind<std::string> zone_name;          ///< such as use1-az1
extern const ValueKind<std::string> metrics_namespace;  ///< of CloudWatch
extern const ValueKind<std::string> container_pattern;  ///< a container's name in the task definition, `*` allowed

/// The message for a text that is not a duration, with the nearest one that is: `(try 5s)`.
std::string not_a_duration(std::string_view text);

/// The text that reads back to the same value.
std::string to_text(const SocketAddress& value);
std::string to_text(const Network& value);
std::string to_text(const dns::Name& value);
std::string to_text(const std::string& value);
std::string to_text(const StatusRange& value);
std::string to_text(CheckKind value);

struct Piece {
    std::string_view text;
    std::uint32_t line = 1;    ///< of its first octet in the whole, from 1
    std::uint32_t column = 1;  ///< from 1
};

/// The parts between commas without the white space around them; empty ones are left out.
std::vector<Piece> split_at_commas(std::string_view text);

}  // namespace taskdns::config
