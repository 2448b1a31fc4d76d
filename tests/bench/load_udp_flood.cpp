// UDP, names that nobody has ever asked for, at a fixed rate: past every cache. Part of bench_load.
//
// It sleeps between bursts of a few milliseconds' worth at most, so that it leaves its CPU to others when it can.
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <random>
#include <system_error>

#include "bench/load_descriptor.hpp"
#include "bench/load_modes.hpp"

namespace taskdns::bench {
namespace {

constexpr std::size_t batch_size = 32;
constexpr std::size_t answer_size = 1232;
constexpr std::size_t digits = 14;  // of the label that differs
constexpr std::size_t header_size = 12;
constexpr unsigned longest_debt = 1000;  // queries: after a pause of ours no burst follows that no server could take

class Flood {
public:
    explicit Flood(const Options& options)
        : socket_(udp_socket(options.port)),
          interval_(std::chrono::nanoseconds(static_cast<std::int64_t>(1e9 / options.rate))) {
        std::random_device random;
        number_ = std::uint64_t{random()} << 20;  // no run repeats another's
        for (std::size_t i = 0; i < batch_size; ++i) messages_[i].msg_hdr = {};
    }

    void send_what_is_due(Clock::time_point now, Measurement& measurement) {
        if (now - due_ > longest_debt * interval_) due_ = now - longest_debt * interval_;
        while (due_ <= now) {
            std::size_t wanted = 0;
            for (; wanted < batch_size && due_ <= now; ++wanted, due_ += interval_) {
                prepare(wanted, write_query(buffers_[wanted].data()));
            }
            const int sent = ::sendmmsg(socket_.get(), messages_.data(), static_cast<unsigned>(wanted), MSG_DONTWAIT);
            if (sent < 0 && errno != ECONNREFUSED && !is_not_ready(errno)) {
                throw std::system_error(errno, std::generic_category(), "sendmmsg");
            }
            measurement.count_sent(static_cast<std::uint64_t>(std::max(sent, 0)));
            receive(measurement);
        }
    }

    void receive(Measurement& measurement) {
        for (std::size_t i = 0; i < batch_size; ++i) prepare(i, answer_size);
        const int received = ::recvmmsg(socket_.get(), messages_.data(), batch_size, MSG_DONTWAIT, nullptr);
        for (int i = 0; i < received; ++i) measurement.count_answer(false);  // SERVFAIL is all there can be
    }

    void sleep() const {
        pollfd nothing{-1, 0, 0};
        static_cast<void>(::poll(&nothing, 1, 1));
    }

private:
    /// `x` and so many digits, `.flood.example`, A, IN.
    std::size_t write_query(std::uint8_t* to) {
        constexpr std::uint8_t head[header_size] = {0, 0, 0x01, 0, 0, 1};
        constexpr std::uint8_t tail[] = {5,   'f', 'l', 'o', 'o', 'd', 7, 'e', 'x', 'a',
                                         'm', 'p', 'l', 'e', 0,   0,   1, 0,   1};
        std::copy(std::begin(head), std::end(head), to);
        to[0] = static_cast<std::uint8_t>(number_ >> 8);
        to[1] = static_cast<std::uint8_t>(number_);
        std::uint8_t* at = to + header_size;
        *at++ = digits + 1;
        *at++ = 'x';
        for (std::size_t i = 0; i < digits; ++i)
            *at++ = static_cast<std::uint8_t>("0123456789abcdef"[number_ >> (4 * i) & 15]);
        ++number_;
        at = std::copy(std::begin(tail), std::end(tail), at);
        return static_cast<std::size_t>(at - to);
    }

    void prepare(std::size_t i, std::size_t length) {
        octets_[i] = {buffers_[i].data(), length};
        messages_[i].msg_hdr.msg_iov = &octets_[i];
        messages_[i].msg_hdr.msg_iovlen = 1;
    }

    Descriptor socket_;
    Clock::duration interval_;
    Clock::time_point due_ = Clock::now();
    std::uint64_t number_ = 0;
    std::array<mmsghdr, batch_size> messages_{};
    std::array<iovec, batch_size> octets_{};
    std::array<std::array<std::uint8_t, answer_size>, batch_size> buffers_{};
};

}  // namespace

void run_udp_flood(const Options& options, Measurement& measurement) {
    const auto flood = std::make_unique<Flood>(options);
    for (auto now = Clock::now(); measurement.goes_on(now); now = Clock::now()) {
        flood->send_what_is_due(now, measurement);
        flood->receive(measurement);
        flood->sleep();
    }
}

}  // namespace taskdns::bench
