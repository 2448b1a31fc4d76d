// Queries for a service that has not been polled yet. Layer: dns_server.
#include "dns_server/held_queries.hpp"

namespace taskdns::dns_server {

std::vector<HeldQuery> HeldQueries::take_expired(TimePoint now) {
    std::vector<HeldQuery> expired;
    while (!queries_.empty() && queries_.front().deadline <= now) {
        expired.push_back(std::move(queries_.front()));
        queries_.pop_front();
    }
    return expired;
}

}  // namespace taskdns::dns_server
