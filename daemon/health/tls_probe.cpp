// The handshake before an https answer. Layer: health (may include base, config, Asio, Beast, OpenSSL).
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "health/http_probe.hpp"
#include "health/tls_stream.hpp"

namespace taskdns::health {
namespace {

using boost::system::error_code;

/// Says whom we expect: SNI, which has no IP literals (RFC 6066 section 3), and the name that the certificate must be
/// for.
bool expect_name(SSL* connection, config::Tls tls) {
    const bool is_address = IpAddress::parse(tls.server_name).has_value();
    if (!is_address) {  // what the macro SSL_set_tlsext_host_name does, without its cast
        const long set =
            SSL_ctrl(connection, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, tls.server_name.data());
        if (set != 1) return false;
    }
    if (!tls.verify) return true;
    X509_VERIFY_PARAM* const wanted = SSL_get0_param(connection);
    if (is_address) return X509_VERIFY_PARAM_set1_ip_asc(wanted, tls.server_name.c_str()) == 1;
    X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return X509_VERIFY_PARAM_set1_host(wanted, tls.server_name.data(), tls.server_name.size()) == 1;
}

Outcome failed_handshake(const error_code& error, SSL* connection) {
    Outcome outcome = failure(error);
    if (outcome.observed == Observed::bad_response) outcome.observed = Observed::bad_tls;  // closed in the middle
    const long verified = SSL_get_verify_result(connection);
    const bool by_certificate = SSL_get_verify_mode(connection) != SSL_VERIFY_NONE && verified != X509_V_OK;
    if (outcome.observed == Observed::bad_tls && by_certificate) {
        outcome.detail = X509_verify_cert_error_string(verified);
    } else if (outcome.observed != Observed::nothing && outcome.detail.empty()) {
        outcome.detail = "in the TLS handshake";
    }
    return outcome;
}

/// Sends close_notify. The peer's own is not waited for (RFC 8446 section 6.1 does not ask for it): it is marked as
/// received, so that this is one write.
asio::awaitable<void> say_goodbye(TlsStream* stream) {
    SSL_set_shutdown(stream->native_handle(), SSL_RECEIVED_SHUTDOWN);
    co_await stream->async_shutdown(as_result);
}

Outcome local_fault(std::string detail) {
    Outcome outcome;
    outcome.observed = Observed::local_fault;
    outcome.detail = std::move(detail);
    return outcome;
}

}  // namespace

asio::awaitable<Outcome> get_over_tls(boost::beast::tcp_stream* stream, std::shared_ptr<TlsContexts> contexts,
                                      Target target, TimePoint begin) {
    const Result<TlsContexts::Context> context = contexts->get(target.tls);
    if (!context) co_return local_fault(context.error().message);
    error_code ignored;
    stream->socket().set_option(asio::ip::tcp::no_delay(true), ignored);  // else the GET may wait for an ACK
    TlsStream tls(*stream, **context);
    SSL* const connection = tls.native_handle();
    if (!expect_name(connection, target.tls)) co_return local_fault("tls.server_name cannot be asked for");
    Outcome outcome;
    const auto [error] = co_await tls.async_handshake(asio::ssl::stream_base::client, as_result);
    if (error) {
        outcome = failed_handshake(error, connection);
        outcome.latency = elapsed_since(begin);
        co_return outcome;
    }
    const Outcome seen = co_await get(&tls, std::move(target));
    outcome = seen;
    outcome.latency = elapsed_since(begin);
    if (outcome.observed != Observed::nothing) co_await say_goodbye(&tls);
    co_return outcome;
}

}  // namespace taskdns::health
