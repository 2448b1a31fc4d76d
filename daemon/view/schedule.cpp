// The order in which endpoints come first, and behind each the backups. Layer: view.
//
// A slot's backups come from rings: records that may stand behind the same firsts, in rotation order. Records of
// one tier and one pair of sort keys make a ring, so there are few, however many records there are; whether a ring
// may stand behind a first is one comparison. The first's own ring comes before the others of its tier: whoever
// fails, its load falls on its neighbours in the rotation, each on its own.
#include "view/schedule.hpp"

#include <algorithm>
#include <map>
#include <random>
#include <tuple>

#include "view/turn_counts.hpp"
#include "view/view.hpp"

namespace taskdns::view {
namespace {

constexpr std::size_t most_slots = 4096;
constexpr std::size_t most_numbers = std::size_t{64} * 1024;  // in one schedule: 128 KiB
constexpr std::size_t random_slots = 256;                     // so many at least, or a random order would be none

struct Ring {
    SortKeys keys;
    std::vector<std::uint16_t> numbers;
    std::size_t next = 0;  ///< where the next slot of another ring's first begins
};

/// Where a record stands in its ring.
struct Place {
    std::size_t ring = 0;
    std::size_t at = 0;
    std::size_t turns_taken = 0;
};

class Backups {
public:
    Backups(const std::vector<Turn>& turns, bool fair, bool all_first) : places_(turns.size()) {
        using Key = std::tuple<unsigned, std::uint32_t, std::uint32_t>;
        std::map<Key, std::vector<std::uint16_t>> rings;
        std::vector<Key> keys;
        keys.reserve(turns.size());
        for (std::size_t i = 0; i < turns.size(); ++i) {
            const SortKeys sort = fair ? sort_keys(turns[i].destination) : SortKeys{};
            const unsigned tier = all_first || turns[i].first ? 0 : std::max(turns[i].tier, 1U);
            keys.emplace_back(tier, ~sort.musl, ~sort.glibc);  // those that a sort prefers come first
            rings[keys.back()].push_back(static_cast<std::uint16_t>(i));
        }
        for (auto& [key, numbers] : rings) {
            for (std::size_t at = 0; at < numbers.size(); ++at) places_[numbers[at]] = {rings_.size(), at, 0};
            rings_.push_back({{~std::get<2>(key), ~std::get<1>(key)}, std::move(numbers), 0});
        }
    }

    /// Fills `slot` behind its first: in rotation order, begun elsewhere each time that the same one is first.
    void fill(std::span<std::uint16_t> slot) {
        Place& place = places_[slot.front()];
        const SortKeys first_keys = rings_[place.ring].keys;
        std::size_t filled = 1;
        for (std::size_t i = 0; i < rings_.size() && filled < slot.size(); ++i) {
            Ring& ring = rings_[i];
            if (!first_keys.hold_back(ring.keys)) continue;
            const std::size_t size = ring.numbers.size();
            const bool own = i == place.ring;
            const std::size_t others = own ? size - 1 : size;
            if (others == 0) continue;
            const std::size_t begin = own ? place.at + 1 : 0;  // behind the first, in its own ring
            std::size_t other = (own ? place.turns_taken++ : ring.next++) % others;
            for (std::size_t k = 0; k < others && filled < slot.size(); ++k) {
                const std::size_t at = begin + other;
                slot[filled++] = ring.numbers[at < size ? at : at - size];
                if (++other == others) other = 0;
            }
        }
    }

    /// The same in random order.
    void fill(std::span<std::uint16_t> slot, std::mt19937& random) {
        const SortKeys first_keys = rings_[places_[slot.front()].ring].keys;
        std::size_t filled = 1;
        for (Ring& ring : rings_) {
            if (!first_keys.hold_back(ring.keys)) continue;
            std::vector<std::uint16_t>& numbers = ring.numbers;
            for (std::size_t k = 0; k < numbers.size() && filled < slot.size(); ++k) {
                std::uniform_int_distribution<std::size_t> draw(k, numbers.size() - 1);
                std::swap(numbers[k], numbers[draw(random)]);
                if (numbers[k] != slot.front()) slot[filled++] = numbers[k];
            }
        }
    }

private:
    std::vector<Ring> rings_;
    std::vector<Place> places_;
};

/// The slots' firsts in round robin.
std::vector<std::uint16_t> order_firsts(const std::vector<Turn>& turns, bool all_first, std::size_t most) {
    std::vector<double> weights;
    std::vector<std::uint16_t> numbers;
    for (std::size_t i = 0; i < turns.size(); ++i) {
        if (!all_first && !turns[i].first) continue;
        weights.push_back(turns[i].weight);
        numbers.push_back(static_cast<std::uint16_t>(i));
    }
    std::vector<std::uint16_t> firsts = spread_turns(count_turns(weights, most));
    for (std::uint16_t& first : firsts) first = numbers[first];
    return firsts;
}

/// Rounds of the same turns, each in an order of its own.
std::vector<std::uint16_t> shuffle_rounds(const std::vector<std::uint16_t>& round, std::size_t most,
                                          std::mt19937& random) {
    const std::size_t wanted = (random_slots + round.size() - 1) / round.size();
    const std::size_t rounds = std::max<std::size_t>(std::min(wanted, most / round.size()), 1);
    std::vector<std::uint16_t> out;
    out.reserve(rounds * round.size());
    for (std::size_t i = 0; i < rounds; ++i) {
        out.insert(out.end(), round.begin(), round.end());
        std::shuffle(out.end() - static_cast<std::ptrdiff_t>(round.size()), out.end(), random);
    }
    return out;
}

}  // namespace

Slots build_schedule(const std::vector<Turn>& turns, const config::Answer& answer, std::uint32_t seed) {
    Slots out;
    const std::size_t width = std::min<std::size_t>(turns.size(), std::max(answer.size, 1U));
    if (width == 0) return out;
    const bool all_first = std::ranges::none_of(turns, &Turn::first);
    const std::size_t most = std::min(most_slots, std::max<std::size_t>(most_numbers / width, 1));
    std::vector<std::uint16_t> firsts = order_firsts(turns, all_first, most);
    Backups backups(turns, answer.fair, all_first);
    std::mt19937 random(seed);
    const bool shuffled = answer.order == config::Order::random;
    if (shuffled) firsts = shuffle_rounds(firsts, most, random);

    out.width = static_cast<std::uint16_t>(width);
    out.numbers.assign(firsts.size() * width, PreparedRrset::no_record);
    for (std::size_t i = 0; i < firsts.size(); ++i) {
        const std::span<std::uint16_t> slot(out.numbers.data() + i * width, width);
        slot.front() = firsts[i];
        if (shuffled) {
            backups.fill(slot, random);
        } else {
            backups.fill(slot);
        }
    }
    return out;
}

}  // namespace taskdns::view
