// A service's endpoints as lines for `CH TXT <service>`. Layer: app.
#include "app/describe.hpp"

#include <algorithm>

namespace taskdns::app {

std::vector<std::string> describe(const http_server::ServiceStatus& status, WallTime now, std::size_t most) {
    std::vector<std::string> lines;
    lines.reserve(std::min(most, status.endpoints.size()));
    for (const http_server::EndpointStatus& endpoint : status.endpoints) {
        if (lines.size() == most) break;
        // The wall clock may have been set back since.
        const auto age = std::max(seconds{0}, std::chrono::duration_cast<seconds>(now - endpoint.since));
        lines.push_back(endpoint.address.to_string() + " " + endpoint.state + " " + endpoint.reason + " " +
                        std::to_string(age.count()) + "s");
    }
    return lines;
}

}  // namespace taskdns::app
