// The text of a resolv.conf that taskdns manages, out of the one that was there, and back (docs/resolv-conf.md).
// Layer: task (may include base). Pure.
//
// A managed text is the original, of which only the first octet of each `nameserver` line is another (# for n), and a
// part of ours behind it. So what is done to a file is an append and single octets, or single octets and a cut: a
// reader sees the name servers of before or those of after, and all other lines always, wherever it reads meanwhile.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.hpp"
#include "base/result.hpp"

namespace taskdns::task {

/// The `nameserver` lines' addresses in order, port 53. Lines that are not understood are passed over, as libc does.
std::vector<SocketAddress> parse_name_servers(std::string_view resolv_conf);

/// Without their ports.
std::vector<IpAddress> addresses_of(const std::vector<SocketAddress>& servers);

/// Whether `options rotate` is set: then libc asks all name servers in turn, not only the first.
bool has_rotate(std::string_view resolv_conf);

/// What was there before taskdns; null if nobody manages the text. Error (malformed): our part is damaged, or does
/// not fit to what is before it.
Result<std::optional<std::string>> find_original(std::string_view text);

/// The managed text, of which `servers` are the name servers. A managed text keeps its original; a text that names
/// `servers` already does not change at all. Error: damaged, or too many lines name servers.
Result<std::string> manage_text(std::string_view text, const std::vector<IpAddress>& servers);

/// The original, octet for octet; a text that is not managed does not change.
Result<std::string> restore_text(std::string_view text);

/// The name servers of the original, as far as they can be read, be our part damaged: the registry's address
/// must not be lost. Of an unmanaged text, its own.
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
