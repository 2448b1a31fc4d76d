// A daemon that nobody waits for: how soon after its exec it answers, and what a kill in the middle leaves behind.
// Elsewhere daemon_under_test.hpp is meant.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "support/child_process.hpp"
#include "support/dns_client.hpp"
#include "support/temp_dir.hpp"

namespace taskdns::testing_support {

/// The destructor kills it without a word. One at a time: each takes over the ports of the one before, as a restarted
/// sidecar does.
class QuickStart {
public:
    struct FirstReply {
        double after_ms = 0;  ///< from exec to its arrival
        DnsReply reply;
    };

    /// `environment`: further variables.
    explicit QuickStart(const std::string& yaml, std::uint16_t upstream_port,
                        const std::map<std::string, std::string>& environment = {});

    /// Asks again and again until there is a reply of any kind; an unarrived one after 5 s.
    FirstReply first_reply(const std::string& name) const;
    std::chrono::steady_clock::time_point started() const { return started_; }
    std::uint16_t dns_port() const { return dns_port_; }
    std::string log() const { return read_file(dir_ / "log"); }
    /// SIGKILL, and the end of it.
    void kill();
    /// SIGTERM: its exit status, and how long that took; no status if it is still there after 5 s.
    struct Stopped {
        std::optional<int> status;
        std::chrono::milliseconds elapsed{0};
    };
    Stopped stop();

private:
    TempDir dir_;
    std::uint16_t dns_port_;
    std::chrono::steady_clock::time_point started_;
    ChildProcess process_;
};

}  // namespace taskdns::testing_support
