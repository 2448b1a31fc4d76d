// The table of owner names. Layer: view. HOT PATH: find().
#include "view/view.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace taskdns::view {
namespace {

using Wire = std::span<const std::uint8_t>;

/// Eight octets at a time. The keys come from the configuration and lookups compare them whole, so a client that
/// finds collisions gains nothing: no secret seed is needed.
std::uint32_t hash_of(Wire wire) {
    constexpr std::uint64_t multiplier = 0x9E3779B97F4A7C15;  // 2^64 / golden ratio: spreads over the upper bits
    std::uint64_t hash = wire.size() * multiplier;
    const std::uint8_t* at = wire.data();
    std::size_t left = wire.size();
    for (; left >= 8; at += 8, left -= 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, at, 8);
        hash = (hash ^ word) * multiplier;
        hash ^= hash >> 32;
    }
    std::uint64_t word = 0;
    std::memcpy(&word, at, left);
    hash = (hash ^ word) * multiplier;
    return static_cast<std::uint32_t>(hash >> 32);
}

bool equal(Wire left, Wire right) {
    return left.size() == right.size() && std::memcmp(left.data(), right.data(), left.size()) == 0;
}

template <class Item, class Slot>
const Item* find_in(const std::vector<Item>& items, const std::vector<Slot>& slots, Wire wire) {
    const std::uint32_t hash = hash_of(wire);
    const std::size_t mask = slots.size() - 1;
    for (std::size_t at = hash & mask; slots[at].number != 0; at = (at + 1) & mask) {
        if (slots[at].hash != hash) continue;
        const Item& item = items[slots[at].number - 1];
        if (equal(item.name.wire(), wire)) return &item;
    }
    return nullptr;
}

template <class Item, class Slot>
void fill(const std::vector<Item>& items, std::vector<Slot>& slots) {
    slots.assign(std::bit_ceil(std::max<std::size_t>(items.size(), 1) * 2), Slot{});
    const std::size_t mask = slots.size() - 1;
    for (std::size_t i = 0; i < items.size(); ++i) {
        if (find_in(items, slots, items[i].name.wire()) != nullptr) continue;
        const std::uint32_t hash = hash_of(items[i].name.wire());
        std::size_t at = hash & mask;
        while (slots[at].number != 0) at = (at + 1) & mask;
        slots[at] = {hash, static_cast<std::uint32_t>(i + 1)};
    }
}

dns::Name target_parent(dns::Name name) {
    while (name.first_label().starts_with('_')) name = name.parent();
    return name;
}

std::vector<TargetParent> target_parents(const std::vector<OwnerName>& names) {
    std::vector<TargetParent> parents;
    parents.reserve(names.size());
    for (const OwnerName& owner : names) parents.push_back({target_parent(owner.name), {owner.service}});
    std::stable_sort(parents.begin(), parents.end(),
                     [](const TargetParent& left, const TargetParent& right) { return left.name < right.name; });
    std::vector<TargetParent> merged;
    for (TargetParent& parent : parents) {
        if (merged.empty() || merged.back().name != parent.name) {
            merged.push_back(std::move(parent));
            continue;
        }
        std::vector<std::uint32_t>& services = merged.back().services;
        const std::uint32_t service = parent.services.front();
        if (std::find(services.begin(), services.end(), service) == services.end()) services.push_back(service);
    }
    return merged;
}

}  // namespace

NameTable::NameTable(std::vector<OwnerName> names) : names_(std::move(names)), parents_(target_parents(names_)) {
    fill(names_, name_slots_);
    fill(parents_, parent_slots_);
}

const OwnerName* NameTable::find(Wire wire) const { return find_in(names_, name_slots_, wire); }

const TargetParent* NameTable::find_target_parent(Wire wire) const { return find_in(parents_, parent_slots_, wire); }

}  // namespace taskdns::view
