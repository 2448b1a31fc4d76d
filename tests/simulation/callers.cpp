// What the application and an operator say.
#include "simulation/callers.hpp"

#include <fmt/format.h>

namespace taskdns::simulation {
namespace {

using namespace std::chrono_literals;

}  // namespace

Callers::Callers(const Scenario& scenario, Timeline& timeline, Witness& witness, Hooks hooks)
    : scenario_(scenario),
      random_(scenario.seed ^ 0xA24BAED4963EE407),
      timeline_(timeline),
      witness_(witness),
      hooks_(std::move(hooks)) {}

void Callers::begin() {
    ++number_;
    next();
}

void Callers::end() {
    ++number_;
    for (const auto& [service, endpoint] : std::set(drained_)) undrain(service, endpoint);
    drained_.clear();
}

void Callers::next() {
    timeline_.after(random_.between(100ms, random_.of({2s, 10s, 40s})), [this, number = number_] {
        if (number != number_) return;
        act();
        next();
    });
}

void Callers::act() {
    const Sidecar* const sidecar = hooks_.sidecar();
    const std::size_t service = random_.below(scenario_.services.size());
    const std::uint64_t kind = random_.below(100);
    if (sidecar == nullptr || sidecar->decision(service).endpoints.empty()) return;
    std::vector<SocketAddress> all;
    for (const view::EndpointDecision& endpoint : sidecar->decision(service).endpoints)
        all.push_back(endpoint.address);
    const SocketAddress any = all[random_.below(all.size())];
    if (kind < 45) return report(service, any, 1 + static_cast<unsigned>(random_.below(8)));
    if (kind < 55) return report(service, any, 0);
    if (kind < 80) return drain(service, any);
    if (kind < 90) return undrain(service, any);
    if (kind < 98) {  // it takes its own fault for everybody else's
        for (const SocketAddress& endpoint : all) report(service, endpoint, 6);
        return;
    }
    for (const SocketAddress& endpoint : all) drain(service, endpoint);
}

/// None: a success.
void Callers::report(std::size_t service, const SocketAddress& endpoint, unsigned failures) {
    hooks_.log(fmt::format("s{}: {} reported: {} failures", service, endpoint.to_string(), failures));
    if (failures == 0) hooks_.sidecar()->report(service, endpoint, true, timeline_.now);
    for (unsigned i = 0; i < failures; ++i) hooks_.sidecar()->report(service, endpoint, false, timeline_.now);
}

void Callers::drain(std::size_t service, const SocketAddress& endpoint) {
    const auto time = random_.between(1s, 60s);
    hooks_.log(fmt::format("s{}: {} drained for {}", service, endpoint.to_string(), format_duration(time)));
    if (!hooks_.sidecar()->drain(service, endpoint, timeline_.now + time, timeline_.now)) return;
    drained_.insert({service, endpoint});
    witness_.on_drain(service, place_of(endpoint.address), timeline_.now + time);
}

void Callers::undrain(std::size_t service, const SocketAddress& endpoint) {
    if (hooks_.sidecar() == nullptr) return;
    hooks_.log(fmt::format("s{}: {} undrained", service, endpoint.to_string()));
    hooks_.sidecar()->undrain(service, endpoint, timeline_.now);
    witness_.on_drain(service, place_of(endpoint.address), timeline_.now);
}

}  // namespace taskdns::simulation
