// From an HTTP request to a response: all routes, no sockets (design.md, section 9; docs/http-api.md).
// Layer: http_server (may include base, Boost.JSON). Pure but for what Model's functions do.
//
// discovery -> membership -> health -> view -> dns_server, [http_server]
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http_server/model.hpp"

namespace taskdns::http_server {

struct Request {
    std::string method;                 ///< "GET", "HEAD", ...
    std::string target;                 ///< origin form: "/v1/services/orders.local?x=y"
    std::string host;                   ///< Host header; so the following: empty if absent
    std::string accept;                 ///< all lines of the header as one
    unsigned version = 11;              ///< 10: HTTP/1.0, where Host may be absent
    std::string content_type;           ///< as sent
    std::optional<std::string> origin;  ///< null if absent
    std::string fetch_site;             ///< Sec-Fetch-Site
    std::string if_none_match;          ///< all lines as one
    std::string last_event_id;
    std::string body;
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
    bool everything = true;          ///< false: a listener that is not loopback; only what RouteRow calls vital
    bool crowded = false;            ///< over the limit of connections: only what is vital, 503 for the rest
};

/// Longest target that is looked at; a name has 253 octets at most, 759 when every one is percent-encoded.
inline constexpr std::size_t longest_target = 2048;

/// Who is told of the next change.
struct Watch {
    std::string service;      ///< as the request names it; empty: any service
    std::uint64_t index = 0;  ///< what the client knows already
    milliseconds wait{0};
    bool uses = false;  ///< its endpoints are asked for: the service is in use while somebody waits
};

/// Is there something to tell? Also where the client knows more than has happened (it knows an earlier daemon), and
/// where the service is configured no more.
bool is_due(const Watch& watch, const Model& model);

/// What a request leads to.
struct Plan {
    enum class Kind {
        answer,  ///< `response`, at once
        watch,   ///< respond() once is_due(watch), or when its time is over
        events,  ///< `response` begins a stream of events that come after `after`; null: the present state first
        reload   ///< Model::reload, and then answer_reload()
    };
    Kind kind = Kind::answer;
    Response response;
    Watch watch;
    std::optional<std::uint64_t> after;
};

/// Order: target (414, 400), Host (400, 421), access (403), crowded (503), route (404), method (405, OPTIONS), origin
/// (403), media type (415), query (400), service and endpoint (404, 409), body (400, 422). All answers say
/// `Cache-Control: no-store`, `X-Content-Type-Options: nosniff` and `Cross-Origin-Resource-Policy: same-origin`.
Plan plan(const Request& request, const Access& access, const Model& model);
/// What is so now: plan() without ever waiting.
Response respond(const Request& request, const Access& access, const Model& model);
/// 200, or 422 with every mistake. Null: it has not ended in time, 504.
Response answer_reload(const std::optional<ReloadStatus>& status);

/// What every answer says, whatever it is about; plan(), respond() and answer_reload() have done so.
void add_common_headers(Response& response);

/// RFC 9457. `detail` says what is wrong and how to mend it.
Response problem(unsigned status, std::string_view title, std::string_view detail);

}  // namespace taskdns::http_server
