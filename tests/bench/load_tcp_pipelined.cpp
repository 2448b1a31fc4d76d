// TCP, closed loop: connections that stay, each with a window of queries. Part of bench_load.
//
// A connection that the server closes (dnsmasq does after 100 queries) is opened again, and its queries are asked
// anew.
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "bench/load_descriptor.hpp"
#include "bench/load_modes.hpp"
#include "bench/load_window.hpp"

namespace taskdns::bench {
namespace {

constexpr std::size_t length_prefix = 2;  // RFC 1035 section 4.2.2
constexpr std::chrono::milliseconds given_up_after{1000};

class Connection {
public:
    Connection(const Options& options, unsigned number)
        : options_(options), turn_(number), window_(options.window), input_(1 << 16) {
        open();
    }

    void turn(Clock::time_point now, Questions& questions, Measurement& measurement) {
        if (!receive(now, measurement)) {
            measurement.count_reconnect();
            open();
        } else if (window_.outstanding() != 0 && now - heard_ > given_up_after) {
            measurement.count_lost(window_.outstanding());
            open();
        }
        send(questions);
    }

private:
    void open() {
        turn_ += options_.connections;
        socket_ = tcp_socket(options_.port, turn_);
        window_.release_all();
        held_ = 0;
        output_.clear();
        heard_ = Clock::now();
    }

    /// False: the connection has ended.
    bool receive(Clock::time_point now, Measurement& measurement) {
        const ssize_t length = ::recv(socket_.get(), input_.data() + held_, input_.size() - held_, MSG_DONTWAIT);
        if (length < 0) return is_not_ready(errno);
        if (length == 0) return false;
        heard_ = now;
        held_ += static_cast<std::size_t>(length);
        std::size_t at = 0;
        while (held_ - at >= length_prefix) {
            const std::size_t message = id_of(input_.data() + at);  // the prefix is read as an ID is
            if (held_ - at < length_prefix + message) break;
            take_answer({input_.data() + at + length_prefix, message}, measurement);
            at += length_prefix + message;
        }
        held_ -= at;
        std::memmove(input_.data(), input_.data() + at, held_);
        return true;
    }

    void take_answer(std::span<const std::uint8_t> answer, Measurement& measurement) {
        if (answer.size() < 2 || !window_.release(id_of(answer.data()))) return;
        measurement.count_answer(is_right(answer, options_.records));
    }

    void send(Questions& questions) {
        while (window_.has_room()) {
            std::array<std::uint8_t, length_prefix + longest_query> query;
            const std::size_t length = questions.write_next(query.data() + length_prefix, window_.take());
            query[0] = static_cast<std::uint8_t>(length >> 8);
            query[1] = static_cast<std::uint8_t>(length);
            output_.insert(output_.end(), query.begin(), query.begin() + static_cast<std::ptrdiff_t>(length + 2));
        }
        if (output_.empty()) return;
        const ssize_t sent = ::send(socket_.get(), output_.data(), output_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent > 0) output_.erase(output_.begin(), output_.begin() + sent);  // an error shows at the next receive()
    }

    const Options& options_;
    unsigned turn_;
    Descriptor socket_;
    Window window_;
    std::vector<std::uint8_t> input_;
    std::size_t held_ = 0;  // octets of input_ that are not a whole message yet
    std::vector<std::uint8_t> output_;
    Clock::time_point heard_;
};

}  // namespace

void run_tcp_pipelined(const Options& options, Questions& questions, Measurement& measurement) {
    std::vector<Connection> connections;
    for (unsigned i = 0; i < options.connections; ++i) connections.emplace_back(options, i);
    for (auto now = Clock::now(); measurement.goes_on(now); now = Clock::now()) {
        for (Connection& connection : connections) connection.turn(now, questions, measurement);
    }
}

}  // namespace taskdns::bench
