// Queries in wire form, and the check of answers. Part of bench_load.
#include "bench/load_questions.hpp"

#include <cstring>
#include <fstream>
#include <stdexcept>
#include <string_view>

namespace taskdns::bench {
namespace {

std::vector<std::uint8_t> build_query(std::string_view name, bool edns) {
    std::vector<std::uint8_t> query{0, 0, 0x01, 0, 0, 1, 0, 0, 0, 0, 0, static_cast<std::uint8_t>(edns ? 1 : 0)};
    while (!name.empty()) {
        const std::string_view label = name.substr(0, name.find('.'));
        if (label.empty() || label.size() > 63) throw std::runtime_error("a name in the list is not a domain name");
        query.push_back(static_cast<std::uint8_t>(label.size()));
        query.insert(query.end(), label.begin(), label.end());
        name.remove_prefix(std::min(name.size(), label.size() + 1));
    }
    constexpr std::uint8_t root_a_in[] = {0, 0, 1, 0, 1};
    query.insert(query.end(), std::begin(root_a_in), std::end(root_a_in));
    constexpr std::uint8_t opt[] = {0, 0, 41, 0x04, 0xD0, 0, 0, 0, 0, 0, 0};  // payload size 1232
    if (edns) query.insert(query.end(), std::begin(opt), std::end(opt));
    if (query.size() > longest_query) throw std::runtime_error("a name in the list is too long");
    return query;
}

}  // namespace

Questions::Questions(const std::string& names_file, bool random, bool edns) : random_(random) {
    std::ifstream file(names_file);
    for (std::string name; std::getline(file, name);) {
        if (!name.empty()) queries_.push_back(build_query(name, edns));
    }
    if (queries_.empty()) throw std::runtime_error("no names in '" + names_file + "'");
}

std::size_t Questions::write_next(std::uint8_t* to, std::uint16_t id) {
    const std::vector<std::uint8_t>& query = queries_[next_];
    if (random_) {
        next_ = generator_() % queries_.size();
    } else if (++next_ == queries_.size()) {
        next_ = 0;
    }
    std::memcpy(to, query.data(), query.size());
    to[0] = static_cast<std::uint8_t>(id >> 8);
    to[1] = static_cast<std::uint8_t>(id);
    return query.size();
}

bool is_right(std::span<const std::uint8_t> answer, unsigned records) {
    constexpr std::size_t header_size = 12;
    constexpr std::size_t smallest_a_record = 16;
    if (answer.size() < header_size + records * smallest_a_record) return false;
    constexpr unsigned qr = 0x80;
    constexpr unsigned tc = 0x02;
    const unsigned count = static_cast<unsigned>(answer[6] << 8 | answer[7]);
    return (answer[2] & qr) != 0 && (answer[2] & tc) == 0 && (answer[3] & 0xF) == 0 && count >= records;
}

}  // namespace taskdns::bench
