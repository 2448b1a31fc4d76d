// A real caching resolver for one test: unbound in front of a Knotd. Stands for the VPC resolver.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "support/child_process.hpp"
#include "support/temp_dir.hpp"

namespace taskdns::testing_support {

struct LoggedQuery {
    std::int64_t unix_seconds = 0;  ///< unbound's log knows no fractions
    std::string name;
    std::string type;
};

/// Asks `authority_port` for the names under `origins`; every other name is NXDOMAIN, so nothing leaves the loopback.
class Unbound {
public:
    Unbound(std::uint16_t authority_port, std::vector<std::string> origins);

    std::uint16_t port() const { return port_; }
    /// SIGTERM: from now on questions meet an ICMP port unreachable.
    void stop();
    /// At the same port, with an empty cache. Returns once it answers.
    void start();
    /// SIGSTOP and SIGCONT: from now on questions meet silence.
    void freeze() const;
    void thaw() const;

    std::string log() const;
    std::vector<LoggedQuery> queries() const;

private:
    void write_config() const;
    bool start_once();

    std::uint16_t authority_port_;
    std::vector<std::string> origins_;
    TempDir dir_;
    std::uint16_t port_ = 0;
    std::optional<ChildProcess> process_;  // last: it ends before its directory goes
};

}  // namespace taskdns::testing_support
