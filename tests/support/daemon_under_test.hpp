// The real taskdns binary, on free ports of 127.0.0.1, configured as a task would: by its environment.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "support/child_process.hpp"
#include "support/dns_client.hpp"
#include "support/http_client.hpp"
#include "support/temp_dir.hpp"

namespace taskdns::testing_support {

/// Path of the binary that this build made, or what the variable TASKDNS_BINARY says: the release binary, an older
/// one.
std::string taskdns_binary();

struct DaemonOptions {
    std::string services;        ///< TASKDNS_SERVICES; empty: not set
    std::string yaml;            ///< TASKDNS_CONFIG_CONTENT; empty: not set
    std::string file;            ///< --config; `dns_port` and `http_port` are where it listens
    std::uint16_t dns_port = 0;  ///< 0: a free one
    std::uint16_t http_port = 0;
    std::uint16_t upstream_port = 0;                 ///< TASKDNS_UPSTREAM=127.0.0.1:PORT; 0: not set
    std::map<std::string, std::string> environment;  ///< further variables; they win
    int stdout_descriptor = -1;                      ///< where log lines go; -1: a file that log() reads
    std::vector<std::string> launcher;               ///< a command that becomes the daemon: its path is added
    bool built_here = false;  ///< what this build made (not static), whatever TASKDNS_BINARY says
};

/// The constructor returns once both interfaces take connections (not: once it is ready), and throws with the log if
/// that does not come. The destructor stops it, expects exit status 0, and prints the log if the test has failed.
class DaemonUnderTest {
public:
    explicit DaemonUnderTest(DaemonOptions options);
    ~DaemonUnderTest();
    DaemonUnderTest(const DaemonUnderTest&) = delete;
    DaemonUnderTest& operator=(const DaemonUnderTest&) = delete;

    std::uint16_t dns_port() const { return dns_port_; }
    std::uint16_t http_port() const { return http_port_; }
    /// It listens elsewhere now.
    void move_to(std::uint16_t dns_port, std::uint16_t http_port) {
        dns_port_ = dns_port;
        http_port_ = http_port;
    }
    ChildProcess& process() { return *process_; }

    /// /readyz says 200 within `limit`.
    bool wait_until_ready(std::chrono::milliseconds limit = std::chrono::seconds(6)) const;
    /// The query with our port filled in.
    DnsReply ask(DnsQuery query) const;
    /// The A records' addresses, in order; empty for any other answer.
    std::vector<std::string> ask_a(const std::string& name) const;
    HttpReply get(const std::string& target, std::map<std::string, std::string> headers = {}) const;
    /// All that it wrote to stdout and stderr so far.
    std::string log() const;
    /// Whether the log has `text` within 3 s: it is written beside the answers, by another thread.
    bool says(const std::string& text) const;

    struct Stopped {
        std::optional<int> status;  ///< null: it had to be killed
        std::chrono::milliseconds elapsed{0};
    };
    /// SIGTERM, and SIGKILL after 10 s.
    Stopped stop();

private:
    bool start_once();
    bool takes_connections() const;

    DaemonOptions options_;
    TempDir dir_;
    std::uint16_t dns_port_ = 0;
    std::uint16_t http_port_ = 0;
    std::unique_ptr<ChildProcess> process_;
    bool stopped_ = false;
};

}  // namespace taskdns::testing_support
