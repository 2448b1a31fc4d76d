// A daemon that nobody waits for.
#include "support/quick_start.hpp"

#include <signal.h>

#include <thread>

#include "support/daemon_under_test.hpp"
#include "support/pick_port.hpp"

namespace taskdns::testing_support {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

namespace {

/// Few, since others who run beside us look for free ones too.
std::uint16_t our_port(int number) {
    static const std::uint16_t ports[]{pick_port(), pick_port()};
    return ports[number];
}

std::string local(std::uint16_t port) { return "127.0.0.1:" + std::to_string(port); }

using Variables = std::map<std::string, std::string>;

Variables with(Variables variables, const Variables& further) {
    variables.insert(further.begin(), further.end());
    return variables;
}

}  // namespace

QuickStart::QuickStart(const std::string& yaml, std::uint16_t upstream_port,
                       const std::map<std::string, std::string>& environment)
    : dns_port_(our_port(0)),
      started_(steady_clock::now()),
      process_({.argv = {taskdns_binary()},
                .environment = with(environment, {{"TASKDNS_DNS_LISTEN", local(dns_port_)},
                                                  {"TASKDNS_HTTP_LISTEN", local(our_port(1))},
                                                  {"TASKDNS_UPSTREAM", local(upstream_port)},
                                                  {"TASKDNS_CONFIG_CONTENT", yaml}}),
                .stdout_path = dir_ / "log",
                .stderr_path = dir_ / "log"}) {}

QuickStart::FirstReply QuickStart::first_reply(const std::string& name) const {
    FirstReply first;
    while (!first.reply.arrived && steady_clock::now() - started_ < 5s) {
        first.reply = ask({.name = name, .port = dns_port_, .timeout = 4s});
        if (!first.reply.arrived) std::this_thread::sleep_for(100us);  // nobody listens yet
    }
    first.after_ms = std::chrono::duration<double, std::milli>(steady_clock::now() - started_).count();
    return first;
}

void QuickStart::kill() {
    process_.signal(SIGKILL);
    process_.wait(5s);
}

QuickStart::Stopped QuickStart::stop() {
    const auto begin = steady_clock::now();
    Stopped stopped{.status = process_.stop(5s)};
    stopped.elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - begin);
    return stopped;
}

}  // namespace taskdns::testing_support
