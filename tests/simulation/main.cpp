// simulation: the pure stages under virtual time, seed by seed; and what a fleet of sidecars costs.
// Exit status: 0 if every promise was kept, 1 if one was broken, 2 for wrong usage.
#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdio>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "simulation/fleet.hpp"
#include "simulation/run.hpp"

namespace taskdns::simulation {
namespace {

constexpr const char* usage =
    "simulation [--seeds=N] [--first=S]   so many seeds from S on, on all cores (10,000 from 1)\n"
    "simulation --seed=S [--verbose]      one seed, with all its events\n"
    "simulation --fleet                   tables: what N sidecars with M endpoints cost, and who is seen in "
    "samples\n";

struct Options {
    std::uint64_t seeds = 10'000;
    std::uint64_t first = 1;
    bool verbose = false;
    bool fleet = false;
    bool wrong = false;
};

bool read_number(std::string_view argument, std::string_view key, std::uint64_t& out) {
    if (!argument.starts_with(key)) return false;
    argument.remove_prefix(key.size());
    const auto [end, error] = std::from_chars(argument.data(), argument.data() + argument.size(), out);
    return error == std::errc() && end == argument.data() + argument.size();
}

Options read_options(int count, char** arguments) {
    Options options;
    for (int i = 1; i < count; ++i) {
        const std::string_view argument = arguments[i];
        if (argument == "--verbose") {
            options.verbose = true;
        } else if (argument == "--fleet") {
            options.fleet = true;
        } else if (read_number(argument, "--seed=", options.first)) {
            options.seeds = 1;
        } else if (!read_number(argument, "--seeds=", options.seeds) &&
                   !read_number(argument, "--first=", options.first)) {
            options.wrong = true;
        }
    }
    return options;
}

/// The same seed once more: the same happens, and this time it is written down.
void explain(std::uint64_t seed, const std::string& what) {
    constexpr std::size_t shown = 20;
    std::deque<std::string> last;
    std::string scenario;
    run_seed(seed, [&](const std::string& line) {
        if (scenario.empty()) {
            scenario = line;
            return;
        }
        last.push_back(line);
        if (last.size() > shown) last.pop_front();
    });
    std::fputs(scenario.c_str(), stdout);
    for (const std::string& line : last) std::printf("%s\n", line.c_str());
    std::printf("BROKEN: %s\nreplay: simulation --seed=%llu --verbose\n\n", what.c_str(),
                static_cast<unsigned long long>(seed));
}

int run_seeds(const Options& options) {
    constexpr std::uint64_t most_failures = 5;
    std::atomic<std::uint64_t> next = options.first;
    std::atomic<std::uint64_t> failures = 0;
    std::mutex printing;
    const auto work = [&] {
        for (;;) {
            const std::uint64_t seed = next++;
            if (seed >= options.first + options.seeds || failures >= most_failures) return;
            const auto broken = run_seed(seed, {});
            if (!broken) continue;
            ++failures;
            const std::lock_guard lock(printing);
            explain(seed, *broken);
        }
    };
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < std::max(1U, std::thread::hardware_concurrency()); ++i) threads.emplace_back(work);
    threads.clear();
    std::printf("%llu seeds from %llu, %llu broken\n", static_cast<unsigned long long>(options.seeds),
                static_cast<unsigned long long>(options.first), static_cast<unsigned long long>(failures.load()));
    return failures == 0 ? 0 : 1;
}

int run(int count, char** arguments) {
    const Options options = read_options(count, arguments);
    if (options.wrong) {
        std::fputs(usage, stderr);
        return 2;
    }
    if (options.fleet) {
        print_fleet();
        std::printf("\n");
        print_coverage();
        return 0;
    }
    if (!options.verbose) return run_seeds(options);
    const auto broken = run_seed(options.first, [](const std::string& line) { std::printf("%s\n", line.c_str()); });
    std::printf("%s\n", broken ? ("BROKEN: " + *broken).c_str() : "kept");
    return broken ? 1 : 0;
}

}  // namespace
}  // namespace taskdns::simulation

int main(int count, char** arguments) { return taskdns::simulation::run(count, arguments); }
