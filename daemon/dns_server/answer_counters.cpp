// How many answers were given, summed for people. Layer: dns_server.
#include "dns_server/answer_counters.hpp"

namespace taskdns::dns_server {

std::uint64_t AnswerCounters::of_rcode(std::string_view rcode) const {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < cells_.size(); ++i) {
        if (rcodes[i % rcodes.size()] == rcode) sum += cells_[i].value();
    }
    return sum;
}

std::uint64_t AnswerCounters::total() const {
    std::uint64_t sum = 0;
    for (const Counter& cell : cells_) sum += cell.value();
    return sum;
}

}  // namespace taskdns::dns_server
