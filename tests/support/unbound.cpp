// A real caching resolver for one test.
#include "support/unbound.hpp"

#include <signal.h>

#include <regex>
#include <sstream>
#include <stdexcept>

#include "support/dns_client.hpp"
#include "support/pick_port.hpp"

namespace taskdns::testing_support {

using namespace std::chrono_literals;

namespace {

// Its own probe name: in the log it is told apart from what a test asks.
constexpr const char* probe_name = "is-unbound-there.invalid";

}  // namespace

Unbound::Unbound(std::uint16_t authority_port, std::vector<std::string> origins)
    : authority_port_(authority_port), origins_(std::move(origins)) {
    for (int attempt = 0; attempt < 3; ++attempt) {
        port_ = pick_port();
        if (start_once()) return;
    }
    throw std::runtime_error("unbound did not start; its log:\n" + log());
}

void Unbound::write_config() const {
    std::ostringstream text;
    text << "server:\n"
         << "  directory: " << dir_.path() << "\n  chroot: \"\"\n  username: \"\"\n  pidfile: \"\"\n"
         << "  logfile: " << dir_.path() / "unbound.log"
         << "\n  use-syslog: no\n  verbosity: 1\n  log-queries: yes\n"
         << "  interface: 127.0.0.1\n  port: " << port_ << "\n  access-control: 127.0.0.0/8 allow\n"
         << "  do-daemonize: no\n  num-threads: 1\n  do-ip6: no\n"
         << "  outgoing-range: 64\n  num-queries-per-thread: 32\n"
         << "  msg-cache-size: 1m\n  rrset-cache-size: 1m\n  key-cache-size: 1m\n  neg-cache-size: 1m\n"
         << "  module-config: \"iterator\"\n"  // no trust anchor, so no validator
         << "  do-not-query-localhost: no\n"
         << "  rrset-roundrobin: yes\n  minimal-responses: no\n"
         << "  local-zone: \".\" static\n";  // no root servers
    for (const std::string& origin : origins_) {
        text << "  local-zone: \"" << origin << "\" transparent\n  domain-insecure: \"" << origin << "\"\n";
    }
    text << "remote-control:\n  control-enable: no\n";
    for (const std::string& origin : origins_) {
        text << "stub-zone:\n  name: \"" << origin << "\"\n  stub-addr: 127.0.0.1@" << authority_port_ << "\n";
    }
    write_file(dir_ / "unbound.conf", text.str());
}

bool Unbound::start_once() {
    write_config();
    process_.emplace(ChildProcess::Options{.argv = {"unbound", "-d", "-c", dir_ / "unbound.conf"},
                                           .environment = {},
                                           .stdout_path = dir_ / "unbound.log",
                                           .stderr_path = dir_ / "unbound.log"});
    const auto answers = [this] {
        return ask({.name = probe_name, .type = "A", .port = port_, .timeout = 200ms}).arrived;
    };
    wait_until(10s, [&] { return !process_->running() || answers(); });
    return process_->running();
}

void Unbound::stop() { process_->stop(5s); }

void Unbound::start() {
    if (!start_once()) throw std::runtime_error("unbound did not start again; its log:\n" + log());
}

void Unbound::freeze() const { process_->signal(SIGSTOP); }

void Unbound::thaw() const { process_->signal(SIGCONT); }

std::string Unbound::log() const { return read_file(dir_ / "unbound.log"); }

std::vector<LoggedQuery> Unbound::queries() const {
    // [1700000000] unbound[123:0] info: 127.0.0.1 orders.local. A IN
    static const std::regex pattern(R"(\[(\d+)\] unbound\[\d+:\d+\] info: 127\.0\.0\.1 (\S+) (\S+) IN)");
    std::vector<LoggedQuery> result;
    std::istringstream lines(log());
    for (std::string line; std::getline(lines, line);) {
        std::smatch match;
        if (!std::regex_match(line, match, pattern) || match[2] == std::string(probe_name) + ".") continue;
        result.push_back({.unix_seconds = std::stoll(match[1]), .name = match[2], .type = match[3]});
    }
    return result;
}

}  // namespace taskdns::testing_support
