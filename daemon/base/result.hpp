// An expected failure as a value: what failed, what happened, what was expected.
// Layer: base. Pure.
#pragma once

#include <string>
#include <utility>

#include <boost/system/result.hpp>

namespace taskdns {

/// What kind of failure; the message says the rest. Coarse on purpose: only what a caller decides by.
enum class Errc {
    invalid_config,  ///< a mistake of the user: file, flag or environment variable
    timeout,         ///< nothing came in time
    refused,         ///< the peer said no at once (ECONNREFUSED, ICMP port unreachable, rcode REFUSED)
    network,         ///< any other error of a socket
    malformed,       ///< bytes that cannot be parsed
    bad_rcode,       ///< SERVFAIL or another rcode that is not an answer
    denied,          ///< our own system does not let us: rights, a sandbox
    over_limit,      ///< a budget or bound of ours is used up
    cancelled,       ///< we are stopping
    internal         ///< a failure of this process or its host: descriptors, memory
};

struct Error {
    Errc code = Errc::internal;
    std::string message;  ///< for people; no trailing period or newline
};

/// boost::system::result calls this when value() is called on an error: a broken invariant of ours.
[[noreturn]] void throw_exception_from_error(const Error& error, const boost::source_location& where);

template <class T>
using Result = boost::system::result<T, Error>;

}  // namespace taskdns
