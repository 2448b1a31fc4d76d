// A TLS connection over a TCP stream that its user owns.
// Layer: health (may include Asio, Beast, OpenSSL).
#pragma once

#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>

namespace taskdns::health {

using TlsStream = boost::beast::ssl_stream<boost::beast::tcp_stream&>;

}  // namespace taskdns::health
