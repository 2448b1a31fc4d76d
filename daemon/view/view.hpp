// The view: everything that the DNS path answers from. Immutable once published.
// Layer: view (may include base, dns). HOT PATH: read per query, without lock or allocation.
//
// discovery -> membership -> health -> [view] -> dns_server, http_server
//
// Rotation, health, and later weights, zones and the like only change the *schedule*: the DNS path knows no policy.
// It finds an owner name, takes the schedule's next slot, and copies that slot's records, which are in wire form
// already.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/ip_address.hpp"
#include "base/time.hpp"
#include "dns/name.hpp"
#include "view/cursors.hpp"
#include "view/demand.hpp"

namespace taskdns::view {

/// Octet strings, one behind the other: two allocations for all of them.
class OctetStrings {
public:
    std::size_t size() const { return ends_.size(); }
    std::span<const std::uint8_t> operator[](std::size_t number) const {
        const std::size_t begin = number == 0 ? 0 : ends_[number - 1];
        return {octets_.data() + begin, ends_[number] - begin};
    }
    void push_back(std::span<const std::uint8_t> octets) {
        octets_.insert(octets_.end(), octets.begin(), octets.end());
        ends_.push_back(static_cast<std::uint32_t>(octets_.size()));
    }
    void shrink_to_fit() {
        octets_.shrink_to_fit();
        ends_.shrink_to_fit();
    }

private:
    std::vector<std::uint8_t> octets_;
    std::vector<std::uint32_t> ends_;
};

/// The records of one type in wire form and the order in which they come first.
struct PreparedRrset {
    /// `stride` octets each. A, AAAA: a whole record whose owner is the pointer 0xC00C to the question's name.
    /// SRV: variable, see `offsets`.
    std::vector<std::uint8_t> wire;
    /// A, AAAA: 16 or 28. SRV: 0; record i is wire[offsets[i], offsets[i+1]): TYPE to RDATA, target uncompressed.
    std::uint16_t stride = 0;
    std::vector<std::uint32_t> offsets;
    /// SRV only: record i's address record from TYPE to RDATA (14 or 26 octets) at i in this array, for the
    /// additional section, and where in the SRV record its target begins is fixed (16 octets after TYPE).
    OctetStrings addresses;

    /// Slots of `width` record numbers: the first is the slot's first choice, the rest its backups, padded at the end
    /// with `no_record`. Whoever answers takes slot (cursor % slots).
    std::vector<std::uint16_t> schedule;
    std::uint16_t width = 0;

    static constexpr std::uint16_t no_record = 0xFFFF;

    bool empty() const { return schedule.empty(); }
    std::size_t slots() const { return width == 0 ? 0 : schedule.size() / width; }
    std::span<const std::uint16_t> slot(std::uint64_t cursor) const {
        return {schedule.data() + (cursor % slots()) * width, width};
    }
    std::span<const std::uint8_t> record(std::uint16_t number) const {
        if (stride != 0) return {wire.data() + std::size_t{number} * stride, stride};
        return {wire.data() + offsets[number], offsets[number + 1] - offsets[number]};
    }
};

/// What a query for any name of a service gets.
enum class Readiness : std::uint8_t {
    not_polled,   ///< hold the query for the first answer
    serving,      ///< at least one family has an endpoint
    no_endpoint,  ///< polled, nothing to serve: SERVFAIL, EDE 0
    no_upstream   ///< the upstream has never answered: SERVFAIL, EDE 22
};

/// One service, prepared. A change of a service replaces only its own ServiceView.
struct ServiceView {
    Readiness readiness = Readiness::not_polled;
    bool stale = false;
    PreparedRrset a;
    PreparedRrset aaaa;
    PreparedRrset srv;
    /// Addresses that `ip-10-0-1-10.<service>` answers to: members, and members of the last 60 s. Sorted.
    std::vector<IpAddress> targets;
    /// The negative answers' SOA record from TYPE to RDATA, names uncompressed; its owner is the queried apex.
    std::vector<std::uint8_t> soa;
    /// SRV owner labels that begin with an underscore are left out of targets: how many octets of the service's
    /// name to skip to reach the targets' parent.
    std::uint8_t target_parent_offset = 0;
    std::uint32_t answer_ttl = 1;  ///< seconds
};

/// Where an owner name leads. Names of services and of their aliases are apexes of their own.
struct OwnerName {
    dns::Name name;
    std::uint32_t service = 0;  ///< index into View::services
    std::uint32_t cursor = 0;   ///< of this owner name's A rotation; AAAA is the next, SRV the one after
};

/// The name under which targets such as ip-10-0-1-10 lie: an owner name without its leading underscore labels.
/// Several services may share one (_http._tcp.x.local, _grpc._tcp.x.local, x.local).
struct TargetParent {
    dns::Name name;
    std::vector<std::uint32_t> services;  ///< indices into View::services, without repetition
};

/// The owner names of a configuration: made once per configuration and shared by all its views.
class NameTable {
public:
    static constexpr std::uint32_t cursors_per_name = 3;

    /// The target parents follow from `names`: nobody has to state them. Of two equal names the first counts.
    explicit NameTable(std::vector<OwnerName> names);

    /// `wire`: lower-cased uncompressed wire form, root octet included. Null if it is not ours. HOT PATH.
    const OwnerName* find(std::span<const std::uint8_t> wire) const;
    /// The same for what is left of a target's name after its first label. It need not be an owner name itself.
    const TargetParent* find_target_parent(std::span<const std::uint8_t> wire) const;
    const std::vector<OwnerName>& names() const { return names_; }
    /// How many there are of all its names.
    std::size_t cursors() const { return names_.size() * cursors_per_name; }

private:
    /// Open addressing with linear probing, a power of two of slots, at most half of them taken.
    struct Slot {
        std::uint32_t hash = 0;
        std::uint32_t number = 0;  ///< index + 1, 0 is free
    };

    std::vector<OwnerName> names_;
    std::vector<TargetParent> parents_;
    std::vector<Slot> name_slots_;
    std::vector<Slot> parent_slots_;
};

struct View {
    std::uint64_t index = 0;  ///< grows by one with each publication
    std::shared_ptr<const NameTable> names;
    std::vector<std::shared_ptr<const ServiceView>> services;
    // What answering leaves behind. It stays the same from view to view, until another configuration has other names.
    std::shared_ptr<Cursors> cursors;  ///< of the rotations of `names`
    std::shared_ptr<Demand> demand;    ///< told of every question for a service; null: nobody wants to know
};

}  // namespace taskdns::view
