// Counts of one run and their line of JSON. Part of bench_load.
#include "bench/load_measurement.hpp"

#include <algorithm>
#include <sstream>

namespace taskdns::bench {
namespace {

Clock::duration clock_duration(double seconds) {
    return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

}  // namespace

Measurement::Measurement(const Options& options)
    : options_(options),
      counting_from_(Clock::now() + clock_duration(options.warm_up)),
      end_(counting_from_ + clock_duration(options.seconds)) {
    latencies_.reserve(static_cast<std::size_t>(options.rate * (options.seconds + 1)));  // no growth while counting
}

bool Measurement::goes_on(Clock::time_point now) {
    if (now < counting_from_) return true;
    if (!counting_) {
        counting_ = true;
        cpu_before_ = cpu_time(options_.server_pid);
        counting_since_ = Clock::now();
    }
    const std::uint64_t answers = right_ + wrong_;
    if (answers == answers_at_last_turn_ && last_turn_ != Clock::time_point()) idle_ += now - last_turn_;
    answers_at_last_turn_ = answers;
    last_turn_ = now;
    if (now < end_) return true;
    ended_ = Clock::now();
    cpu_after_ = cpu_time(options_.server_pid);
    return false;
}

double Measurement::percentile_us(double share) const {
    if (latencies_.empty()) return 0;
    const auto index = static_cast<std::size_t>(share * static_cast<double>(latencies_.size()));
    return latencies_[std::min(index, latencies_.size() - 1)] / 1000.0;
}

std::string Measurement::json() {
    std::sort(latencies_.begin(), latencies_.end());
    const double seconds = std::chrono::duration<double>(ended_ - counting_since_).count();
    const auto ran = static_cast<double>(cpu_after_.ran - cpu_before_.ran);
    const auto waited = static_cast<double>(cpu_after_.waited - cpu_before_.waited);
    const Memory used = memory(options_.server_pid);
    std::ostringstream out;
    out << "{\"mode\": \"" << options_.mode << "\", \"seconds\": " << seconds << ", \"answers\": " << right_
        << ", \"answers_per_second\": " << static_cast<double>(right_) / seconds
        << ", \"sent_per_second\": " << static_cast<double>(sent_) / seconds << ", \"wrong\": " << wrong_
        << ", \"lost\": " << lost_ << ", \"reconnects\": " << reconnects_
        << ", \"cpu_us_per_answer\": " << (right_ == 0 ? 0 : ran / 1000 / static_cast<double>(right_))
        << ", \"server_busy\": " << ran / 1e9 / seconds << ", \"server_delayed\": " << waited / 1e9 / seconds
        << ", \"client_idle\": " << std::chrono::duration<double>(idle_).count() / seconds
        << ", \"rss_kib\": " << used.rss_kib << ", \"rss_anon_kib\": " << used.rss_anon_kib;
    if (!latencies_.empty()) {
        out << ", \"p50_us\": " << percentile_us(0.5) << ", \"p90_us\": " << percentile_us(0.9)
            << ", \"p99_us\": " << percentile_us(0.99) << ", \"max_us\": " << percentile_us(1);
    }
    out << '}';
    return out.str();
}

}  // namespace taskdns::bench
