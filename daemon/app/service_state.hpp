// One configured service on the control thread: its members, its decision, its view, and what the last poll said.
// Layer: app (may include all). Threads: the control thread. Pure but for log lines: it is given `now`.
//
// discovery -> membership -> health -> view, joined here for one service.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/local_sources.hpp"
#include "config/config.hpp"
#include "discovery/observation.hpp"
#include "health/drains.hpp"
#include "health/reports.hpp"
#include "health/verdict.hpp"
#include "http_server/model.hpp"
#include "membership/registry.hpp"
#include "view/decision.hpp"
#include "view/ejection_room.hpp"
#include "view/home.hpp"
#include "view/view.hpp"

namespace taskdns::app {

/// The verdict on one endpoint of this service; null if there is none yet.
using FindVerdict = std::function<const health::Verdict*(const SocketAddress& endpoint)>;

class ServiceState {
public:
    /// `seed`: where pick() begins, and the schedule of order `random`; random in the daemon, so that tasks do not
    /// all begin with the same endpoint. `index`: until the first change that can be seen.
    explicit ServiceState(config::Service service, std::uint32_t seed = 0, std::uint64_t index = 1);

    /// The last one, without what it named.
    struct Poll {
        TimePoint at;
        TimePoint next;
        const char* outcome = "";  ///< "records", "empty", "failed"
        std::optional<milliseconds> ttl;
        std::string reason;  ///< of an empty or failed one
    };

    /// What the snapshot knows, if the registry has not answered yet; true if members came.
    bool load(const std::vector<membership::Member>& members, TimePoint now);
    /// Takes in one observation; true if the members changed. Logs who came and went.
    bool observe(const discovery::Observation& observation, milliseconds next_delay, TimePoint now);
    /// Another service has taken the endpoint's address; true if it was a member.
    bool release(const SocketAddress& endpoint, TimePoint now);
    struct Expired {
        bool members = false;  ///< some left, or changed their presence, or choose() may choose others
        bool others = false;   ///< the recently left, the shares of the traffic, an ejection, a drain
    };
    /// Lets go of whose time is over; what changed by that.
    Expired expire(TimePoint now);
    /// When expire() has something to do next; `never` if nothing is pending.
    TimePoint next_deadline() const;
    // What the application and the operator say of a member; of others it is ignored. True if it changes something,
    // so that choose() and decide() have to look.
    bool report(const SocketAddress& endpoint, http_server::Report report, TimePoint now);
    /// Not served until then, whatever was said before; also if it leaves and comes back meanwhile.
    bool drain(const SocketAddress& endpoint, TimePoint until, TimePoint now);
    bool undrain(const SocketAddress& endpoint, TimePoint now);
    /// A check has ended with this verdict: it may end an ejection.
    bool let_back_if_passing(const SocketAddress& endpoint, const health::Verdict& verdict, TimePoint now);

    /// The settings have changed: this one, just made, goes on with all that the one before knows, so that whoever is
    /// served stays so. Members whose port came from the settings have the new one. choose() and decide() are next.
    void take_over(ServiceState&& before, TimePoint now);
    /// It is known where the task is, or known otherwise. decide() is next.
    void set_home(const view::Home& home);
    /// Chooses anew which endpoints are checked and used; true if others are.
    bool choose(const FindVerdict& find_verdict, std::string_view identity);
    /// Order `least_connections`: the shares for the next second; true if they are others. `open`: how many
    /// connections an endpoint has open.
    bool rebalance(const std::function<double(const SocketAddress&)>& open);
    /// Decides anew; true, with a new view, if an answer changed. A change of what is served, or why, has a new
    /// index, the one after `last_index`, which all services share.
    bool decide(const FindVerdict& find_verdict, LocalSources& sources, TimePoint now, std::uint64_t& last_index);
    /// Whether this verdict could change what decide() decided: it is not the one that it knew.
    bool is_news(const SocketAddress& endpoint, const health::Verdict& verdict) const;
    /// Polled with an answer, and each member checked at least once: what /readyz waits for. Empty if so, else what
    /// is missing.
    std::string not_ready_reason(const FindVerdict& find_verdict) const;
    /// The next endpoint of the rotation that HTTP's pick walks through; null if none is served.
    std::optional<SocketAddress> pick();
    /// Its members, those that the decision knew to be healthy, and those that it serves.
    struct Counts {
        std::size_t members = 0;
        std::size_t healthy = 0;
        std::size_t served = 0;
    };
    Counts counts() const;
    /// Since the start.
    struct Tally {
        std::uint64_t records = 0;  ///< polls that came back with them; so the following
        std::uint64_t empty = 0;
        std::uint64_t failed = 0;
        std::uint64_t answered = 0;  ///< connections of the application's that count as evidence; so the following
        std::uint64_t refused = 0;
        std::uint64_t unanswered = 0;
    };
    const Tally& tally() const { return tally_; }
    /// When a poll last came back with records, or empty; `never`: none has yet.
    TimePoint last_answer() const { return last_answer_; }
    /// A connection of the application's is evidence, whatever it changes.
    void count_connection(health::Observed observed);

    const config::Service& service() const { return service_; }
    bool checked() const { return service_.health.check != config::CheckKind::none; }
    /// Whether it is one that this task uses: always, unless `subset` leaves it out.
    bool uses(const SocketAddress& endpoint) const;
    /// Those that choose() chose: to be checked. Sorted; empty where nothing is checked and all are used.
    const std::vector<SocketAddress>& chosen() const { return chosen_; }
    const membership::Registry& registry() const { return registry_; }
    const health::Reports& reports() const { return reports_; }
    const health::Drains& drains() const { return drains_; }
    const view::Decision& decision() const { return decision_; }
    const std::string& own_zone() const { return own_zone_; }
    const std::shared_ptr<const view::ServiceView>& view() const { return view_; }
    const std::optional<Poll>& last_poll() const { return last_poll_; }
    const std::string& last_error() const { return last_error_; }
    std::uint64_t index() const { return index_; }
    /// Whether a member has come, left, been withdrawn or returned since the last call: then the snapshot holds
    /// something else.
    bool take_came_or_went() { return std::exchange(came_or_went_, false); }

private:
    void count_poll(const discovery::Observation& observation, TimePoint now);
    void note_membership(const std::vector<membership::Member>& before, TimePoint now);
    void log_poll(const Poll& poll) const;
    void log_basis(membership::Basis before);
    void log_decision(const view::Decision& before) const;
    bool is_member(const SocketAddress& endpoint) const;
    view::Ejectable ejectable() const;
    void keep_half_in(TimePoint now);
    bool expire_admin(TimePoint now);
    void let_back(const SocketAddress& endpoint, const char* because, TimePoint now);
    void log_ejection_end(const SocketAddress& endpoint, const char* because) const;
    void log_drain_end(const SocketAddress& endpoint, const char* because) const;
    void move_ports(std::uint16_t from);
    std::vector<view::Candidate> candidates(const FindVerdict& find_verdict, LocalSources& sources);
    view::LocalSource source_of(const SocketAddress& endpoint, LocalSources& sources) const;

    config::Service service_;
    std::uint32_t seed_;
    membership::Registry registry_;
    std::set<SocketAddress> not_checked_since_loaded_;  // of the snapshot: served until their first check
    std::map<IpAddress, TimePoint> recent_;             // address of a former member -> when it is forgotten
    health::Reports reports_;                           // of members
    health::Drains drains_;
    bool sampled_ = false;           // answers have been samples
    bool targets_changed_ = false;   // since view_ was built: members, the recent, the settings
    bool settings_changed_ = false;  // since the last decision
    std::vector<SocketAddress> chosen_;
    std::map<SocketAddress, double> balance_;  // order `least_connections`: those that do not have weight 1
    config::Zone configured_zone_;             // service_'s knows our own subnets, too
    std::string home_zone_;                    // of an address of ours that no network holds
    std::string own_zone_;                     // by our own address; empty: not known
    view::Decision decision_;
    std::uint64_t sources_generation_ = 0;  // of the decision's sources; 0: none yet
    std::shared_ptr<const view::ServiceView> view_;
    std::optional<Poll> last_poll_;
    std::string last_error_;
    TimePoint last_answer_ = never;
    Tally tally_;
    std::uint64_t index_;
    bool came_or_went_ = false;
    std::vector<SocketAddress> rotation_;  // of the view, since somebody has asked for it
    std::uint32_t pick_cursor_;
};

}  // namespace taskdns::app
