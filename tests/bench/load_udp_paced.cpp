// UDP, open loop at a fixed rate: latencies. Part of bench_load.
//
// One thread that never sleeps sends on time and takes each answer as soon as it is there, so that no wake-up of its
// own is measured; or, where it shares its CPU (--sleep), one that sleeps until there is something to do. The clock
// is read right before send and right after receive.
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <system_error>

#include "bench/load_descriptor.hpp"
#include "bench/load_modes.hpp"

namespace taskdns::bench {
namespace {

constexpr std::size_t answer_size = 2048;
constexpr std::size_t remembered = 1 << 16;  // queries: one per ID

struct Sent {
    Clock::time_point when;
    bool outstanding = false;
};

class Pacer {
public:
    explicit Pacer(const Options& options)
        : socket_(udp_socket(options.port)),
          records_(options.records),
          interval_(std::chrono::nanoseconds(static_cast<std::int64_t>(1e9 / options.rate))) {}

    void send_if_due(Clock::time_point now, Questions& questions, Measurement& measurement) {
        if (now < due_) return;
        // After a pause of the whole machine the rate is taken up again, without a burst.
        due_ = now - due_ > 100 * interval_ ? now + interval_ : due_ + interval_;
        Sent& sent = sent_[next_id_];
        if (sent.outstanding) measurement.count_lost(1);
        std::array<std::uint8_t, longest_query> query;
        const std::size_t length = questions.write_next(query.data(), next_id_++);
        sent = {Clock::now(), true};
        if (::send(socket_.get(), query.data(), length, MSG_DONTWAIT) >= 0) return;
        if (errno != ECONNREFUSED && !is_not_ready(errno)) {
            throw std::system_error(errno, std::generic_category(), "send");
        }
    }

    void receive(Measurement& measurement) {
        std::array<std::uint8_t, answer_size> answer;
        const ssize_t length = ::recv(socket_.get(), answer.data(), answer.size(), MSG_DONTWAIT);
        if (length < 2) return;
        const auto now = Clock::now();
        Sent& sent = sent_[id_of(answer.data())];
        if (!sent.outstanding) return;
        sent.outstanding = false;
        const bool right = is_right({answer.data(), static_cast<std::size_t>(length)}, records_);
        measurement.count_answer(right);
        if (right) measurement.note_latency(now - sent.when);
    }

    /// Until the next query is due, or an answer is there.
    void sleep() const {
        pollfd waiting{socket_.get(), POLLIN, 0};
        const auto left = std::max<Clock::duration>(due_ - Clock::now(), Clock::duration::zero());
        const timespec limit{0, static_cast<long>(std::min<std::int64_t>(left.count(), 999'999'999))};
        static_cast<void>(::ppoll(&waiting, 1, &limit, nullptr));
    }

    std::uint64_t outstanding() const {
        std::uint64_t count = 0;
        for (const Sent& sent : sent_) count += sent.outstanding ? 1 : 0;
        return count;
    }

private:
    Descriptor socket_;
    unsigned records_;
    Clock::duration interval_;
    Clock::time_point due_ = Clock::now();
    std::uint16_t next_id_ = 0;
    std::array<Sent, remembered> sent_{};
};

}  // namespace

void run_udp_paced(const Options& options, Questions& questions, Measurement& measurement) {
    const auto pacer = std::make_unique<Pacer>(options);
    auto now = Clock::now();
    for (; measurement.goes_on(now); now = Clock::now()) {
        pacer->send_if_due(now, questions, measurement);
        pacer->receive(measurement);
        if (options.sleep) pacer->sleep();
    }
    const auto limit = now + std::chrono::milliseconds(50);  // for what is on its way
    while (Clock::now() < limit) pacer->receive(measurement);
    measurement.count_lost(pacer->outstanding());
}

}  // namespace taskdns::bench
