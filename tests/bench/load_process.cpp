// What a process used, as /proc says. Part of bench_load.
#include "bench/load_process.hpp"

#include <filesystem>
#include <fstream>
#include <string>

namespace taskdns::bench {
namespace {

std::filesystem::path proc(pid_t pid) { return std::filesystem::path("/proc") / std::to_string(pid); }

}  // namespace

CpuTime cpu_time(pid_t pid) {
    CpuTime sum;
    if (pid <= 0) return sum;
    std::error_code gone;  // threads may end meanwhile
    for (const auto& thread : std::filesystem::directory_iterator(proc(pid) / "task", gone)) {
        CpuTime one;
        std::ifstream(thread.path() / "schedstat") >> one.ran >> one.waited;
        sum.ran += one.ran;
        sum.waited += one.waited;
    }
    return sum;
}

Memory memory(pid_t pid) {
    Memory found;
    if (pid <= 0) return found;
    std::ifstream file(proc(pid) / "status");
    for (std::string word; file >> word;) {
        if (word == "VmRSS:") file >> found.rss_kib;
        if (word == "RssAnon:") file >> found.rss_anon_kib;
    }
    return found;
}

}  // namespace taskdns::bench
