// Mutations of netlink messages that keep them such: see mutate.hpp.
#include <linux/netlink.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "fuzz/mutate.hpp"

namespace taskdns::fuzz {
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t message_header = sizeof(nlmsghdr);
constexpr std::size_t socket_header = 72;  // inet_diag_msg

template <class Number>
Number read(const Bytes& octets, std::size_t at) {
    Number number{};
    if (at + sizeof number <= octets.size()) std::memcpy(&number, &octets[at], sizeof number);
    return number;
}

template <class Number>
void write(Bytes& octets, std::size_t at, Number number) {
    if (at + sizeof number <= octets.size()) std::memcpy(&octets[at], &number, sizeof number);
}

std::size_t aligned(std::size_t length) { return (length + 3) & ~std::size_t{3}; }

/// Where the messages begin.
std::vector<std::size_t> messages(const Bytes& octets) {
    std::vector<std::size_t> out;
    for (std::size_t at = 0; at + message_header <= octets.size();) {
        out.push_back(at);
        const auto length = read<std::uint32_t>(octets, at);
        if (length < message_header) break;
        at += aligned(length);
    }
    return out;
}

/// Where the attributes of the message at `begin` begin.
std::vector<std::size_t> attributes(const Bytes& octets, std::size_t begin) {
    std::vector<std::size_t> out;
    const std::size_t end = std::min<std::size_t>(octets.size(), begin + read<std::uint32_t>(octets, begin));
    for (std::size_t at = begin + message_header + socket_header; at + 4 <= end;) {
        out.push_back(at);
        const auto length = read<std::uint16_t>(octets, at);
        if (length < 4) break;
        at += aligned(length);
    }
    return out;
}

void change_attribute(Bytes& octets, std::size_t begin, Dice& dice) {
    static constexpr std::array<std::uint16_t, 8> lengths{0, 3, 4, 5, 148, 149, 232, 0xFFFF};
    static constexpr std::array<std::uint16_t, 6> types{2, 10, 1, 0x8002, 0x4002, 0};
    const auto all = attributes(octets, begin);
    if (all.empty()) return;
    const std::size_t at = dice.pick(all);
    const auto length = read<std::uint16_t>(octets, at);
    switch (dice.below(5)) {
        case 0:
            write(octets, at, dice.pick(lengths));
            break;
        case 1:
            write(octets, at + 2, dice.pick(types));
            break;
        case 2:
            write(octets, at, static_cast<std::uint16_t>(length + dice.below(9) - 4));
            break;
        case 3: {  // a second one of the same kind
            const std::size_t end = std::min(at + aligned(length), octets.size());
            const Bytes copy(octets.begin() + static_cast<std::ptrdiff_t>(at),
                             octets.begin() + static_cast<std::ptrdiff_t>(end));
            octets.insert(octets.begin() + static_cast<std::ptrdiff_t>(end), copy.begin(), copy.end());
            write(octets, begin, static_cast<std::uint32_t>(read<std::uint32_t>(octets, begin) + copy.size()));
            break;
        }
        default:  // a value in tcp_info
            write(octets, at + 4 + 4 * dice.below(60),
                  static_cast<std::uint32_t>(dice.one_in(3) ? 0xFFFFFFFF : dice.below(3)));
    }
}

void change_message(Bytes& octets, std::size_t begin, Dice& dice) {
    static constexpr std::array<std::uint16_t, 8> types{20, 21, NLMSG_ERROR, NLMSG_DONE, NLMSG_NOOP, 0, 18, 0xFFFF};
    static constexpr std::array<std::int32_t, 7> errors{0, -2, -22, 22, -4'095, -4'096, -2'147'483'647};
    static constexpr std::array<std::uint32_t, 6> lengths{0, 15, 16, 20, 88, 0xFFFFFFFF};
    const auto length = read<std::uint32_t>(octets, begin);
    switch (dice.below(7)) {
        case 0:
            write(octets, begin,
                  dice.one_in(2) ? dice.pick(lengths) : static_cast<std::uint32_t>(length + dice.below(9) - 4));
            break;
        case 1:
            write(octets, begin + 4, dice.pick(types));
            break;
        case 2:
            write(octets, begin + 6, static_cast<std::uint16_t>(dice.one_in(2) ? NLM_F_DUMP_INTR : dice.below(64)));
            break;
        case 3:
            write(octets, begin + message_header, dice.pick(errors));
            break;
        case 4: {  // family and state
            write(octets, begin + message_header, static_cast<std::uint8_t>(dice.one_in(2) ? 2 : 10));
            write(octets, begin + message_header + 1, static_cast<std::uint8_t>(dice.below(14)));
            break;
        }
        case 5: {  // once more
            const std::size_t end = std::min(begin + aligned(length), octets.size());
            if (end <= begin) break;
            const Bytes copy(octets.begin() + static_cast<std::ptrdiff_t>(begin),
                             octets.begin() + static_cast<std::ptrdiff_t>(end));
            octets.insert(octets.end(), copy.begin(), copy.end());
            break;
        }
        default:
            octets.resize(begin + dice.below(octets.size() - begin + 1));
    }
}

}  // namespace

std::size_t mutate_netlink(Draft draft) {
    Dice dice(draft.seed);
    if (draft.size > 0 && dice.one_in(4)) return draft.blindly();
    Bytes octets(draft.data, draft.data + draft.size);
    for (std::size_t times = 1 + dice.below(3); times > 0; --times) {
        const auto all = messages(octets);
        if (all.empty()) return draft.blindly();
        const std::size_t begin = dice.pick(all);
        if (dice.one_in(2)) {
            change_attribute(octets, begin, dice);
        } else {
            change_message(octets, begin, dice);
        }
    }
    return draft.become(std::span<const std::uint8_t>(octets));
}

}  // namespace taskdns::fuzz
