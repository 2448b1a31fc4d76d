// The configured services, each in a place of its own, and what all their views share: names, cursors, demand.
// Layer: app (may include all). Threads: the control thread.
//
// A place is the index by which every stage knows a service (health::ServiceIndex, view::View::services) for as long
// as it is configured: a reload moves nobody. Places that become free are given to the next new service.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <vector>

#include "app/service_state.hpp"
#include "base/task_group.hpp"
#include "config/config.hpp"
#include "discovery/source.hpp"
#include "view/cursors.hpp"
#include "view/demand.hpp"
#include "view/view.hpp"

namespace taskdns::app {

/// One service and what the control plane keeps beside it.
struct ServicePlace {
    ServiceState state;
    std::shared_ptr<discovery::Source> source;  ///< shared with its poll, which may end later
    std::optional<TaskGroup::Id> poll;
    TimePoint last_asked;
    bool idle = false;                     ///< nobody has asked for it in the last minute
    std::set<SocketAddress> local_faults;  ///< whose checks cannot be made here
    // What is still to be done; each stays until it has been, memory or not.
    bool unsettled = false;        ///< its members have changed: who is checked, whose addresses were taken
    bool to_be_set = false;        ///< whom the checker is to check
    bool changed = false;          ///< its answers may be others
    bool looks_different = false;  ///< who watches it is to be told
};

class Services {
public:
    using OnReturn = std::function<void(std::size_t place)>;

    /// `on_return`: the first question for a service that was idle; called by the thread that notes it.
    explicit Services(OnReturn on_return) : on_return_(std::move(on_return)) {}

    /// Puts it into a free place, and says which.
    std::size_t add(std::unique_ptr<ServicePlace> service);
    void remove(std::size_t place);
    /// The removed are in the order until arrange(); where that is not reached, they leave it by this.
    void forget_removed() {
        std::erase_if(order_, [this](std::size_t place) { return places_[place] == nullptr; });
    }
    void replace(std::size_t place, std::unique_ptr<ServicePlace> service) { places_[place] = std::move(service); }
    /// All are in their places: gives them this order, their names, and what goes with these. Who has been asked for
    /// is asked before, rotations go on where they stand.
    void arrange(const std::vector<std::size_t>& order, std::span<const config::Service> configured);

    /// Those that there are, in the order of the configuration.
    const std::vector<std::size_t>& order() const { return order_; }
    /// Null: free.
    ServicePlace* find(std::size_t place) const { return place < places_.size() ? places_[place].get() : nullptr; }
    ServicePlace& operator[](std::size_t place) const { return *places_[place]; }
    ServiceState& state(std::size_t place) const { return places_[place]->state; }
    /// By its name or an alias, in text: any case, with or without a trailing dot.
    std::optional<std::size_t> find_place(std::string_view name) const;
    std::optional<std::size_t> find_place(const dns::Name& name) const;

    std::unique_ptr<const view::View> make_view(std::uint64_t index) const;
    view::Demand& demand() const { return *demand_; }
    /// Of the service's own name, and of which type its rotation is.
    struct Rotation {
        const view::PreparedRrset* rrset = nullptr;  ///< null: nothing is served
        std::uint64_t next = 0;                      ///< slot
        std::uint64_t answers = 0;                   ///< given for any of its names, of any type
    };
    Rotation rotation(std::size_t place) const;

private:
    void renew_cursors(const view::NameTable& names);
    void renew_demand();

    OnReturn on_return_;
    std::vector<std::unique_ptr<ServicePlace>> places_;
    std::vector<std::size_t> order_;
    std::shared_ptr<const view::NameTable> names_;
    std::shared_ptr<view::Cursors> cursors_;
    std::shared_ptr<view::Demand> demand_;
    std::size_t demand_places_ = 0;
};

}  // namespace taskdns::app
