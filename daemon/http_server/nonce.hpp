// A number that nobody can guess, for the Content-Security-Policy of the page.
// Layer: http_server (standard library only).
#pragma once

#include <string>

namespace taskdns::http_server {

/// 128 random bits from the kernel in base64, another one each time.
std::string make_nonce();

}  // namespace taskdns::http_server
