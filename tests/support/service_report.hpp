// What a running daemon says of one service by HTTP (docs/http-api.md), and what its answers say, for assertions.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "support/daemon_under_test.hpp"

namespace taskdns::testing_support {

struct EndpointReport {
    std::string address;
    std::string state;
    std::string reason;
    std::string presence;
    std::string zone;
    std::string detail;
    bool served = false;
    double share = 0;
};

struct ServiceReport {
    std::string rung;
    std::string registry;
    std::string zone;
    std::optional<double> coverage;
    bool stale = false;
    bool panic = false;
    bool zone_preferred = false;
    std::vector<EndpointReport> endpoints;

    /// Null: no member.
    const EndpointReport* find(const std::string& address) const {
        const auto found = std::ranges::find(endpoints, address, &EndpointReport::address);
        return found == endpoints.end() ? nullptr : &*found;
    }
    /// Empty: no member.
    std::string reason(const std::string& address) const {
        const EndpointReport* endpoint = find(address);
        return endpoint == nullptr ? "" : endpoint->reason;
    }
    bool serves(const std::string& address) const {
        const EndpointReport* endpoint = find(address);
        return endpoint != nullptr && endpoint->served;
    }
    std::set<std::string> served() const {
        std::set<std::string> out;
        for (const EndpointReport& endpoint : endpoints) {
            if (endpoint.served) out.insert(endpoint.address);
        }
        return out;
    }
};

inline std::string text_of(const boost::json::value& value) {
    return value.is_string() ? std::string(value.as_string()) : std::string();
}

inline ServiceReport report(const DaemonUnderTest& daemon, const std::string& service) {
    const boost::json::value json = boost::json::parse(daemon.get("/v1/services/" + service).body);
    ServiceReport out{.rung = text_of(json.at("rung")),
                      .registry = text_of(json.at("registry")),
                      .zone = text_of(json.at("zone")),
                      .stale = json.at("stale").as_bool(),
                      .panic = json.at("panic").as_bool(),
                      .zone_preferred = json.at("zone_preferred").as_bool()};
    if (!json.at("coverage").is_null()) out.coverage = json.at("coverage").to_number<double>();
    for (const boost::json::value& endpoint : json.at("endpoints").as_array()) {
        const boost::json::value& check = endpoint.at("last_check");
        out.endpoints.push_back({.address = text_of(endpoint.at("address")),
                                 .state = text_of(endpoint.at("state")),
                                 .reason = text_of(endpoint.at("reason")),
                                 .presence = text_of(endpoint.at("registry").at("presence")),
                                 .zone = text_of(endpoint.at("zone")),
                                 .detail = check.is_null() ? "" : text_of(check.at("detail")),
                                 .served = endpoint.at("served").as_bool(),
                                 .share = endpoint.at("share").to_number<double>()});
    }
    return out;
}

/// What so many answers name together: a single one may leave an address out (`answer.size`, `answer.fair`).
inline std::set<std::string> named_by(const DaemonUnderTest& daemon, const std::string& service, int answers = 16) {
    std::set<std::string> all;
    for (int i = 0; i < answers; ++i) {
        for (const std::string& address : daemon.ask_a(service)) all.insert(address);
    }
    return all;
}

/// How often each comes first in so many answers; those without addresses count for "".
inline std::map<std::string, int> firsts(const DaemonUnderTest& daemon, const std::string& service, int answers) {
    std::map<std::string, int> out;
    for (int i = 0; i < answers; ++i) {
        const std::vector<std::string> answer = daemon.ask_a(service);
        ++out[answer.empty() ? "" : answer.front()];
    }
    return out;
}

/// The last numbers of addresses, as figures are printed: "11 12 13".
inline std::string last_numbers(const std::set<std::string>& addresses) {
    std::set<int> numbers;
    for (const std::string& address : addresses) numbers.insert(std::stoi(address.substr(address.rfind('.') + 1)));
    std::string out;
    for (const int number : numbers) out += (out.empty() ? "" : " ") + std::to_string(number);
    return out;
}

}  // namespace taskdns::testing_support
