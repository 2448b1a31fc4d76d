// Does an upstream server bring our own questions back to us? Each is asked for a name that only this process knows.
// Layer: forward (may include base, dns, upstream). Pure, but for getrandom. Threads: the dns thread.
//
// The name is not below `invalid.`, since unbound and systemd-resolved answer for that themselves (RFC 6761 section
// 6.4), and a loop through them would stay unseen. `internal.` belongs to nobody (ICANN, 2024), and they ask for it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "dns/message.hpp"

namespace taskdns::forward {

class LoopProbes {
public:
    explicit LoopProbes(std::size_t servers) : probes_(servers) {}

    /// A new name for this server, in wire form; the one before counts no more.
    dns::Bytes begin(std::size_t server);
    /// The answer has come, or will not: whether the state has changed, as the name did not come back to us.
    bool end(std::size_t server);

    /// The last name counts no more, and there is no new one.
    void forget(std::size_t server) { static_cast<void>(begin(server)); }

    /// HOT PATH. The server that was asked for `name`, lower-cased wire form, if it is one of ours.
    std::optional<std::size_t> find(std::span<const std::uint8_t> name) const {
        if (name.size() != name_size) return std::nullopt;
        return find_among(name);
    }
    /// The name that was sent to `server` has come to us; true if that is news.
    bool came_back(std::size_t server);
    bool loops(std::size_t server) const { return probes_[server].loops; }

private:
    static constexpr std::size_t digits = 32;
    static constexpr std::size_t name_size = 62;

    struct Probe {
        std::array<std::uint8_t, digits> secret{};
        bool seen = false;  // since begin()
        bool loops = false;
    };
    std::optional<std::size_t> find_among(std::span<const std::uint8_t> name) const;

    std::vector<Probe> probes_;
};

}  // namespace taskdns::forward
