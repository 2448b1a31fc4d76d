// bench_load: asks a DNS server on 127.0.0.1 and prints one line of JSON. See README.md beside this file.
#include <exception>
#include <functional>
#include <iostream>
#include <map>

#include <CLI/CLI.hpp>

#include "bench/load_descriptor.hpp"
#include "bench/load_modes.hpp"

namespace {

using namespace taskdns::bench;

using Mode = std::function<void(const Options&, Questions&, Measurement&)>;

void run_flood(const Options& options, Questions&, Measurement& measurement) { run_udp_flood(options, measurement); }

const std::map<std::string, Mode> modes{
    {"udp-saturated", run_udp_saturated}, {"udp-paced", run_udp_paced},     {"udp-flood", run_flood},
    {"tcp-pipelined", run_tcp_pipelined}, {"tcp-oneshot", run_tcp_oneshot}, {"start", nullptr}};

void add_options(CLI::App& app, Options& options) {
    app.add_option("mode", options.mode)->required()->check(CLI::IsMember(modes));
    app.add_option("--port", options.port, "of the server, on 127.0.0.1")->required();
    app.add_option("--names", options.names_file, "a file with one name per line")->required();
    app.add_flag("--random", options.random, "names in random order; else one after the other");
    app.add_flag("!--no-edns", options.edns, "without an OPT record");
    app.add_option("--records", options.records, "an answer with fewer is wrong");
    app.add_option("--seconds", options.seconds, "after the warm-up")->check(CLI::PositiveNumber);
    app.add_option("--warm-up", options.warm_up, "seconds")->check(CLI::NonNegativeNumber);
    app.add_option("--cpu", options.cpu, "where this program runs");
    app.add_option("--server-pid", options.server_pid, "whose CPU time and memory are read");
    app.add_option("--sockets", options.sockets, "udp-saturated")->check(CLI::Range(1, 1000));
    app.add_option("--connections", options.connections, "tcp-*")->check(CLI::Range(1, 1000));
    app.add_option("--window", options.window, "queries outstanding on each socket")->check(CLI::Range(1, 256));
    app.add_option("--rate", options.rate, "udp-paced, udp-flood: queries per second")->check(CLI::Range(1.0, 1e6));
    app.add_flag("--sleep", options.sleep, "udp-paced: between queries, where the CPU is shared");
    app.add_option("--server-cpu", options.server_cpu, "start: where the server runs");
    app.add_option("command", options.command, "start: the server, after --");
}

}  // namespace

int main(int argc, char** argv) try {
    CLI::App app("Asks a DNS server on 127.0.0.1 and prints one line of JSON.");
    Options options;
    add_options(app, options);
    CLI11_PARSE(app, argc, argv);

    pin(0, options.cpu);
    Questions questions(options.names_file, options.random, options.edns);
    if (options.mode == "start") {
        std::cout << run_start(options, questions) << '\n';
        return 0;
    }
    Measurement measurement(options);
    modes.at(options.mode)(options, questions, measurement);
    std::cout << measurement.json() << '\n';
    return 0;
} catch (const std::exception& failure) {
    std::cerr << "bench_load: " << failure.what() << '\n';
    return 1;
}
