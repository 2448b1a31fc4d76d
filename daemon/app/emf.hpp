// Key figures for CloudWatch, as lines in its Embedded Metric Format: standard output is where a container's log
// goes, and CloudWatch Logs takes metrics out of such lines. Layer: app (may include all). Pure.
//
// Dimensions are bounded: none for the daemon, the configured service for the rest. Not the task: CloudWatch adds up,
// and gives percentiles of, what all tasks write for one service.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "app/metrics.hpp"

namespace taskdns::app {

/// What has been written, so that the next lines hold what came since.
class EmfLines {
public:
    explicit EmfLines(std::string name_space) : namespace_(std::move(name_space)) {}

    /// A line without its newline for the daemon, then one for each service. The first call's values are those since
    /// the start.
    std::vector<std::string> next(const Figures& figures);
    void rename(std::string name_space) { namespace_ = std::move(name_space); }

private:
    struct Written {
        std::uint64_t queries = 0;
        std::uint64_t servfails = 0;
        std::uint64_t dropped = 0;
        std::uint64_t upstream_queries = 0;
        std::uint64_t upstream_failures = 0;
        Histogram::Reading answer_time;
    };
    std::string daemon_line(const Figures& figures);
    std::string service_line(const ServiceFigures& service, WallTime now);

    std::string namespace_;
    Written written_;
    std::map<std::string, ServiceState::Tally> tallies_;  // by service
};

}  // namespace taskdns::app
