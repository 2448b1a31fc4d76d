// TCP, closed loop: connect, one query, its answer, close. Part of bench_load.
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "bench/load_descriptor.hpp"
#include "bench/load_modes.hpp"

namespace taskdns::bench {
namespace {

constexpr std::size_t length_prefix = 2;  // RFC 1035 section 4.2.2
constexpr std::chrono::milliseconds given_up_after{1000};

/// One connection at a time.
class Caller {
public:
    Caller(const Options& options, unsigned number) : options_(options), turn_(number) {}

    void turn(Clock::time_point now, Questions& questions, Measurement& measurement) {
        if (!socket_.is_open()) open(now, questions);
        if (!sent_) send();
        const ssize_t length = ::recv(socket_.get(), input_.data() + held_, input_.size() - held_, MSG_DONTWAIT);
        if (length > 0) {
            held_ += static_cast<std::size_t>(length);
            if (held_ < length_prefix || held_ < length_prefix + id_of(input_.data())) return;
            const bool right = held_ >= length_prefix + 2 && id_of(input_.data() + length_prefix) == id_ &&
                               is_right({input_.data() + length_prefix, held_ - length_prefix}, options_.records);
            measurement.count_answer(right);
            socket_ = Descriptor();
        } else if (length == 0 || !is_not_ready(errno) || now - opened_ > given_up_after) {
            measurement.count_lost(1);
            socket_ = Descriptor();
        }
    }

private:
    void open(Clock::time_point now, Questions& questions) {
        turn_ += options_.connections;
        socket_ = tcp_socket(options_.port, turn_);
        opened_ = now;
        sent_ = false;
        held_ = 0;
        const std::size_t length = questions.write_next(query_.data() + length_prefix, ++id_);
        query_[0] = static_cast<std::uint8_t>(length >> 8);
        query_[1] = static_cast<std::uint8_t>(length);
        query_length_ = length_prefix + length;
    }

    /// So little always goes out whole, once the connection stands.
    void send() { sent_ = ::send(socket_.get(), query_.data(), query_length_, MSG_DONTWAIT | MSG_NOSIGNAL) > 0; }

    const Options& options_;
    unsigned turn_;
    Descriptor socket_;
    Clock::time_point opened_;
    bool sent_ = false;
    std::uint16_t id_ = 0;
    std::array<std::uint8_t, length_prefix + longest_query> query_{};
    std::size_t query_length_ = 0;
    std::array<std::uint8_t, 4096> input_{};
    std::size_t held_ = 0;
};

}  // namespace

void run_tcp_oneshot(const Options& options, Questions& questions, Measurement& measurement) {
    std::vector<Caller> callers;
    for (unsigned i = 0; i < options.connections; ++i) callers.emplace_back(options, i);
    for (auto now = Clock::now(); measurement.goes_on(now); now = Clock::now()) {
        for (Caller& caller : callers) caller.turn(now, questions, measurement);
    }
}

}  // namespace taskdns::bench
