// A task whose resolv.conf is managed.
#include "support/managed_task.hpp"

#include <sstream>

#include "support/libc_resolv_conf.hpp"

namespace taskdns::testing_support {

std::vector<std::string> ManagedTask::name_servers() const { return read_as_glibc(text()).servers; }

std::string ManagedTask::first_address(const std::string& name) const {
    std::istringstream lines(run_inside({"getent", "ahostsv4", name}).out);
    std::string address;
    lines >> address;
    return address;
}

}  // namespace taskdns::testing_support
