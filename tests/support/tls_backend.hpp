// A real TLS server on 127.0.0.1 that gives every request the same answer. One connection after the other.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "support/certificates.hpp"

namespace taskdns::testing_support {

/// How a TlsBackend treats its connections.
struct TlsConduct {
    enum class Ending { close_notify, fin, wait };  ///< after the answer; `wait`: for the client to close

    std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    Ending ending = Ending::wait;
    int newest_version = 0;  ///< of OpenSSL's TLS1_1_VERSION and so on; 0: any
    bool handshakes = true;  ///< false: accepts the connection and says nothing
    bool hangs_up = false;   ///< closes the connection instead of a handshake
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;  ///< 0: any that is free
};

/// Threads: one of its own; member functions are called from the test's.
class TlsBackend {
public:
    /// What the last connection that has ended had.
    struct Seen {
        unsigned connections = 0;  ///< that have ended
        unsigned handshakes = 0;
        std::string server_name;  ///< SNI; empty: none
        std::string request;
        bool close_notify = false;  ///< the client said goodbye before it closed
    };

    TlsBackend(const Certificate& certificate, TlsConduct conduct);
    explicit TlsBackend(const Certificate& certificate) : TlsBackend(certificate, TlsConduct()) {}
    ~TlsBackend();
    TlsBackend(const TlsBackend&) = delete;
    TlsBackend& operator=(const TlsBackend&) = delete;

    std::uint16_t port() const { return port_; }
    Seen seen() const;

private:
    struct Context;

    void serve();
    void converse(int socket);

    TlsConduct conduct_;
    std::unique_ptr<Context> context_;
    int listener_ = -1;
    std::uint16_t port_ = 0;
    mutable std::mutex mutex_;
    bool stopping_ = false;
    int current_ = -1;  // the connection that is served
    Seen seen_;
    std::thread thread_;
};

}  // namespace taskdns::testing_support
