// From an HTTP request to a response: all routes, no sockets (design.md, section 9; docs/http-api.md).
// Layer: http_server (may include base, Boost.JSON). Pure but for what Model's functions do.
//
// discovery -> membership -> health -> view -> dns_server, [http_server]
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http_server/model.hpp"

namespace taskdns::http_server {

struct Request {
    std::string method;     ///< "GET", "HEAD", ...
    std::string target;     ///< origin form: "/v1/services/orders.local?x=y"
    std::string host;       ///< Host header; empty if absent
    std::string accept;     ///< Accept header; empty if absent
    unsigned version = 11;  ///< 10: HTTP/1.0, where Host may be absent
};

struct Response {
    unsigned status = 200;
    std::string content_type = "application/json";
    std::vector<std::pair<std::string, std::string>> headers;  ///< beside Content-Type and Content-Length
    /// Of a HEAD too: the listener leaves it out. Empty for a HEAD: its length is not known beforehand.
    std::string body;
};

struct Access {
    std::vector<std::string> hosts;  ///< further Host names, lower case, without port
    bool everything = true;          ///< false: a listener that is not loopback; only health and readiness
};

/// Longest target that is looked at; a name has 253 octets at most, 759 when every one is percent-encoded.
inline constexpr std::size_t longest_target = 2048;

/// The answer to one request. Order: target (414, 400), Host (400, 421), access (403), route (404), method (405,
/// OPTIONS), service (404). All answers say `Cache-Control: no-store` and `X-Content-Type-Options: nosniff`.
Response respond(const Request& request, const Access& access, const Model& model);

/// RFC 9457. `detail` says what is wrong and how to mend it.
Response problem(unsigned status, std::string_view title, std::string_view detail);

}  // namespace taskdns::http_server
