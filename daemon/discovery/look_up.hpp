// One question to its end: asked, CNAMEs followed, asked again where a chain leaves the answer.
// Layer: discovery (may include base, dns, upstream, Asio). Threads: the control thread's executor.
#pragma once

#include <optional>
#include <vector>

#include "base/asio.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "dns/message.hpp"

namespace taskdns::upstream {
class Resolver;
}

namespace taskdns::discovery {

struct Answer {
    std::vector<dns::Rdata> records;      ///< of the question's type; empty for NODATA and NXDOMAIN
    std::vector<dns::Record> additional;  ///< addresses, for an SRV question's targets
    seconds ttl{0};
    bool nxdomain = false;
    std::size_t unusable = 0;  ///< records that were taken out of `records`: addresses that cannot be endpoints
};

asio::awaitable<Result<Answer>> look_up(upstream::Resolver& resolver, dns::Question question);

/// All of them, at most `at_once` (not 0) at the same time; answers in the order of the questions. Returns when each
/// has ended, which cancellation makes soon (Errc::cancelled). `resolver` must live until then.
/// With `patience`, whoever has not ended after that time is given up (Errc::cancelled) as soon as another has
/// records; that is looked at once in each such time.
asio::awaitable<std::vector<Result<Answer>>> look_up_all(upstream::Resolver& resolver,
                                                         std::vector<dns::Question> questions, std::size_t at_once,
                                                         std::optional<milliseconds> patience = std::nullopt);

}  // namespace taskdns::discovery
