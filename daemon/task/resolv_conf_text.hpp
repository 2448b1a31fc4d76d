// The text of a resolv.conf that taskdns manages, out of the one that was there, and back (docs/resolv-conf.md).
// Layer: task (may include base). Pure.
//
// A managed text is the original, of which only the first octet of each `nameserver` line is another (# for n), and a
// part of ours behind it. So what is done to a file is an append and single octets, or single octets and a cut: a
// reader sees the name servers of before or those of after, and all other lines always, wherever it reads meanwhile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.hpp"
#include "base/result.hpp"

namespace taskdns::task {

inline constexpr std::size_t longest_resolv_conf = 64 * 1024;  // a real one has a few lines

/// The `nameserver` lines' addresses in order, port 53. Lines that are not understood are passed over, as libc does.
std::vector<SocketAddress> parse_name_servers(std::string_view resolv_conf);

/// Without their ports.
std::vector<IpAddress> addresses_of(const std::vector<SocketAddress>& servers);

/// Whether `options rotate` is set: then libc asks all name servers in turn, not only the first.
bool has_rotate(std::string_view resolv_conf);

/// What is in a text that taskdns manages.
struct ManagedText {
    std::size_t begin = 0;  ///< of our part
    std::size_t end = 0;
    std::string original;  ///< what was there before taskdns, and what others have changed or added meanwhile
    bool edited = false;   ///< they have: it is not octet for octet what was there
};

/// Null if nobody manages the text. What others change above our part, in it or behind it stays; where its figures do
/// not fit to what is above it any more, each line that begins with #ameserver named a server.
std::optional<ManagedText> find_managed(std::string_view text);

/// The managed text, of which `servers` are the name servers. It saves find_managed()'s original; a text that names
/// `servers` already does not change at all. Error: too many lines name servers.
Result<std::string> manage_text(std::string_view text, const std::vector<IpAddress>& servers);

/// The original; a text that is not managed does not change.
std::string restore_text(std::string_view text);

/// The name servers of the original; of an unmanaged text, its own.
std::vector<SocketAddress> original_name_servers(std::string_view text);

/// How a managed text comes to its name servers.
struct Naming {
    IpAddress own;                        ///< our listener, as a local process reaches it
    bool fallback = false;                ///< the original's follow
    std::vector<SocketAddress> never;     ///< all that we hear on: none of them is a fallback
    std::vector<SocketAddress> upstream;  ///< the fallback of an original that names only ourselves
    bool enough_if_first = false;         ///< a text that names us first stays as it is: somebody else manages it

    bool operator==(const Naming&) const = default;
};

/// Ours, then at most two more: glibc and musl read three.
std::vector<IpAddress> choose_servers(std::string_view text, const Naming& naming);

}  // namespace taskdns::task
