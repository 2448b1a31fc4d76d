// What the server under load used. Part of bench_load.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace taskdns::bench {

/// Of all threads, in nanoseconds, from schedstat: stat counts in ticks of 10 ms. Zeros if there is no such process.
struct CpuTime {
    std::uint64_t ran = 0;
    std::uint64_t waited = 0;  ///< runnable, while others had the CPU
};
CpuTime cpu_time(pid_t pid);

struct Memory {
    std::uint64_t rss_kib = 0;
    std::uint64_t rss_anon_kib = 0;
};
Memory memory(pid_t pid);

}  // namespace taskdns::bench
