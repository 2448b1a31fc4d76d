// What the answers that reached the sidecar oblige it to: who must be a member of a service by design, and who may.
// Told by design.md, section 5, alone: it knows nothing of membership::Registry.
// Pure.
#pragma once

#include <vector>

#include "simulation/world.hpp"

namespace taskdns::simulation {

class Knowledge {
public:
    explicit Knowledge(const ServicePlan& plan) : plan_(&plan) {}

    /// A sidecar starts; with a snapshot it knows what the one before knew.
    void start(bool with_snapshot, TimePoint now);
    /// It ends: whoever was held for too long by then is not in the snapshot.
    void stop(TimePoint now) { take_answer(now); }
    /// The answer named these. `fresh`: it did not come out of the resolver's cache. `ttl_over`: it was asked for
    /// after the TTL of the one before, in whole seconds, so that it confirms what that said.
    void take_records(const std::vector<PlaceIndex>& named, bool fresh, bool ttl_over, TimePoint now);
    void take_empty(TimePoint now);
    void take_failed(TimePoint now);

    /// Another service may have taken its address.
    void forget(PlaceIndex place) {
        entry(place).in_last = entry(place).sampled = false;
        entry(place).guarded = {};
    }

    /// A lower bound of the members.
    bool must_have(PlaceIndex place, TimePoint now) const;
    /// An upper bound: null if it may be served, else why not. `others_live`: another one passes its checks.
    const char* why_not(PlaceIndex place, bool others_live, TimePoint now) const;

    /// The last answer named it, and there has been neither failure nor emptiness since.
    bool present(PlaceIndex place) const { return last_ == Last::records && at(place).in_last; }
    bool ever_named(PlaceIndex place) const { return at(place).ever; }
    TimePoint first_named(PlaceIndex place) const { return at(place).first_named; }
    TimePoint named(PlaceIndex place) const { return at(place).named; }
    /// By an answer that the registry itself gave, not the resolver's cache.
    TimePoint confirmed(PlaceIndex place) const { return at(place).confirmed; }
    /// Since when it has to be a member; what was one before does not count.
    TimePoint joined(PlaceIndex place) const { return at(place).joined; }
    /// Since it was last named, a complete answer has left it out, and none of another kind has come since.
    bool left_out(PlaceIndex place) const { return at(place).left_out != never; }
    bool withdrawn(PlaceIndex place) const { return at(place).gone != never; }
    bool says_empty() const { return empty_since_ != never; }
    bool failing() const { return last_ == Last::failed; }
    /// The registry said lately that there are fewer, and it may have to say so again.
    bool guard_may_wait() const;

private:
    struct Entry {
        bool ever = false;
        bool in_last = false;  ///< of the records that came last
        bool sampled = false;  ///< named, and no complete answer has left it out since
        TimePoint first_named = never;
        TimePoint joined = never;
        TimePoint named{};
        TimePoint confirmed{};
        Duration failing_then{0};    ///< for how long the upstream had failed in all when it was named
        TimePoint left_out = never;  ///< since when complete answers, one after the other, do so
        unsigned misses = 0;         ///< fresh ones of them
        TimePoint gone = never;      ///< withdrawn for certain
        TimePoint guarded{};         ///< the shrink guard holds it until then, unless an answer comes
    };
    enum class Last { none, records, empty, failed };

    Entry& entry(PlaceIndex place);
    const Entry& at(PlaceIndex place) const;
    milliseconds stale_max() const;
    milliseconds empty_max() const;
    milliseconds guard_time() const;
    milliseconds absent_most() const;
    Duration failing(TimePoint now) const;
    void take_answer(TimePoint now);
    void leave_out(std::size_t named, bool fresh, TimePoint now);
    void note_named(PlaceIndex place, TimePoint now);

    const ServicePlan* plan_;
    std::vector<Entry> entries_;
    Last last_ = Last::none;
    std::vector<PlaceIndex> last_named_;  // sorted
    unsigned repetitions_ = 0;            // of the same full answer
    bool loaded_ = false;                 // from the snapshot, no records since
    TimePoint empty_since_ = never;
    TimePoint failed_since_ = never;
    Duration failed_before_{0};
};

}  // namespace taskdns::simulation
