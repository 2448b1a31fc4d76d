// Who must be a member of a service by design, and who may.
#include "simulation/knowledge.hpp"

#include <algorithm>
#include <cmath>

namespace taskdns::simulation {
namespace {

using namespace std::chrono_literals;

constexpr auto slack = 50ms;
constexpr auto snapshot_refresh = 10min;  // so much older may the snapshot's times be

}  // namespace

Knowledge::Entry& Knowledge::entry(PlaceIndex place) {
    if (place >= entries_.size()) entries_.resize(place + 1);
    return entries_[place];
}

const Knowledge::Entry& Knowledge::at(PlaceIndex place) const {
    static const Entry unknown;
    return place < entries_.size() ? entries_[place] : unknown;
}

milliseconds Knowledge::stale_max() const {
    const config::Service& service = plan_->settings;
    return service.health.check == config::CheckKind::none ? service.membership.stale_max_unchecked
                                                           : service.membership.stale_max;
}

milliseconds Knowledge::empty_max() const {
    const config::Service& service = plan_->settings;
    return service.health.check == config::CheckKind::none ? service.membership.empty_max_unchecked
                                                           : service.membership.empty_max;
}

milliseconds Knowledge::guard_time() const {
    return plan_->settings.membership.shrink_guard == 0 ? 0ms : std::max<milliseconds>(30s, 2 * plan_->ttl);
}

/// Design.md: max(10 min, ceil(ln 1e-4 / ln(1 - limit/N)) x max(poll period, TTL)), at most 60 min.
milliseconds Knowledge::absent_most() const {
    const config::Service& service = plan_->settings;
    if (service.membership.absent_max) return *service.membership.absent_max;
    const auto known = static_cast<double>(std::ranges::count(entries_, true, &Entry::ever));
    const double limit = service.membership.sample_limit;
    if (known <= limit) return 10min;
    const milliseconds period = std::max<milliseconds>({plan_->ttl, service.poll.min});
    const double samples = std::ceil(std::log(1e-4) / std::log(1 - limit / known));
    return std::clamp<milliseconds>(std::llround(samples) * period, 10min, 60min);
}

Duration Knowledge::failing(TimePoint now) const {
    return failed_before_ + (failed_since_ == never ? Duration::zero() : now - failed_since_);
}

void Knowledge::start(bool with_snapshot, TimePoint now) {
    if (!with_snapshot) {
        *this = Knowledge(*plan_);
        return;
    }
    loaded_ = last_ != Last::none || loaded_;
    last_ = Last::none;
    empty_since_ = never;
    failed_before_ = failing(now);
    failed_since_ = never;
    repetitions_ = 0;
    // Nobody looked since the last answer that brought something new and so was saved: absence does not age.
    TimePoint newest{};
    for (const Entry& entry : entries_) newest = std::max(newest, entry.named);
    if (newest != TimePoint{}) failed_before_ += now - newest + snapshot_refresh;
    for (Entry& entry : entries_) {
        entry.sampled = false;
        entry.left_out = never;
        entry.misses = 0;
        entry.guarded = {};
        if (entry.ever) entry.joined = now;
    }
}

void Knowledge::note_named(PlaceIndex place, TimePoint now) {
    const bool had = must_have(place, now);
    Entry& named = entry(place);
    if (!named.ever) named.first_named = now;
    if (!had) named.joined = now;
    named.ever = named.in_last = named.sampled = true;
    named.named = now;
    named.failing_then = failing(now);
    named.left_out = never;
    named.misses = 0;
    named.gone = never;
    named.guarded = {};
}

/// An answer of whatever kind came: those that were held for too long before it are gone.
void Knowledge::take_answer(TimePoint now) {
    const bool too_empty = empty_since_ != never && now >= empty_since_ + empty_max() - slack;
    const bool too_stale = failed_since_ != never && now >= failed_since_ + stale_max() - slack;
    const bool too_old = loaded_ && last_ != Last::empty;
    for (Entry& entry : entries_) {
        if (!too_empty && !too_stale && !(too_old && now >= entry.named + stale_max() - snapshot_refresh)) continue;
        entry.in_last = entry.sampled = false;
        entry.guarded = {};
    }
}

void Knowledge::take_records(const std::vector<PlaceIndex>& named, bool fresh, bool ttl_over, TimePoint now) {
    take_answer(now);
    failed_before_ = failing(now);
    const Last before = last_;
    failed_since_ = never;
    std::vector<PlaceIndex> sorted = named;
    std::ranges::sort(sorted);
    const bool full = sorted.size() == plan_->settings.membership.sample_limit;
    const bool reread = !fresh && before == Last::records;  // out of the resolver's cache: says nothing new
    if (reread) {
        for (const PlaceIndex place : sorted) note_named(place, now);
        return;
    }
    repetitions_ = full && sorted == last_named_ ? repetitions_ + 1 : 0;
    if (full) {
        for (Entry& entry : entries_) {
            entry.left_out = never;
            entry.misses = 0;
            entry.guarded = {};
            entry.in_last = false;
            if (repetitions_ >= 4) entry.sampled = false;  // five in a row are a complete set
        }
    } else {
        for (const PlaceIndex place : sorted) entry(place);
        leave_out(sorted.size(), fresh && ttl_over, now);
    }
    for (const PlaceIndex place : sorted) {
        note_named(place, now);
        if (fresh) entry(place).confirmed = now;
    }
    last_named_ = std::move(sorted);
    last_ = Last::records;
    loaded_ = false;
    empty_since_ = never;
}

/// A complete answer: whom it leaves out is withdrawn at once, unless it leaves too few.
void Knowledge::leave_out(std::size_t named, bool fresh, TimePoint now) {
    std::size_t must = 0;
    std::size_t may = 0;
    for (PlaceIndex place = 0; place < entries_.size(); ++place) {
        if (must_have(place, now)) ++must;
        if (entries_[place].gone == never && why_not(place, true, now) == nullptr) ++may;
    }
    const unsigned guard = plan_->settings.membership.shrink_guard;
    const auto too_few = [&](std::size_t known) { return named * 100 < known * guard && named + 2 <= known; };
    const bool waits = guard_may_wait();
    const bool at_once = fresh && !waits && last_ == Last::records && !too_few(may + named);
    const bool guarded = !waits && too_few(must);
    for (PlaceIndex place = 0; place < entries_.size(); ++place) {
        Entry& entry = entries_[place];
        if (!entry.ever) continue;
        const bool had = must_have(place, now);
        entry.guarded = guarded && had ? now + 30s - slack : TimePoint{};
        entry.in_last = entry.sampled = false;
        if (entry.left_out == never) entry.left_out = now;
        if (fresh) ++entry.misses;
        if (entry.gone == never && (at_once || entry.misses >= 2 || guard == 0)) entry.gone = now;
    }
}

bool Knowledge::guard_may_wait() const {
    return std::ranges::any_of(entries_,
                               [](const Entry& entry) { return entry.left_out != never && entry.gone == never; });
}

void Knowledge::take_empty(TimePoint now) {
    take_answer(now);
    failed_before_ = failing(now);
    failed_since_ = never;
    if (empty_since_ == never) empty_since_ = now;
    last_ = Last::empty;
    repetitions_ = 0;
    for (Entry& entry : entries_) {
        if (entry.gone == never && why_not(static_cast<PlaceIndex>(&entry - entries_.data()), true, now) != nullptr) {
            entry.gone = now;
        }
        entry.left_out = never;
        entry.misses = 0;
    }
}

void Knowledge::take_failed(TimePoint now) {
    take_answer(now);
    if (failed_since_ == never) failed_since_ = now;
    last_ = Last::failed;
    for (Entry& entry : entries_) {
        if (entry.gone == never && entry.left_out != never && now > entry.left_out + guard_time() + slack) {
            entry.gone = entry.left_out + guard_time();
        }
        entry.left_out = never;
        entry.misses = 0;
    }
}

bool Knowledge::must_have(PlaceIndex place, TimePoint now) const {
    const Entry& entry = at(place);
    if (!entry.ever) return false;
    if (empty_since_ != never && now >= empty_since_ + empty_max()) return false;
    if (failed_since_ != never && now >= failed_since_ + stale_max()) return false;
    if (loaded_ && now >= entry.named + stale_max() - snapshot_refresh) return false;
    const milliseconds absent_least = plan_->settings.membership.absent_max.value_or(10min);
    return entry.in_last || (entry.sampled && now < entry.named + absent_least) || now < entry.guarded;
}

const char* Knowledge::why_not(PlaceIndex place, bool others_live, TimePoint now) const {
    const Entry& entry = at(place);
    if (!entry.ever) return "no answer has named it";
    if (entry.gone != never) {
        // Withdrawn before: the reserve, whatever the registry says now.
    } else if (empty_since_ != never) {
        if (now > empty_since_ + empty_max() + slack) return "empty_max is over";
    } else if (failed_since_ != never) {
        if (now > failed_since_ + stale_max() + slack) return "stale_max is over";
        if (loaded_ && now > entry.named + stale_max() + slack) return "stale_max of the snapshot is over";
    }
    TimePoint gone = entry.gone;
    if (entry.left_out != never) gone = std::min<TimePoint>(gone, entry.left_out + guard_time());
    if (gone != never && now > gone + slack) {
        const config::Service& service = plan_->settings;
        if (service.health.check == config::CheckKind::none) return "withdrawn, and not checked";
        if (others_live) return "withdrawn, and others live";
        if (now > gone + service.membership.reserve + slack) return "withdrawn, and the reserve is over";
        return nullptr;
    }
    if (last_ != Last::records || entry.in_last || entry.left_out != never) return nullptr;
    const Duration age = now - entry.named - (failing(now) - entry.failing_then);
    // A complete answer may have come between, whose guard and reserve it went through.
    const Duration most = absent_most() + guard_time() + plan_->settings.membership.reserve + slack;
    return age > most ? "absent for longer than absent_max" : nullptr;
}

}  // namespace taskdns::simulation
