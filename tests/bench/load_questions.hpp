// What is asked, and what counts as an answer. Part of bench_load.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace taskdns::bench {

/// Header, longest name, type and class, OPT.
inline constexpr std::size_t longest_query = 12 + 255 + 4 + 11;

/// Queries for the A records of a list of names, in wire form beforehand.
class Questions {
public:
    /// One name per line. `random`: in random order with repetition, else one after the other. Throws.
    Questions(const std::string& names_file, bool random, bool edns);

    /// Writes the next query to `to` (longest_query octets) and returns its length.
    std::size_t write_next(std::uint8_t* to, std::uint16_t id);

private:
    std::vector<std::vector<std::uint8_t>> queries_;
    bool random_;
    std::size_t next_ = 0;
    std::minstd_rand generator_;  // seeded alike in each run: all servers are asked the same
};

/// The ID of a message of at least two octets.
inline std::uint16_t id_of(const std::uint8_t* message) {
    return static_cast<std::uint16_t>(message[0] << 8 | message[1]);
}

/// A response of rcode 0, not truncated, with at least `records` answer records.
bool is_right(std::span<const std::uint8_t> answer, unsigned records);

}  // namespace taskdns::bench
