// The real taskdns binary on free ports.
#include "support/daemon_under_test.hpp"

#include <signal.h>
#include <stdlib.h>

#include <iostream>
#include <stdexcept>
#include <string_view>

#include <gtest/gtest.h>

#include "support/pick_port.hpp"

namespace taskdns::testing_support {

using namespace std::chrono_literals;

std::string taskdns_binary() {
    const char* other = getenv("TASKDNS_BINARY");
    return other != nullptr ? other : TASKDNS_BINARY;
}

DaemonUnderTest::DaemonUnderTest(DaemonOptions options) : options_(std::move(options)) {
    for (int attempt = 0; attempt < 3; ++attempt) {
        if (start_once()) return;
        if (log().find("in use") == std::string::npos) break;  // only a port that somebody else took is worth a retry
    }
    throw std::runtime_error("taskdns did not start; what it wrote:\n" + log());
}

namespace {

/// For a run of the whole suite in the sandbox (docs/contributing.md): each configuration gets it.
bool wants_sandbox() {
    const char* wanted = getenv("TASKDNS_TEST_SANDBOX");
    return wanted != nullptr && std::string_view(wanted) == "on";
}

std::string with_sandbox(const std::string& yaml) {
    if (!wants_sandbox() || yaml.find("sandbox:") != std::string::npos) return yaml;
    if (yaml.starts_with("{")) return "{sandbox: on, " + yaml.substr(1);
    return yaml + "\nsandbox: on\n";
}

/// Where HTTP answers still; the log has the calls by name. `yaml` may say itself what it wants.
void expect_sandbox(const DaemonUnderTest& daemon, const std::string& yaml) {
    EXPECT_EQ(daemon.log().find("the sandbox refused"), std::string::npos) << daemon.log();
    const HttpReply metrics = daemon.get("/metrics");
    if (metrics.status != 200 || yaml.find("sandbox:") != std::string::npos) return;
    EXPECT_NE(metrics.body.find("\ntaskdns_sandbox_enabled 1\n"), std::string::npos);
    EXPECT_NE(metrics.body.find("\ntaskdns_sandbox_denied_calls_total 0\n"), std::string::npos);
}

}  // namespace

bool DaemonUnderTest::start_once() {
    dns_port_ = options_.dns_port != 0 ? options_.dns_port : pick_port();
    http_port_ = options_.http_port != 0 ? options_.http_port : pick_port();
    std::map<std::string, std::string> environment;
    if (options_.file.empty()) {
        environment = {{"TASKDNS_DNS_LISTEN", "127.0.0.1:" + std::to_string(dns_port_)},
                       {"TASKDNS_HTTP_LISTEN", "127.0.0.1:" + std::to_string(http_port_)},
                       {"TASKDNS_LOG_LEVEL", "debug"}};
    }
    if (!options_.services.empty()) environment["TASKDNS_SERVICES"] = options_.services;
    const std::string yaml = with_sandbox(options_.yaml);
    if (options_.file.empty() && !yaml.empty()) environment["TASKDNS_CONFIG_CONTENT"] = yaml;
    if (!options_.file.empty() && wants_sandbox()) write_file(options_.file, with_sandbox(read_file(options_.file)));
    if (options_.upstream_port != 0) {
        environment["TASKDNS_UPSTREAM"] = "127.0.0.1:" + std::to_string(options_.upstream_port);
    }
    for (const auto& [name, value] : options_.environment) environment[name] = value;
    std::vector<std::string> argv = options_.launcher;
    argv.push_back(options_.built_here ? TASKDNS_BINARY : taskdns_binary());
    if (!options_.file.empty()) argv.insert(argv.end(), {"--config", options_.file});
    process_ = std::make_unique<ChildProcess>(ChildProcess::Options{.argv = std::move(argv),
                                                                    .environment = std::move(environment),
                                                                    .stdout_path = dir_ / "log",
                                                                    .stderr_path = dir_ / "log",
                                                                    .stdout_descriptor = options_.stdout_descriptor});
    wait_until(10s, [this] { return !process_->running() || takes_connections(); });
    return process_->running();
}

bool DaemonUnderTest::takes_connections() const {
    // A name under .invalid is never a service; whatever the answer, it shows that somebody listens.
    return get("/healthz").status == 200 &&
           ask({.name = "version.bind", .type = "TXT", .rr_class = 3, .timeout = 500ms}).arrived;
}

DaemonUnderTest::~DaemonUnderTest() {
    if (!stopped_ && process_) {
        const Stopped stopped = stop();
        EXPECT_EQ(stopped.status, std::optional(0)) << "taskdns did not stop well";
    }
    if (testing::Test::HasFailure()) std::cerr << "--- taskdns log ---\n" << log() << "--- end of taskdns log ---\n";
}

DaemonUnderTest::Stopped DaemonUnderTest::stop() {
    if (wants_sandbox()) expect_sandbox(*this, options_.yaml);
    const auto start = std::chrono::steady_clock::now();
    stopped_ = true;
    const std::optional<int> status = process_->stop(10s);
    return {
        .status = status,
        .elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start)};
}

bool DaemonUnderTest::wait_until_ready(std::chrono::milliseconds limit) const {
    return wait_until(limit, [this] { return get("/readyz").status == 200; });
}

DnsReply DaemonUnderTest::ask(DnsQuery query) const {
    query.port = dns_port_;
    return testing_support::ask(query);
}

std::vector<std::string> DaemonUnderTest::ask_a(const std::string& name) const {
    return testing_support::ask_a(name, dns_port_);
}

HttpReply DaemonUnderTest::get(const std::string& target, std::map<std::string, std::string> headers) const {
    return http_get(http_port_, target, std::move(headers));
}

std::string DaemonUnderTest::log() const { return read_file(dir_ / "log"); }

bool DaemonUnderTest::says(const std::string& text) const {
    return wait_until(3s, [&] { return log().find(text) != std::string::npos; });
}

}  // namespace taskdns::testing_support
