// What https checks trust. Layer: health (may include base, config, Asio, OpenSSL).
#include "health/tls_contexts.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include <boost/system/system_error.hpp>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

namespace taskdns::health {
namespace {

// More files than a configuration has; those of configurations before a reload are not kept for ever.
constexpr std::size_t most_contexts = 32;

Error ca_file_error(const std::string& path, const std::string& what) {
    return {.code = Errc::internal, .message = "ca_file " + path + ": " + what};
}

TlsContexts::Context make_context() {
    auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
    SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
    return context;
}

Result<TlsContexts::Context> make_verifying_context(const std::string& ca_file) {
    TlsContexts::Context context = make_context();
    SSL_CTX* const handle = context->native_handle();
    if (SSL_CTX_load_verify_file(handle, ca_file.c_str()) != 1) {
        ERR_clear_error();
        return ca_file_error(ca_file, "holds no certificate in PEM form");
    }
    // What the file names is trusted, whether it is a root or an intermediate: as curl and Go have it.
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(handle), X509_V_FLAG_PARTIAL_CHAIN);
    SSL_CTX_set_verify(handle, SSL_VERIFY_PEER, nullptr);
    return context;
}

}  // namespace

Result<TlsContexts::Stamp> TlsContexts::stamp_of(const std::string& path) {
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // to open a pipe would block
    if (file < 0) return ca_file_error(path, std::generic_category().message(errno));
    struct stat found {};
    fstat(file, &found);  // cannot fail for an open file; one that says nothing is no regular file
    close(file);
    if (!S_ISREG(found.st_mode)) return ca_file_error(path, "is not a file");
    return Stamp{found.st_dev, found.st_ino, found.st_size, found.st_mtim.tv_sec, found.st_mtim.tv_nsec};
}

Result<TlsContexts::Context> TlsContexts::get(const config::Tls& tls) {
    try {
        if (!tls.verify) {
            if (!unverified_) unverified_ = make_context();
            return unverified_;
        }
        const Result<Stamp> stamp = stamp_of(tls.ca_file);
        if (!stamp) return stamp.error();
        const auto known = verifying_.find(tls.ca_file);
        if (known != verifying_.end() && known->second.stamp == *stamp) return known->second.context;
        if (known == verifying_.end() && verifying_.size() >= most_contexts) verifying_.clear();
        Entry entry{*stamp, make_verifying_context(tls.ca_file)};
        return verifying_.insert_or_assign(tls.ca_file, std::move(entry)).first->second.context;
    } catch (const boost::system::system_error& e) {
        return Error{.code = Errc::internal, .message = std::string("TLS: ") + e.what()};
    }
}

}  // namespace taskdns::health
