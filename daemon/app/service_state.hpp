// One configured service on the control thread: its members, its decision, its view, and what the last poll said.
// Layer: app (may include all). Threads: the control thread. Pure but for log lines: it is given `now`.
//
// discovery -> membership -> health -> view, joined here for one service.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "discovery/observation.hpp"
#include "health/verdict.hpp"
#include "membership/registry.hpp"
#include "view/decision.hpp"
#include "view/view.hpp"

namespace taskdns::app {

/// The verdict on one endpoint of this service; null if there is none yet.
using FindVerdict = std::function<const health::Verdict*(const SocketAddress& endpoint)>;

class ServiceState {
public:
    /// `pick_start`: where pick() begins; random in the daemon, so that tasks do not all begin with the same
    /// endpoint.
    explicit ServiceState(config::Service service, std::uint32_t pick_start = 0);

    struct Poll {
        TimePoint at;
        discovery::Observation observation;
        TimePoint next;
    };

    /// Takes in one observation; true if the members changed. Logs who came and went.
    bool observe(const discovery::Observation& observation, milliseconds next_delay, TimePoint now);
    /// Lets go of whose time is over; true if the members, or the recently left, changed.
    bool expire(TimePoint now);
    /// When expire() has something to do next; `never` if nothing is pending.
    TimePoint next_deadline() const;
    /// Decides anew; true, with a new view, if an answer changed. A change of what is served, or why, has a new
    /// index.
    bool decide(const FindVerdict& find_verdict);
    /// Polled with an answer, and each member checked at least once: what /readyz waits for. Empty if so, else what
    /// is missing.
    std::string not_ready_reason(const FindVerdict& find_verdict) const;
    /// The next endpoint of the rotation that HTTP's pick walks through; null if none is served.
    std::optional<SocketAddress> pick();

    const config::Service& service() const { return service_; }
    bool checked() const { return service_.health.check != config::CheckKind::none; }
    std::vector<SocketAddress> endpoints() const;
    const membership::Registry& registry() const { return registry_; }
    const view::Decision& decision() const { return decision_; }
    const std::shared_ptr<const view::ServiceView>& view() const { return view_; }
    const std::optional<Poll>& last_poll() const { return last_poll_; }
    const std::string& last_error() const { return last_error_; }
    std::uint64_t index() const { return index_; }

private:
    void note_membership(const std::vector<membership::Member>& before, TimePoint now);
    void log_poll(const discovery::Observation& observation);
    std::vector<view::Candidate> candidates(const FindVerdict& find_verdict) const;

    config::Service service_;
    membership::Registry registry_;
    std::map<IpAddress, TimePoint> recent_;  // address of a former member -> when it is forgotten
    view::Decision decision_;
    std::shared_ptr<const view::ServiceView> view_;
    std::optional<Poll> last_poll_;
    std::string last_error_;
    std::uint64_t index_ = 1;
    std::uint32_t pick_cursor_;
};

}  // namespace taskdns::app
