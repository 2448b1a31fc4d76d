// A real authoritative server for one test: knotd with the zones that the test gives it, from a fresh directory.
// Stands for the private hosted zone of Route 53.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "support/child_process.hpp"
#include "support/temp_dir.hpp"

namespace taskdns::testing_support {

struct Zone {
    std::string origin;                   ///< "local."
    std::chrono::seconds ttl{1};          ///< of every record that states none
    std::chrono::seconds soa_minimum{1};  ///< and the SOA's own TTL: how long a negative answer lives in a cache
    /// Lines of a zone file, names relative to the origin: "orders A 10.0.0.1", "orders 60 TXT \"...\"".
    std::vector<std::string> records;
};

/// "api A 10.0.0.1", "api A 10.0.0.2", ... ; AAAA where the address has a colon.
std::vector<std::string> address_records(const std::string& owner, const std::vector<std::string>& addresses);

/// Answers on 127.0.0.1 at a port nobody else has. The constructor returns only after every zone is served; it throws
/// with the log if that does not come.
class Knotd {
public:
    explicit Knotd(std::vector<Zone> zones);

    std::uint16_t port() const { return port_; }
    /// Returns once the new zone is served: the one of the same origin is replaced.
    void replace_zone(const Zone& zone);
    /// SIGSTOP and SIGCONT: silence, without an ICMP error.
    void freeze() const;
    void thaw() const;
    std::string log() const;

private:
    struct Served {
        Zone zone;
        std::uint32_t serial = 1;
    };

    void write_config() const;
    void write_zone(const Served& served) const;
    bool start_on_free_port();
    bool serves(const Served& served) const;
    bool wait_until_served(const Served& served, std::chrono::milliseconds limit);

    TempDir dir_;
    std::map<std::string, Served> zones_;
    std::uint16_t port_ = 0;
    std::optional<ChildProcess> process_;  // last: it ends before its directory goes
};

}  // namespace taskdns::testing_support
