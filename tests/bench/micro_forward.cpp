// What the worst answer of an upstream costs: 64 KiB of records whose names are as long and as alike as can be, so
// that each is compared with all that the question leads to. Part of bench_micro.
#include <benchmark/benchmark.h>

#include <string>

#include "dns/compressed_name.hpp"
#include "forward/own_records.hpp"

namespace taskdns::bench {
namespace {

constexpr std::size_t largest_message = 65'535;
constexpr unsigned type_a = 1;
constexpr unsigned type_cname = 5;
constexpr unsigned type_mx = 15;
constexpr unsigned type_dname = 39;
constexpr unsigned type_rrsig = 46;

/// 255 octets in 127 labels; only the one before the last tells two of them apart.
dns::Bytes long_name(char distinct) {
    dns::Bytes name;
    for (int i = 0; i < 127; ++i) {
        name.push_back(1);
        name.push_back(static_cast<std::uint8_t>(i == 125 ? distinct : 'a'));
    }
    name.push_back(0);
    return name;
}

class Worst {
public:
    explicit Worst(unsigned type) : message_(dns::header_size) {
        question_.name = long_name('A');
        question_.form.type = static_cast<std::uint16_t>(type);
        message_[2] = dns::flag_qr;
        dns::write_u16(&message_[4], 1);
        append(question_.name);
        append({0, static_cast<std::uint8_t>(type), 0, 1});
    }

    std::size_t size() const { return message_.size(); }
    static dns::Bytes pointer(std::size_t to) {
        return {static_cast<std::uint8_t>(0xC0 | to >> 8), static_cast<std::uint8_t>(to)};
    }
    /// Where the RDATA begins.
    std::size_t add(const dns::Bytes& owner, unsigned type, const dns::Bytes& rdata, unsigned section = 0) {
        append(owner);
        append({0, static_cast<std::uint8_t>(type), 0, 1, 0, 0, 0, 60, static_cast<std::uint8_t>(rdata.size() >> 8),
                static_cast<std::uint8_t>(rdata.size())});
        append(rdata);
        const std::size_t count = 6 + std::size_t{2} * section;
        dns::write_u16(&message_[count], dns::read_u16(&message_[count]) + 1U);
        return message_.size() - rdata.size();
    }
    /// As long as there is room.
    void fill(std::size_t owner, unsigned type, const dns::Bytes& rdata, unsigned section = 0) {
        while (message_.size() + 12 + rdata.size() <= largest_message) {
            add(pointer(owner), type, rdata, section);
        }
    }
    /// 16 CNAMEs, the last one first.
    void add_chain() {
        std::vector<std::size_t> names(17);
        names[0] = dns::header_size;
        // What pointers lead to has to stand before: the names are the RDATA of records that nobody asks for.
        for (std::size_t i = 1; i < names.size(); ++i)
            names[i] = add({0}, type_cname, long_name(static_cast<char>('A' + i)));
        for (std::size_t i = names.size() - 1; i > 0; --i) add(pointer(names[i - 1]), type_cname, pointer(names[i]));
    }
    std::size_t add_stranger() { return add({0}, type_cname, long_name('z')); }

    void run(benchmark::State& state) const {
        bool none = false;
        for (auto _ : state) {
            auto own = forward::keep_own_records(message_, question_);
            none = !own;
            benchmark::DoNotOptimize(own);
        }
        state.SetLabel(none ? "refused" : "read");
        state.counters["octets"] = static_cast<double>(message_.size());
    }

private:
    void append(const dns::Bytes& octets) { message_.insert(message_.end(), octets.begin(), octets.end()); }

    dns::Bytes message_;
    forward::Question question_;
};

void foreign_addresses(benchmark::State& state) {
    Worst message(type_a);
    message.add_chain();
    message.fill(message.add_stranger(), type_a, {10, 0, 0, 1});
    message.run(state);
}
BENCHMARK(foreign_addresses)->Unit(benchmark::kMicrosecond);

void foreign_cnames(benchmark::State& state) {
    Worst message(type_a);
    const std::size_t stranger = message.add_stranger();
    message.add_chain();
    message.fill(stranger, type_cname, {0});
    message.run(state);
}
BENCHMARK(foreign_cnames)->Unit(benchmark::kMicrosecond);

void foreign_dnames(benchmark::State& state) {
    Worst message(type_a);
    message.add_chain();
    message.fill(message.add_stranger(), type_dname, {0});
    message.run(state);
}
BENCHMARK(foreign_dnames)->Unit(benchmark::kMicrosecond);

void foreign_signatures(benchmark::State& state) {
    Worst message(type_a);
    message.add_chain();
    const dns::Bytes stranger = Worst::pointer(message.add_stranger());
    dns::Bytes rdata(18);
    rdata.insert(rdata.end(), stranger.begin(), stranger.end());
    message.fill(dns::header_size, type_rrsig, rdata, 1);
    message.run(state);
}
BENCHMARK(foreign_signatures)->Unit(benchmark::kMicrosecond);

void foreign_additional(benchmark::State& state) {
    Worst message(type_mx);
    const std::size_t stranger = message.add_stranger();
    for (int i = 0; i < 64; ++i) {
        dns::Bytes rdata{0, 10};
        const dns::Bytes name = long_name(static_cast<char>(128 + i));
        rdata.insert(rdata.end(), name.begin(), name.end());
        message.add(Worst::pointer(dns::header_size), type_mx, rdata);
    }
    message.fill(stranger, type_a, {10, 0, 0, 1}, 2);
    message.run(state);
}
BENCHMARK(foreign_additional)->Unit(benchmark::kMicrosecond);

/// What a big answer of a good server costs.
void own_addresses(benchmark::State& state) {
    Worst message(type_a);
    while (message.size() + 16 <= largest_message) {
        message.add(Worst::pointer(dns::header_size), type_a, {10, 0, 0, 1});
    }
    message.run(state);
}
BENCHMARK(own_addresses)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace taskdns::bench
