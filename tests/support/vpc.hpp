// A VPC in small: knotd as its private hosted zone, unbound as its resolver, backends as the tasks of one service.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "support/backend.hpp"
#include "support/daemon_under_test.hpp"
#include "support/knotd.hpp"
#include "support/unbound.hpp"

namespace taskdns::testing_support {

struct VpcOptions {
    std::chrono::seconds ttl{1};          ///< of the service's records
    std::chrono::seconds soa_minimum{1};  ///< of negative answers
    std::vector<std::string> addresses{"127.0.0.11", "127.0.0.12", "127.0.0.13", "127.0.0.14"};  ///< of backends
    std::vector<std::string> registered;  ///< in the zone at first; empty: all of `addresses`
    std::vector<Zone> other_zones;        ///< names that are no service's
};

class Vpc {
public:
    static constexpr const char* service = "resource-server.local";

    explicit Vpc(const VpcOptions& options = {});

    /// What the zone says from now on; none: the service's name has no records, and so does not exist.
    void register_only(const std::vector<std::string>& addresses);
    /// The name exists, with a TXT record alone.
    void register_no_address();
    /// A daemon configured by TASKDNS_SERVICES alone, asking our resolver.
    DaemonOptions daemon_options() const;
    /// The same, with `yaml_of_service` (lines indented by 4) as further keys of the service, and `top` before it.
    DaemonOptions daemon_options(const std::string& yaml_of_service, const std::string& top = "") const;

private:
    Zone zone_;

public:  // in the order in which they start
    Backends backends;
    Knotd authority;
    Unbound resolver;
};

/// A set of addresses as the tests compare it.
std::vector<std::string> sorted(std::vector<std::string> addresses);

}  // namespace taskdns::testing_support
