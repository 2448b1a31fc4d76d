// One seed from its beginning to its end: the loop that lets time pass.
#include "simulation/run.hpp"

#include <algorithm>
#include <memory>

#include <fmt/format.h>

#include "simulation/callers.hpp"
#include "simulation/storm.hpp"
#include "simulation/witness.hpp"

namespace taskdns::simulation {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint epoch{std::chrono::hours(1000)};
constexpr auto tick = 1s;           // how often everything is looked at even if nothing happens
constexpr auto demand_period = 5s;  // as in the control plane
constexpr auto calm = 6min;         // after it everything is as the registry says

class Run {
public:
    Run(std::uint64_t seed, const EventLog& log)
        : log_(log),
          scenario_(make_scenario(seed)),
          random_(seed ^ 0xD1B54A32D192ED03),
          world_(scenario_, random_, epoch),
          witness_(scenario_, world_),
          storm_(scenario_, world_, random_, timeline_, hooks()),
          callers_(scenario_, timeline_, witness_,
                   {[this](const std::string& text) { say(text); }, [this] { return sidecar_.get(); }}),
          quiet_until_(scenario_.services.size()) {
        timeline_.now = epoch;
    }

    std::optional<std::string> go() {
        if (log_) log_(describe(scenario_));
        start(false);
        for (std::size_t i = 0; i < scenario_.services.size(); ++i) ask(i);
        look();
        timeline_.after(random_.between(20s, 60s), [this] { begin_storm(); });
        try {
            let_time_pass(epoch + scenario_.length);
        } catch (const Violation& violation) {
            return fmt::format("seed {} at {} s, {}: {}", scenario_.seed, seconds_of(violation.at), violation.service,
                               violation.what);
        }
        return std::nullopt;
    }

private:
    Storm::Hooks hooks() {
        return {[this](const std::string& text) { say(text); },
                [this](bool snapshot, Duration down) { restart(snapshot, down); },
                [this](std::size_t service, Duration time) { quiet_until_[service] = timeline_.now + time; },
                [this](std::optional<PlaceIndex> place) { witness_.expect_damping(place); }};
    }

    static std::string seconds_of(TimePoint time) {
        return fmt::format("{:.3f}", std::chrono::duration<double>(time - epoch).count());
    }
    void say(const std::string& text) {
        if (log_) log_(fmt::format("{:>9} {}", seconds_of(timeline_.now), text));
    }

    void let_time_pass(TimePoint end) {
        for (;;) {
            const TimePoint probe = sidecar_ ? sidecar_->next_probe() : never;
            const TimePoint deadline = sidecar_ ? sidecar_->next_deadline() : never;
            const TimePoint next = std::min({timeline_.next(), probe, deadline});
            if (next >= end) return;
            timeline_.now = std::max(timeline_.now, next);
            if (timeline_.next() <= timeline_.now) {
                if (!timeline_.next_is_quiet()) witness_.audit(timeline_.now);
                timeline_.run_next();
            } else if (deadline <= timeline_.now) {
                sidecar_->expire(timeline_.now);
            } else {
                send_probes();
            }
        }
    }

    void start(bool with_snapshot) {
        ++incarnation_;
        down_ = false;
        sidecar_ = std::make_unique<Sidecar>(scenario_, random_, timeline_.now, [this](std::size_t service) {
            if (!down_) witness_.audit(service, timeline_.now);
        });
        down_ = true;  // until the witness knows of it
        if (with_snapshot) sidecar_->load(snapshot_, timeline_.now);
        down_ = false;
        witness_.watch(sidecar_.get(), with_snapshot, timeline_.now);
        say(with_snapshot ? "a sidecar starts with a snapshot" : "a sidecar starts");
        for (std::size_t i = 0; i < scenario_.services.size(); ++i) poll(i);
        watch_demand();
    }

    void restart(bool with_snapshot, Duration down) {
        if (!sidecar_) return;
        say("the sidecar ends");
        snapshot_ = sidecar_->snapshot();
        ++incarnation_;
        sidecar_.reset();
        callers_.forget();
        witness_.watch(nullptr, with_snapshot, timeline_.now);
        timeline_.after(down, [this, with_snapshot] { start(with_snapshot); });
    }

    /// Runs `act` only if the sidecar that asked for it still runs.
    template <class Act>
    auto of_this_sidecar(Act act) {
        return [this, act, incarnation = incarnation_] {
            if (incarnation == incarnation_) act();
        };
    }

    void poll(std::size_t service) {
        const TimePoint asked = timeline_.now;
        witness_.on_question(service, asked);
        const Reply reply = world_.ask(service, asked);
        timeline_.after(reply.latency, of_this_sidecar([this, service, reply, asked] {
                            const milliseconds delay = sidecar_->observe(service, reply, asked, timeline_.now);
                            witness_.on_reply(service, reply, timeline_.now);
                            if (log_) say_reply(service, reply);
                            timeline_.after(delay, of_this_sidecar([this, service] { poll(service); }));
                        }));
    }

    void say_reply(std::size_t service, const Reply& reply) {
        std::string text = fmt::format("s{}: ", service);
        if (!reply.answer) return say(text + "poll failed");
        text += fmt::format("{} records, TTL {}{}:", reply.named.size(), reply.answer->ttl.count(),
                            reply.fresh ? "" : ", out of the cache");
        std::vector<PlaceIndex> named = reply.named;
        std::ranges::sort(named);
        for (const PlaceIndex place : named) text += " " + address_of(place).to_string();
        say(text);
    }

    void send_probes() {
        while (auto job = sidecar_->take_due(timeline_.now)) {
            witness_.on_probe(*job, timeline_.now);
            const health::Outcome outcome = world_.probe(*job);
            const auto end = timeline_.now + outcome.latency;
            timeline_.at(end, of_this_sidecar([this, job = std::move(*job), outcome] {
                             witness_.on_probe_end();
                             if (log_) say_outcome(job, outcome);
                             sidecar_->finish(job, outcome, timeline_.now);
                         }),
                         /*quiet=*/true);
        }
    }

    void say_outcome(const health::Schedule::Job& job, const health::Outcome& outcome) {
        if (evidence(outcome.observed) == health::Evidence::success) return;
        say(fmt::format("{}: {}", job.target.address.to_string(), health::to_string(outcome.observed)));
    }

    void watch_demand() {
        timeline_.after(demand_period, of_this_sidecar([this] {
                            sidecar_->watch_demand(timeline_.now);
                            watch_demand();
                        }));
    }

    /// The application.
    void ask(std::size_t service) {
        timeline_.after(random_.between(1s, 9s), [this, service] {
            if (timeline_.now >= quiet_until_[service] && sidecar_) {
                witness_.on_asked(service, timeline_.now);
                sidecar_->ask(service, timeline_.now);
            }
            ask(service);
        });
    }

    void look() {
        timeline_.after(tick, [this] { look(); });
    }

    void begin_storm() {
        storm_.begin();
        callers_.begin();
        timeline_.after(random_.between(2min, 5min), [this] {
            storm_.end();
            callers_.end();
            timeline_.after(calm - 1min, [this] { witness_.begin_to_settle(); });
            timeline_.after(calm, [this] {
                witness_.settled(timeline_.now);
                begin_storm();
            });
        });
    }

    const EventLog& log_;
    Scenario scenario_;
    Random random_;
    World world_;
    Timeline timeline_;
    Witness witness_;
    Storm storm_;
    Callers callers_;
    std::vector<TimePoint> quiet_until_;
    std::unique_ptr<Sidecar> sidecar_;
    std::uint64_t incarnation_ = 0;
    bool down_ = false;
    Snapshot snapshot_;
};

}  // namespace

std::optional<std::string> run_seed(std::uint64_t seed, const EventLog& log) { return Run(seed, log).go(); }

}  // namespace taskdns::simulation
