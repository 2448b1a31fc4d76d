// A task whose resolv.conf names the VPC resolver at first: what manages it, and who reads it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "support/child_process.hpp"
#include "support/daemon_under_test.hpp"
#include "support/fake_registry.hpp"
#include "support/network_namespaces.hpp"
#include "support/temp_dir.hpp"

namespace taskdns::testing_support {

/// While it lives, the thread that made it is in the task. For `service` the VPC resolver says `registered`, which is
/// nobody's; taskdns has four static endpoints of it.
class ManagedTask {
public:
    static constexpr const char* service = "one.test";
    static constexpr const char* other_name = "other.test";
    static constexpr const char* registered = "10.0.9.9";
    static constexpr const char* original =
        "# made by the agent\r\nsearch eu.internal\nnameserver 10.0.1.2\n\noptions timeout:2 attempts:2";

    ManagedTask() {
        write_file(file(), original);
        registry.set(service, {registered}, 1);
        registry.set(other_name, {"10.0.9.8"}, 1);
    }

    std::string file() const { return network.resolv_conf(); }
    std::string text() const { return read_file(file()); }
    /// The `nameserver` lines' addresses.
    std::vector<std::string> name_servers() const;

    /// On 127.0.0.1:53 and 8053; `launcher`: behind the mount.
    DaemonOptions daemon_options(const std::string& yaml, const std::vector<std::string>& launcher = {}) const {
        return {.yaml = yaml + services,
                .dns_port = 53,
                .http_port = 8053,
                .launcher = network.with_own_resolver(launcher)};
    }
    /// Runs a command that sees the task's resolv.conf.
    Outcome run_inside(const std::vector<std::string>& argv,
                       const std::map<std::string, std::string>& environment = {}) const {
        return run(network.with_own_resolver(argv), environment);
    }
    Outcome taskdns(std::vector<std::string> arguments) const {
        arguments.insert(arguments.begin(), taskdns_binary());
        return run_inside(arguments);
    }
    /// The first address that getaddrinfo gives an application; empty: none.
    std::string first_address(const std::string& name = service) const;

    const NetworkNamespaces network;

private:
    static constexpr const char* services =
        "services:\n  - {name: one.test, source: static, record: A, health: {check: none},\n"
        "     addresses: [10.0.2.1, 10.0.3.1, 10.0.4.1, 10.0.5.1]}\n";

    FakeRegistry& in_vpc() {
        network.add_addresses({"10.0.1.2"});
        const auto inside = network.in_vpc();
        registry_.emplace("10.0.1.2", 53);
        return *registry_;
    }
    std::optional<FakeRegistry> registry_;
    NetworkNamespaces::Inside inside_ = network.in_task();

public:
    FakeRegistry& registry = in_vpc();
};

}  // namespace taskdns::testing_support
