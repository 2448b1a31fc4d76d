// How much a client may send and hold. Layer: http_server (this header: base only).
#pragma once

#include <cstddef>

#include "base/time.hpp"

namespace taskdns::http_server {

struct Limits {
    std::size_t header_bytes = 8 * 1024;
    std::size_t body_bytes = 64 * 1024;
    milliseconds request_time{10'000};  ///< to send one request (the first: from the connect), and to take its answer
    milliseconds idle_time{60'000};     ///< between two requests of one connection
    std::size_t connections = 512;      ///< beyond that the longest idle one is closed, if one is idle
    std::size_t crowded = 64;           ///< beyond that: one request each, and only what is vital is answered; beyond
                                        ///< even that, the one that is there for longest is closed
    milliseconds crowded_time{2'000};   ///< for that one
    std::size_t watchers = 400;         ///< blocking queries and event streams
    milliseconds heartbeat{15'000};     ///< of an event stream on which nothing happens
    milliseconds slow_reader{30'000};   ///< an event stream of which nothing is taken for so long is closed
};

}  // namespace taskdns::http_server
