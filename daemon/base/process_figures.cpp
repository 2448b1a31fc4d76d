// What this process takes of its host. Layer: base.
#include "base/process_figures.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <sstream>
#include <vector>

namespace taskdns {
namespace {

/// The beginning of a file of /proc, which is whole in one read; empty: there is none. Not <fstream>: a scrape would
/// take 8 KiB for a line.
std::string first_octets(const std::string& path) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return {};
    std::array<char, 4096> room{};
    const ssize_t size = ::read(descriptor, room.data(), room.size());
    ::close(descriptor);
    return size > 0 ? std::string(room.data(), static_cast<std::size_t>(size)) : std::string();
}

/// The fields of /proc/PID/stat from the third on, since the second, the command's name, may hold anything.
std::vector<std::string> stat_fields(const std::string& stat) {
    const std::size_t name_end = stat.rfind(')');
    if (name_end == std::string::npos) return {};
    std::istringstream rest(stat.substr(name_end + 1));
    std::vector<std::string> fields;
    for (std::string field; rest >> field;) fields.push_back(field);
    return fields;
}

std::optional<std::uint64_t> count_entries(const std::string& path) {
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(path.c_str()), ::closedir);
    if (!folder) return std::nullopt;
    std::uint64_t count = 0;
    while (const dirent* entry = ::readdir(folder.get())) {
        if (entry->d_name[0] != '.') ++count;
    }
    return count > 0 ? count - 1 : 0;  // the folder's own
}

}  // namespace

ProcessFigures ProcessFigures::read(const std::string& proc) {
    // Numbers of proc(5), from the third field on.
    constexpr std::size_t utime = 14 - 3;
    constexpr std::size_t stime = 15 - 3;
    constexpr std::size_t num_threads = 20 - 3;
    constexpr std::size_t vsize = 23 - 3;
    constexpr std::size_t rss = 24 - 3;

    ProcessFigures out;
    const std::vector<std::string> fields = stat_fields(first_octets(proc + "/self/stat"));
    if (fields.size() > rss) {
        const auto number = [&fields](std::size_t i) { return std::strtoull(fields[i].c_str(), nullptr, 10); };
        const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
        out.cpu_seconds = static_cast<double>(number(utime) + number(stime)) / ticks;
        out.threads = number(num_threads);
        out.virtual_bytes = number(vsize);
        out.resident_bytes = number(rss) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    }
    out.open_descriptors = count_entries(proc + "/self/fd");
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) out.most_descriptors = limit.rlim_cur;
    return out;
}

}  // namespace taskdns
