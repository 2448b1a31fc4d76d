// What the HTTP interface counts, for the metrics. Layer: http_server (this header: base only).
// Threads: written by the control thread, read by any.
#pragma once

#include <array>

#include "base/counter.hpp"

namespace taskdns::http_server {

struct Counters {
    Counter requests;                  ///< whole ones
    std::array<Counter, 6> responses;  ///< by the first digit of the status; those to refused requests too
    Counter connections;               ///< accepted, whatever became of them
    Counter crowded_connections;       ///< over the limit: only what is vital was answered
    Counter rejected_connections;      ///< closed unheard: far over the limit, or from a peer that may not ask
    Counter evicted_connections;       ///< idle ones that were closed to make room
    Counter rejected_watchers;         ///< over the limit of watchers
    Counter bad_requests;              ///< malformed, over a limit, or too slow
    Counter broken_connections;        ///< ended by an error of the socket, or by a peer that did not take its answer
    Counter accept_errors;             ///< such as EMFILE; followed by a pause
    Counter events;                    ///< changes that were written for event streams, once for all of them
    Gauge open_connections;
    Gauge watchers;       ///< blocking queries that wait
    Gauge event_streams;  ///< open ones
};

}  // namespace taskdns::http_server
