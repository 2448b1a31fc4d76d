// UDP, closed loop: several sockets, each with a window of queries. Part of bench_load.
//
// This program never sleeps: the server then pays for no wake-up of its client, and always finds queries waiting.
#include <sys/socket.h>

#include <cerrno>
#include <memory>
#include <system_error>

#include "bench/load_descriptor.hpp"
#include "bench/load_modes.hpp"
#include "bench/load_window.hpp"

namespace taskdns::bench {
namespace {

constexpr std::size_t batch_size = 64;
constexpr std::size_t answer_size = 2048;
constexpr std::chrono::milliseconds given_up_after{100};  // far more than any server's queue takes

/// The buffers of one system call; shared by all sockets.
struct Batch {
    std::array<mmsghdr, batch_size> messages{};
    std::array<iovec, batch_size> octets{};
    std::array<std::array<std::uint8_t, answer_size>, batch_size> buffers{};

    void prepare(std::size_t i, std::size_t length) {
        octets[i] = {buffers[i].data(), length};
        messages[i].msg_hdr.msg_iov = &octets[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
};

class Asker {
public:
    Asker(const Options& options, Batch& batch)
        : socket_(udp_socket(options.port)), records_(options.records), window_(options.window), batch_(batch) {}

    void receive(Clock::time_point now, Measurement& measurement) {
        for (std::size_t i = 0; i < batch_size; ++i) batch_.prepare(i, answer_size);
        const int received = ::recvmmsg(socket_.get(), batch_.messages.data(), batch_size, MSG_DONTWAIT, nullptr);
        if (received > 0) heard_ = now;
        for (int i = 0; i < received; ++i) take_answer(static_cast<std::size_t>(i), measurement);
        if (window_.outstanding() == 0) {
            heard_ = now;
        } else if (now - heard_ > given_up_after) {
            measurement.count_lost(window_.outstanding());
            window_.release_all();
            heard_ = now;
        }
    }

    void send(Questions& questions) {
        std::size_t wanted = 0;
        std::array<std::uint16_t, batch_size> ids{};
        for (; wanted < batch_size && window_.has_room(); ++wanted) {
            ids[wanted] = window_.take();
            batch_.prepare(wanted, questions.write_next(batch_.buffers[wanted].data(), ids[wanted]));
        }
        if (wanted == 0) return;
        const int sent =
            ::sendmmsg(socket_.get(), batch_.messages.data(), static_cast<unsigned>(wanted), MSG_DONTWAIT);
        if (sent < 0 && errno != ECONNREFUSED && !is_not_ready(errno)) {
            throw std::system_error(errno, std::generic_category(), "sendmmsg");
        }
        for (std::size_t i = sent < 0 ? 0 : static_cast<std::size_t>(sent); i < wanted; ++i) window_.release(ids[i]);
    }

private:
    void take_answer(std::size_t i, Measurement& measurement) {
        const std::span<const std::uint8_t> answer(batch_.buffers[i].data(), batch_.messages[i].msg_len);
        if (answer.size() < 2 || !window_.release(id_of(answer.data()))) return;  // late, or not an answer of ours
        measurement.count_answer(is_right(answer, records_));
    }

    Descriptor socket_;
    unsigned records_;
    Window window_;
    Batch& batch_;
    Clock::time_point heard_ = Clock::now();
};

}  // namespace

void run_udp_saturated(const Options& options, Questions& questions, Measurement& measurement) {
    const auto batch = std::make_unique<Batch>();
    std::vector<Asker> askers;
    for (unsigned i = 0; i < options.sockets; ++i) askers.emplace_back(options, *batch);
    for (auto now = Clock::now(); measurement.goes_on(now); now = Clock::now()) {
        for (Asker& asker : askers) {
            asker.receive(now, measurement);
            asker.send(questions);
        }
    }
}

}  // namespace taskdns::bench
