// Does an upstream server bring our own questions back to us? Layer: forward.
#include "forward/loop_probes.hpp"

#include <algorithm>
#include <string_view>

#include "upstream/exchange.hpp"

namespace taskdns::forward {
namespace {

constexpr std::string_view suffix("\x0aloop-probe\x07taskdns\x08internal\x00", 29);

}  // namespace

dns::Bytes LoopProbes::begin(std::size_t server) {
    static_assert(1 + digits + suffix.size() == name_size);
    constexpr std::string_view hex = "0123456789abcdef";
    Probe& probe = probes_[server];
    probe.seen = false;
    for (std::size_t i = 0; i < digits; i += 4) {
        const std::uint16_t random = upstream::random_id();
        for (std::size_t digit = 0; digit < 4; ++digit) {
            probe.secret[i + digit] = static_cast<std::uint8_t>(hex[random >> (4 * digit) & 0xF]);
        }
    }
    dns::Bytes name(name_size);
    name[0] = digits;
    std::copy(probe.secret.begin(), probe.secret.end(), name.begin() + 1);
    std::copy(suffix.begin(), suffix.end(), name.end() - suffix.size());
    return name;
}

bool LoopProbes::end(std::size_t server) {
    Probe& probe = probes_[server];
    const bool news = probe.loops && !probe.seen;
    probe.loops = probe.loops && probe.seen;
    return news;
}

bool LoopProbes::came_back(std::size_t server) {
    Probe& probe = probes_[server];
    probe.seen = true;
    const bool news = !probe.loops;
    probe.loops = true;
    return news;
}

std::optional<std::size_t> LoopProbes::find_among(std::span<const std::uint8_t> name) const {
    if (!std::equal(suffix.begin(), suffix.end(), name.begin() + 1 + digits,
                    [](char a, std::uint8_t b) { return static_cast<std::uint8_t>(a) == b; })) {
        return std::nullopt;
    }
    const auto secret = name.subspan(1, digits);
    const auto found = std::find_if(probes_.begin(), probes_.end(), [&](const Probe& probe) {
        return std::equal(secret.begin(), secret.end(), probe.secret.begin());
    });
    if (found == probes_.end()) return std::nullopt;
    return static_cast<std::size_t>(found - probes_.begin());
}

}  // namespace taskdns::forward
