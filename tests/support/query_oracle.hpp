// What a query deserves, decided without the code under test: the question is read by ldns, the rest by the RFCs'
// rules written down once more. For a daemon that serves api.local (alias api) and forwards to nobody who answers.
#pragma once

#include <set>
#include <string>

#include "support/dns_client.hpp"

namespace taskdns::testing_support {

struct Deserved {
    bool silence = false;
    std::set<std::string> rcodes;  ///< any of these, as ldns writes them, and BADVERS
    WireBytes question;            ///< to be echoed octet for octet; empty: none
    bool has_opt = false;          ///< the query is well-formed and has an OPT record
    bool well_formed = false;
};

/// `forwards`: names that are not ours fail at an upstream instead of being refused.
Deserved deserved(const WireBytes& query, bool over_tcp, bool forwards);

/// Empty if `answer` is one that a client can match with `query` and that it deserves; else what is wrong with it.
std::string mistake_of(const WireBytes& query, const WireBytes& answer, const Deserved& deserved, bool over_tcp);

}  // namespace taskdns::testing_support
