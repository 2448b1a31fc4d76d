// A real TLS server on loopback, with OpenSSL over blocking sockets.
#include "support/tls_backend.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <stdexcept>
#include <utility>

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "support/freed.hpp"

namespace taskdns::testing_support {
namespace {

using BioPtr = std::unique_ptr<BIO, Freed<BIO_free>>;
using SslPtr = std::unique_ptr<SSL, Freed<SSL_free>>;

BioPtr memory_of(const std::string& text) {
    return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

int listen_on(const TlsConduct& conduct, std::uint16_t* port) {
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    constexpr int on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(conduct.port);
    inet_pton(AF_INET, conduct.address.c_str(), &address.sin_addr);
    socklen_t length = sizeof address;
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    if (bind(listener, any, length) != 0 || listen(listener, 128) != 0) {
        throw std::runtime_error("TlsBackend: cannot listen on " + conduct.address);
    }
    getsockname(listener, any, &length);
    *port = ntohs(address.sin_port);
    return listener;
}

}  // namespace

struct TlsBackend::Context {
    std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>> tls{SSL_CTX_new(TLS_server_method())};
};

TlsBackend::TlsBackend(const Certificate& certificate, TlsConduct conduct)
    : conduct_(std::move(conduct)), context_(std::make_unique<Context>()) {
    SSL_CTX* const tls = context_->tls.get();
    const std::unique_ptr<X509, Freed<X509_free>> shown(
        PEM_read_bio_X509(memory_of(certificate.certificate_pem).get(), nullptr, nullptr, nullptr));
    const std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>> key(
        PEM_read_bio_PrivateKey(memory_of(certificate.key_pem).get(), nullptr, nullptr, nullptr));
    if (SSL_CTX_use_certificate(tls, shown.get()) != 1 || SSL_CTX_use_PrivateKey(tls, key.get()) != 1) {
        throw std::runtime_error("TlsBackend: not a certificate with its key");
    }
    if (conduct_.newest_version != 0) {  // an old one needs the old algorithms too
        SSL_CTX_set_cipher_list(tls, "ALL:@SECLEVEL=0");
        SSL_CTX_set_min_proto_version(tls, 0);
        SSL_CTX_set_max_proto_version(tls, conduct_.newest_version);
    }
    listener_ = listen_on(conduct_, &port_);
    thread_ = std::thread([this] { serve(); });
}

TlsBackend::~TlsBackend() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        shutdown(listener_, SHUT_RDWR);
        if (current_ >= 0) shutdown(current_, SHUT_RDWR);
    }
    thread_.join();
    close(listener_);
}

TlsBackend::Seen TlsBackend::seen() const {
    const std::lock_guard lock(mutex_);
    return seen_;
}

void TlsBackend::serve() {
    sigset_t pipe;  // OpenSSL writes to connections that may be gone
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    while (true) {
        const int socket = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        {
            const std::lock_guard lock(mutex_);
            if (stopping_) {
                if (socket >= 0) close(socket);
                return;
            }
            current_ = socket;
        }
        if (socket < 0) continue;
        converse(socket);
        const std::lock_guard lock(mutex_);
        current_ = -1;
        close(socket);
    }
}

void TlsBackend::converse(int socket) {
    Seen now;
    std::array<char, 4096> part;
    constexpr int on = 1;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (conduct_.hangs_up) {
        recv(socket, part.data(), part.size(), 0);  // what is unread would make it a reset
    } else if (!conduct_.handshakes) {
        while (recv(socket, part.data(), part.size(), 0) > 0) continue;
    } else {
        const SslPtr tls(SSL_new(context_->tls.get()));
        SSL_set_fd(tls.get(), socket);
        now.handshakes = SSL_accept(tls.get()) == 1 ? 1 : 0;
        const char* const name = SSL_get_servername(tls.get(), TLSEXT_NAMETYPE_host_name);
        now.server_name = name != nullptr ? name : "";
        int length = 0;
        while (now.handshakes > 0 && now.request.find("\r\n\r\n") == std::string::npos &&
               (length = SSL_read(tls.get(), part.data(), part.size())) > 0) {
            now.request.append(part.data(), static_cast<std::size_t>(length));
        }
        if (length > 0) {
            SSL_write(tls.get(), conduct_.answer.data(), static_cast<int>(conduct_.answer.size()));
            if (conduct_.ending == TlsConduct::Ending::close_notify) SSL_shutdown(tls.get());
            if (conduct_.ending != TlsConduct::Ending::wait) shutdown(socket, SHUT_WR);
            while ((length = SSL_read(tls.get(), part.data(), part.size())) > 0) continue;
            now.close_notify = SSL_get_error(tls.get(), length) == SSL_ERROR_ZERO_RETURN;
        }
    }
    const std::lock_guard lock(mutex_);
    now.connections = seen_.connections + 1;
    now.handshakes += seen_.handshakes;
    seen_ = std::move(now);
}

}  // namespace taskdns::testing_support
