// What https checks trust: TLS contexts, made when the first check needs one (a context costs MiBs, and most tasks
// have no https check), shared by all checks with the same trust, made anew when the CA file changes.
// Layer: health (may include base, config, Asio, OpenSSL). Threads: the control thread.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <ctime>
#include <map>
#include <memory>
#include <string>

#include <boost/asio/ssl/context.hpp>

#include "base/asio.hpp"
#include "base/result.hpp"
#include "config/config.hpp"

namespace taskdns::health {

class TlsContexts {
public:
    using Context = std::shared_ptr<asio::ssl::context>;

    /// The context for `verify` and `ca_file`; for a client, TLS 1.2 or newer. Each call looks at the file (it
    /// is opened), and reads it again when it is another than before. A file that cannot be read or holds no
    /// certificate is an error that names it; nothing older is used then, and the next call looks again.
    Result<Context> get(const config::Tls& tls);

    std::size_t size() const { return verifying_.size() + (unverified_ ? 1 : 0); }

private:
    /// Tells a file from what stood at its path before.
    struct Stamp {
        dev_t device{};
        ino_t inode{};
        off_t size{};
        std::time_t seconds{};
        long nanoseconds{};

        bool operator==(const Stamp&) const = default;
    };
    struct Entry {
        Stamp stamp;
        Result<Context> context;  // of that file, error included: a bad file is read once
    };

    static Result<Stamp> stamp_of(const std::string& path);

    std::map<std::string, Entry> verifying_;  // by CA file
    Context unverified_;
};

}  // namespace taskdns::health
