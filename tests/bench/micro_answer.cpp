// What a query costs without its system calls: parsing, and the whole of answer(). Part of bench_micro.
//
// Each round copies the query into the buffer first, as the kernel does; that is part of the time (a few ns).
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <random>

#include "bench/micro_world.hpp"
#include "dns/query.hpp"
#include "dns_server/answer.hpp"

namespace taskdns::bench {
namespace {

void parse_query(benchmark::State& state) {
    const Message query = make_query(service_name(7), dns::RrType::a, state.range(0) != 0);
    dns::Query parsed;
    for (auto _ : state) {
        benchmark::DoNotOptimize(dns::parse_query(query, parsed));
        benchmark::ClobberMemory();
    }
}
BENCHMARK(parse_query)->ArgName("edns")->Arg(0)->Arg(1);

/// Answers `queries` in turn from `view`.
void answer_in_turn(benchmark::State& state, const view::View& view, const std::vector<Message>& queries) {
    dns_server::Counters counters;
    const dns_server::Context context{.view = view, .counters = counters};
    alignas(64) std::array<std::uint8_t, dns_server::buffer_size> buffer{};
    std::size_t next = 0;
    std::size_t octets = 0;
    for (auto _ : state) {
        const Message& query = queries[next];
        if (++next == queries.size()) next = 0;
        std::copy(query.begin(), query.end(), buffer.begin());
        const auto result = dns_server::answer(buffer, query.size(), dns_server::Transport::udp, context);
        if (result.action != dns_server::Action::send) {
            state.SkipWithError("not answered");
            break;
        }
        octets = result.length;
        benchmark::ClobberMemory();
    }
    state.counters["octets"] = static_cast<double>(octets);
}

void answer_of_type(benchmark::State& state, dns::RrType type, ServiceShape shape) {
    shape.endpoints = static_cast<unsigned>(state.range(0));
    const auto view = make_view(20, shape);
    answer_in_turn(state, *view, {make_query(service_name(7), type)});
}

BENCHMARK_CAPTURE(answer_of_type, A, dns::RrType::a, ServiceShape{})
    ->ArgName("endpoints")
    ->Arg(4)
    ->Arg(10)
    ->Arg(100)
    ->Arg(1000);
BENCHMARK_CAPTURE(answer_of_type, AAAA, dns::RrType::aaaa, ServiceShape{.with_ipv6 = true})
    ->ArgName("endpoints")
    ->Arg(4)
    ->Arg(100);
BENCHMARK_CAPTURE(answer_of_type, SRV, dns::RrType::srv, ServiceShape{})->ArgName("endpoints")->Arg(4)->Arg(100);
BENCHMARK_CAPTURE(answer_of_type, NODATA, dns::RrType::mx, ServiceShape{})->ArgName("endpoints")->Arg(4);

/// Names in random order, so that with many services nothing is in the cache: 20 x 4 beside 1,000 x 100.
void answer_random_names(benchmark::State& state) {
    const auto services = static_cast<unsigned>(state.range(0));
    const auto view = make_view(services, {.endpoints = static_cast<unsigned>(state.range(1)), .size = 4});
    std::minstd_rand random;
    std::vector<Message> queries;
    for (unsigned i = 0; i < 4096; ++i) {
        queries.push_back(make_query(service_name(static_cast<unsigned>(random() % services)), dns::RrType::a));
    }
    answer_in_turn(state, *view, queries);
}
BENCHMARK(answer_random_names)->ArgNames({"services", "endpoints"})->Args({20, 4})->Args({1000, 100});

}  // namespace
}  // namespace taskdns::bench
