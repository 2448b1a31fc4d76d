// One HTTP/1.1 request over a connection of its own, for tests.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

namespace taskdns::testing_support {

struct HttpReply {
    unsigned status = 0;                         ///< 0: no connection or no answer
    std::map<std::string, std::string> headers;  ///< names in lower case
    std::string body;
};

/// `headers` are added to Host (127.0.0.1:port) and Connection: close, and replace those of the same name.
HttpReply http_get(std::uint16_t port, const std::string& target, std::map<std::string, std::string> headers = {},
                   const std::string& method = "GET", std::chrono::milliseconds timeout = std::chrono::seconds(5));

/// A change, as JSON; `body` may be empty.
HttpReply http_change(std::uint16_t port, const std::string& method, const std::string& target,
                      const std::string& body = {});

}  // namespace taskdns::testing_support
