// Many tasks in the VPC of a network of the test's own (network_namespaces.hpp), and the test in the task, where the
// daemon and the application are.
#pragma once

#include <string>
#include <vector>

#include "support/many_backends.hpp"
#include "support/network_namespaces.hpp"

namespace taskdns::testing_support {

/// While it lives, the thread that made it is in the task.
class TaskNetwork {
public:
    explicit TaskNetwork(const std::vector<std::string>& addresses) : backends(in_vpc(network, addresses)) {}

    void set(const std::string& address, Conduct conduct) {
        const auto inside = network.in_vpc();
        backends.set(address, conduct);
    }

    const NetworkNamespaces network;
    ManyBackends backends;

private:
    static ManyBackends in_vpc(const NetworkNamespaces& network, const std::vector<std::string>& addresses) {
        network.add_addresses(addresses);
        const auto inside = network.in_vpc();
        return ManyBackends(addresses);
    }

    NetworkNamespaces::Inside inside_ = network.in_task();
};

}  // namespace taskdns::testing_support
