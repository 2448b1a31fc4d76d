// The queries outstanding on one socket. Part of bench_load.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace taskdns::bench {

/// A query's ID holds its place in the lower octet, and in the upper one how often that place was taken: a late
/// answer to a query that was given up is not taken for the next one's.
class Window {
public:
    explicit Window(unsigned size) {
        for (unsigned place = 0; place < size; ++place) free_.push_back(static_cast<std::uint8_t>(place));
        size_ = size;
    }

    bool has_room() const { return !free_.empty(); }
    unsigned outstanding() const { return size_ - static_cast<unsigned>(free_.size()); }

    /// The next query's ID. Only while there is room.
    std::uint16_t take() {
        const std::uint8_t number = free_.back();
        free_.pop_back();
        Place& place = places_[number];
        place.outstanding = true;
        ++place.turn;
        return static_cast<std::uint16_t>(place.turn << 8 | number);
    }

    /// False: no query with this ID is outstanding.
    bool release(std::uint16_t id) {
        const auto number = static_cast<std::uint8_t>(id);
        Place& place = places_[number];
        if (!place.outstanding || place.turn != id >> 8) return false;
        place.outstanding = false;
        free_.push_back(number);
        return true;
    }

    /// Gives up every query that is outstanding.
    void release_all() {
        for (unsigned number = 0; number < size_; ++number) {
            if (places_[number].outstanding) release(static_cast<std::uint16_t>(places_[number].turn << 8 | number));
        }
    }

private:
    struct Place {
        std::uint8_t turn = 0;
        bool outstanding = false;
    };

    std::array<Place, 256> places_{};
    std::vector<std::uint8_t> free_;
    unsigned size_ = 0;
};

}  // namespace taskdns::bench
