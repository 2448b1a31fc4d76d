// X.509 certificates made for one test, with OpenSSL.
#include "support/certificates.hpp"

#include <arpa/inet.h>

#include <atomic>
#include <stdexcept>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "support/freed.hpp"

namespace taskdns::testing_support {
namespace {

using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using X509Ptr = std::unique_ptr<X509, Freed<X509_free>>;

template <class T>
T* made(T* object) {
    if (object == nullptr) throw std::runtime_error("OpenSSL made nothing");
    return object;
}

Key make_key() { return Key(made(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"))); }

template <class Write>
std::string to_pem(Write write) {
    const std::unique_ptr<BIO, Freed<BIO_free>> memory(made(BIO_new(BIO_s_mem())));
    if (write(memory.get()) != 1) throw std::runtime_error("OpenSSL wrote nothing");
    std::string text(BIO_ctrl_pending(memory.get()), '\0');
    BIO_read(memory.get(), text.data(), static_cast<int>(text.size()));
    return text;
}

std::string pem_of(X509* certificate) {
    return to_pem([&](BIO* out) { return PEM_write_bio_X509(out, certificate); });
}

std::string pem_of(EVP_PKEY* key) {
    return to_pem(
        [&](BIO* out) { return PEM_write_bio_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr); });
}

X509Ptr make_certificate(const std::string& name, EVP_PKEY* key, const CertificateRequest& request) {
    static std::atomic<long> serial = 1;
    X509Ptr certificate(made(X509_new()));
    X509* const x = certificate.get();
    X509_set_version(x, 2);  // that is version 3
    ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
    X509_gmtime_adj(X509_getm_notBefore(x), request.begins.count());
    X509_gmtime_adj(X509_getm_notAfter(x), request.ends.count());
    X509_set_pubkey(x, key);
    const std::basic_string<unsigned char> text(name.begin(), name.end());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, text.c_str(), -1, -1, 0);
    return certificate;
}

void extend(X509* certificate, X509* issuer, int what, const std::string& value) {
    X509V3_CTX context{};
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    const std::unique_ptr<X509_EXTENSION, Freed<X509_EXTENSION_free>> extension(
        made(X509V3_EXT_conf_nid(nullptr, &context, what, value.c_str())));
    X509_add_ext(certificate, extension.get(), -1);
}

void name(X509* certificate, X509* issuer, const std::vector<std::string>& names) {
    std::string all;
    for (const std::string& name : names) {
        in6_addr address{};
        const bool is_address =
            inet_pton(AF_INET, name.c_str(), &address) == 1 || inet_pton(AF_INET6, name.c_str(), &address) == 1;
        all += (all.empty() ? "" : ",") + std::string(is_address ? "IP:" : "DNS:") + name;
    }
    if (!all.empty()) extend(certificate, issuer, NID_subject_alt_name, all);
}

void sign(X509* certificate, X509* issuer, EVP_PKEY* key) {
    X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
    if (X509_sign(certificate, key, EVP_sha256()) == 0) throw std::runtime_error("not signed");
}

}  // namespace

Certificate self_signed(const CertificateRequest& request) {
    const Key key = make_key();
    const X509Ptr certificate = make_certificate("self-signed", key.get(), request);
    name(certificate.get(), certificate.get(), request.names);
    sign(certificate.get(), certificate.get(), key.get());
    return {pem_of(certificate.get()), pem_of(key.get())};
}

struct CertificateAuthority::Keys {
    Key key;
    X509Ptr certificate;
};

CertificateAuthority::CertificateAuthority(const std::string& name) : keys_(std::make_unique<Keys>()) {
    keys_->key = make_key();
    keys_->certificate = make_certificate(name, keys_->key.get(), {});
    X509* const own = keys_->certificate.get();
    extend(own, own, NID_basic_constraints, "critical,CA:TRUE");
    extend(own, own, NID_key_usage, "critical,keyCertSign");
    sign(own, own, keys_->key.get());
    pem_ = pem_of(own);
}

CertificateAuthority::~CertificateAuthority() = default;

Certificate CertificateAuthority::issue(const CertificateRequest& request) const {
    const Key key = make_key();
    const X509Ptr certificate = make_certificate("endpoint", key.get(), request);
    X509* const issuer = keys_->certificate.get();
    extend(certificate.get(), issuer, NID_basic_constraints, "CA:FALSE");
    name(certificate.get(), issuer, request.names);
    sign(certificate.get(), issuer, keys_->key.get());
    return {pem_of(certificate.get()), pem_of(key.get())};
}

const std::string& CertificateAuthority::pem() const { return pem_; }

}  // namespace taskdns::testing_support
