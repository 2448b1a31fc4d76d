// The ways to ask. Each runs to its end, counts in `measurement`, and throws what it cannot go on after.
// Part of bench_load.
#pragma once

#include "bench/load_measurement.hpp"
#include "bench/load_questions.hpp"

namespace taskdns::bench {

/// Closed loop over UDP: each answer is followed at once by the next query, so the server sets the pace.
void run_udp_saturated(const Options& options, Questions& questions, Measurement& measurement);

/// Open loop over UDP: a query every 1/rate seconds, whatever comes back; latencies.
void run_udp_paced(const Options& options, Questions& questions, Measurement& measurement);

/// Open loop over UDP: 1/rate seconds apart, names that nobody has asked for. All answers count as wrong ones.
void run_udp_flood(const Options& options, Measurement& measurement);

/// Closed loop over TCP connections that stay, several queries outstanding on each.
void run_tcp_pipelined(const Options& options, Questions& questions, Measurement& measurement);

/// Closed loop of connect, one query, its answer, close.
void run_tcp_oneshot(const Options& options, Questions& questions, Measurement& measurement);

/// Starts `options.command`, asks until the first right answer, and stops it. Returns a line of JSON.
std::string run_start(const Options& options, Questions& questions);

}  // namespace taskdns::bench
