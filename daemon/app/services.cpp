// The configured services in their places. Layer: app.
#include "app/services.hpp"

#include <algorithm>
#include <random>

#include "view/build_view.hpp"

namespace taskdns::app {

std::size_t Services::add(std::unique_ptr<ServicePlace> service) {
    const auto free = std::ranges::find_if(places_, [](const auto& place) { return place == nullptr; });
    if (free == places_.end()) {
        places_.push_back(std::move(service));
        return places_.size() - 1;
    }
    *free = std::move(service);
    return static_cast<std::size_t>(free - places_.begin());
}

void Services::remove(std::size_t place) {
    places_[place] = nullptr;
    if (place < demand_places_) demand_->forget(static_cast<std::uint32_t>(place));
}

void Services::arrange(const std::vector<std::size_t>& order, std::span<const config::Service> configured) {
    order_ = order;
    auto names = view::build_name_table(configured, order);
    renew_cursors(*names);
    names_ = std::move(names);
    renew_demand();
}

/// Those of new names begin somewhere else each: tasks that start together must not all begin with the same endpoint.
void Services::renew_cursors(const view::NameTable& names) {
    auto cursors = std::make_shared<view::Cursors>(names.cursors());
    std::random_device random;
    for (const view::OwnerName& owner : names.names()) {
        const view::OwnerName* const before = names_ ? names_->find(owner.name.wire()) : nullptr;
        for (std::uint32_t type = 0; type < view::NameTable::cursors_per_name; ++type) {
            if (before != nullptr) {
                cursors->go_on(owner.cursor + type, *cursors_, before->cursor + type);
            } else {
                cursors->begin_at(owner.cursor + type, random());
            }
        }
    }
    cursors_ = std::move(cursors);
}

/// Another one only where there are more places than before. Whoever is idle is so there too, from the first
/// question on that finds it.
void Services::renew_demand() {
    const TimePoint now = Clock::now();
    if (demand_places_ >= places_.size() && demand_) return;
    auto demand = std::make_shared<view::Demand>(places_.size(), on_return_);
    for (std::uint32_t place = 0; place < demand_places_; ++place) {
        if (!places_[place]) continue;
        if (demand_->take(place)) places_[place]->last_asked = now;
        if (places_[place]->idle) demand->become_idle(place);
    }
    demand_ = std::move(demand);
    demand_places_ = places_.size();
}

std::optional<std::size_t> Services::find_place(std::string_view name) const {
    const auto parsed = dns::Name::parse(name);
    if (!parsed) return std::nullopt;
    return find_place(*parsed);
}

std::optional<std::size_t> Services::find_place(const dns::Name& name) const {
    const view::OwnerName* owner = names_->find(name.wire());
    if (owner == nullptr || !places_[owner->service]) return std::nullopt;  // null: just removed
    return owner->service;
}

std::unique_ptr<const view::View> Services::make_view(std::uint64_t index) const {
    static const auto nobody = std::make_shared<const view::ServiceView>();  // no name leads to it
    auto out = std::make_unique<view::View>();
    out->index = index;
    out->names = names_;
    out->services.reserve(places_.size());
    for (const auto& place : places_) out->services.push_back(place ? place->state.view() : nobody);
    out->cursors = cursors_;
    out->demand = demand_;
    return out;
}

Services::Rotation Services::rotation(std::size_t place) const {
    Rotation out;
    const view::ServiceView& view = *places_[place]->state.view();
    const view::OwnerName& own = *names_->find(places_[place]->state.service().name.wire());
    std::uint32_t type = 0;
    for (const view::PreparedRrset* rrset : {&view.a, &view.aaaa, &view.srv}) {
        if (out.rrset == nullptr && !rrset->empty()) {
            out.rrset = rrset;
            out.next = cursors_->next(own.cursor + type);
        }
        ++type;
    }
    const auto count = [&](const dns::Name& name) {
        const view::OwnerName* const owner = names_->find(name.wire());
        if (owner == nullptr || owner->service != place) return;
        for (std::uint32_t i = 0; i < view::NameTable::cursors_per_name; ++i)
            out.answers += cursors_->taken(owner->cursor + i);
    };
    count(own.name);
    for (const dns::Name& alias : places_[place]->state.service().aliases) count(alias);
    return out;
}

}  // namespace taskdns::app
