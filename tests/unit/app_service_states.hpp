// A service's state as the tests of app::ServiceState make it: members that are seen, verdicts that are set.
#pragma once

#include <initializer_list>
#include <map>
#include <string>
#include <vector>

#include "app/service_state.hpp"
#include "health/connection_ledger.hpp"

namespace taskdns::app {

using namespace std::chrono_literals;
using discovery::Empty;
using discovery::Failed;
using discovery::Records;
using discovery::Rrset;
using discovery::Sighting;

inline constexpr TimePoint start{1h};

inline SocketAddress endpoint(const char* text) { return *SocketAddress::parse(text); }

inline discovery::Observation seen(std::initializer_list<const char*> addresses) {
    Rrset rrset;
    for (const char* address : addresses) rrset.sightings.push_back(Sighting{.address = endpoint(address)});
    return Records{.rrsets = {rrset}, .ttl = 10s};
}

inline config::Service make_service(config::CheckKind check = config::CheckKind::tcp) {
    config::Service service;
    service.name = dns::Name::parse("orders.local").value();
    service.port = 80;
    service.health.check = check;
    return service;
}

/// Verdicts as a test sets them.
struct Verdicts {
    std::map<SocketAddress, health::Verdict> all;

    void set(const char* address, health::Status status, health::Observed observed) {
        health::Verdict& verdict = all[endpoint(address)];
        verdict.status = status;
        verdict.reason = observed;
        verdict.against = status == health::Status::unhealthy ? health::evidence(observed) : health::Evidence::none;
        verdict.checked = true;
        verdict.last.observed = observed;
    }
    FindVerdict find() const {
        return [this](const SocketAddress& address) -> const health::Verdict* {
            const auto found = all.find(address);
            return found == all.end() ? nullptr : &found->second;
        };
    }
};

inline const health::EndpointConnections* nobody_connects(const SocketAddress&) { return nullptr; }

/// As the control plane does after a change.
inline bool decide(ServiceState& state, const Verdicts& verdicts, TimePoint now = start) {
    LocalSources sources;
    state.choose(verdicts.find(), "task");
    std::uint64_t last_index = state.index();
    return state.decide(verdicts.find(), sources, now, last_index);
}

/// Who is served, and why or why not: "10.0.0.1:80 + served".
inline std::vector<std::string> described(const ServiceState& state) {
    std::vector<std::string> out;
    for (const view::EndpointDecision& endpoint : state.decision().endpoints) {
        out.push_back(endpoint.address.to_string() + (endpoint.served ? " + " : " - ") + view::reason(endpoint));
    }
    return out;
}

}  // namespace taskdns::app
