// X.509 certificates made for one test: an authority and what it signs, in PEM.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace taskdns::testing_support {

/// What a server shows: its certificate and the key to it.
struct Certificate {
    std::string certificate_pem;
    std::string key_pem;
};

struct CertificateRequest {
    std::vector<std::string> names;  ///< host names and IP addresses, as subject alternative names
    std::chrono::seconds begins{std::chrono::hours(-1)};  ///< from now on
    std::chrono::seconds ends{std::chrono::hours(1)};
};

/// A certificate that vouches for itself.
Certificate self_signed(const CertificateRequest& request);

class CertificateAuthority {
public:
    explicit CertificateAuthority(const std::string& name = "test authority");
    ~CertificateAuthority();
    CertificateAuthority(const CertificateAuthority&) = delete;
    CertificateAuthority& operator=(const CertificateAuthority&) = delete;

    Certificate issue(const CertificateRequest& request) const;
    const std::string& pem() const;  ///< for a `ca_file`

private:
    struct Keys;
    std::unique_ptr<Keys> keys_;
    std::string pem_;
};

}  // namespace taskdns::testing_support
