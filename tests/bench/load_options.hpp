// What a run of the load generator is told. Part of bench_load.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace taskdns::bench {

struct Options {
    std::string mode;
    std::uint16_t port = 0;  ///< of 127.0.0.1
    std::string names_file;
    bool random = false;
    bool edns = true;
    unsigned records = 1;  ///< an answer with fewer is wrong
    double seconds = 1;    ///< after the warm-up
    double warm_up = 0.2;
    int cpu = -1;              ///< where we run; negative: anywhere
    pid_t server_pid = 0;      ///< whose CPU time and memory are read; 0: nobody's
    unsigned sockets = 4;      ///< udp-saturated
    unsigned connections = 4;  ///< tcp-pipelined, tcp-oneshot
    unsigned window = 32;      ///< udp-saturated, tcp-pipelined: queries outstanding on each socket, 256 at most
    double rate = 10'000;      ///< udp-paced: queries per second
    bool sleep = false;        ///< udp-paced: wait for a query's time and for answers asleep
    int server_cpu = -1;       ///< start: where the server runs
    std::vector<std::string> command;  ///< start: the server
};

}  // namespace taskdns::bench
