// Membership as stories under virtual time: what was observed when, and who is a member then, in short words.
#pragma once

#include <algorithm>
#include <ostream>
#include <string>
#include <vector>

#include "membership/registry.hpp"

namespace taskdns::membership::testing_story {

using namespace std::chrono_literals;
using discovery::Empty;
using discovery::Failed;
using discovery::Observation;
using discovery::Records;
using discovery::Rrset;
using discovery::Sighting;

inline const TimePoint start{100h};

/// 10.0.0.N or fd00::N, port 80.
inline SocketAddress v4(unsigned n) { return {*IpAddress::parse("10.0.0." + std::to_string(n)), 80}; }
inline SocketAddress v6(unsigned n) { return {*IpAddress::parse("fd00::" + std::to_string(n)), 80}; }

using Octets = std::vector<unsigned>;

/// first, first + 1, ..., last
inline Octets range(unsigned first, unsigned last) {
    Octets out;
    for (unsigned n = first; n <= last; ++n) out.push_back(n);
    return out;
}

struct How {
    bool fresh = true;
    bool answered = true;
    milliseconds ttl = 10s;
    bool exhaustive = false;
    bool failing = false;
    std::size_t unusable = 0;
};
inline constexpr How fresh{};
inline constexpr How reread{.fresh = false};                       ///< asked before the TTL had run out
inline constexpr How repeated{.fresh = false, .answered = false};  ///< not asked in this poll
inline constexpr How silent{
    .fresh = false, .answered = false, .failing = true};  ///< fails beside another that does not

inline Rrset a(const Octets& octets, How how = {}) {
    Rrset out{.type = dns::RrType::a,
              .sightings = {},
              .unusable = how.unusable,
              .fresh = how.fresh,
              .answered = how.answered,
              .failing = how.failing,
              .ttl = how.ttl,
              .exhaustive = how.exhaustive};
    for (const unsigned n : octets) out.sightings.push_back({.address = v4(n)});
    return out;
}
inline Rrset aaaa(const Octets& octets, How how = {}) {
    Rrset out = a({}, how);
    out.type = dns::RrType::aaaa;
    for (const unsigned n : octets) out.sightings.push_back({.address = v6(n)});
    return out;
}

inline Observation seen(const Octets& octets, How how = {}) { return Records{{a(octets, how)}, how.ttl}; }
inline Observation seen(Rrset first, Rrset second) { return Records{{std::move(first), std::move(second)}, 10s}; }

/// `1-8 present, 9 absent, v6 1 held_failed`: who is in which presence, in the order of the first of each.
inline std::string words(const std::vector<Member>& members) {
    std::vector<std::pair<std::string, Octets>> groups;
    for (const Member& member : members) {
        const std::string presence =
            std::string(member.address.address.is_v6() ? "v6 " : "") + "#" + to_string(member.presence);
        auto group = std::find_if(groups.begin(), groups.end(), [&](const auto& g) { return g.first == presence; });
        if (group == groups.end()) group = groups.insert(groups.end(), {presence, {}});
        group->second.push_back(member.address.address.bytes().back());
    }
    std::string out;
    for (auto& [presence, octets] : groups) {
        std::string numbers;
        for (std::size_t i = 0; i < octets.size(); ++i) {
            std::size_t last = i;
            while (last + 1 < octets.size() && octets[last + 1] == octets[last] + 1) ++last;
            numbers += (numbers.empty() ? "" : " ") + std::to_string(octets[i]);
            if (last > i) numbers += "-" + std::to_string(octets[last]);
            i = last;
        }
        if (!out.empty()) out += ", ";
        out += presence.substr(0, presence.find('#')) + numbers + " " + presence.substr(presence.find('#') + 1);
    }
    return out;
}

struct Step {
    milliseconds at;
    Observation observation;
};

struct Story {
    const char* name;
    config::Membership policy;
    std::vector<Step> steps;
    milliseconds until;  ///< expire() is called then
    const char* members;
    Basis basis;
    bool checked = true;
};
inline void PrintTo(const Story& story, std::ostream* out) { *out << story.name; }

inline Registry tell(const Story& story) {
    Registry registry(story.policy, {.min = 2s, .max = 30s}, story.checked);
    for (const Step& step : story.steps) registry.apply(step.observation, start + step.at);
    registry.expire(start + story.until);
    return registry;
}

/// `count` times the same from `first` on, one each 10 s.
inline std::vector<Step> same(unsigned count, const Observation& observation, milliseconds first) {
    std::vector<Step> out;
    for (unsigned i = 0; i < count; ++i) out.push_back({first + i * 10s, observation});
    return out;
}
inline std::vector<Step> operator+(std::vector<Step> left, const std::vector<Step>& right) {
    left.insert(left.end(), right.begin(), right.end());
    return left;
}

}  // namespace taskdns::membership::testing_story
