// One DNS exchange with one upstream server. Layer: upstream (may include base, dns, config, Asio).
// Threads: the executor's.
#include "upstream/exchange.hpp"

#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <memory>
#include <type_traits>

#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/write.hpp>

#include "dns/wire.hpp"

namespace taskdns::upstream {
namespace {

constexpr std::size_t stream_step = 4096;  // octets that a stream gets room for before any has come

using asio::ip::udp;
using boost::system::error_code;

/// A socket with a deadline. The timer's handler shares the attempt, since it may run after the coroutine has ended.
template <class Socket>
struct Attempt {
    Attempt(const asio::any_io_executor& executor, SocketAddress peer, Ignored* counts)
        : socket(executor), deadline(executor), server(peer), ignored(counts) {}

    Socket socket;
    asio::steady_timer deadline;
    SocketAddress server;
    Ignored* ignored;  // may be null; not to be used once the socket is closed
    bool timed_out = false;
};

/// Datagrams with another ID than the query's do not reach the socket's queue, which holds some 270 small ones: more
/// than that, sent at once by a forger, would leave no room for the answer. Where the filter cannot be had, `accepts`
/// says the same.
void hear_only_answers(udp::socket& socket, const dns::Bytes& query) {
    constexpr std::uint32_t udp_header_size = 8;
    constexpr std::uint32_t everything = 0xFFFFFFFF;
    const std::uint32_t id = static_cast<std::uint32_t>(query[0] << 8 | query[1]);
    std::array<sock_filter, 4> program{{{BPF_LD | BPF_H | BPF_ABS, 0, 0, udp_header_size},  // none: dropped, too
                                        {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, id},
                                        {BPF_RET | BPF_K, 0, 0, everything},
                                        {BPF_RET | BPF_K, 0, 0, 0}}};
    const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
    setsockopt(socket.native_handle(), SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter);
}

/// What the filter has dropped. A queue that overflowed counts as well: of messages with the right ID.
std::uint32_t dropped(udp::socket& socket) {
    std::array<std::uint32_t, SK_MEMINFO_VARS> figures{};
    socklen_t size = sizeof figures;
    const int error = getsockopt(socket.native_handle(), SOL_SOCKET, SO_MEMINFO, figures.data(), &size);
    return error == 0 && size == sizeof figures ? figures[SK_MEMINFO_DROPS] : 0;
}

void count(Ignored* ignored, std::span<const std::uint8_t> message, const dns::Bytes& query) {
    if (ignored == nullptr) return;
    if (message.size() < 2 || message[0] != query[0] || message[1] != query[1]) {
        ignored->id.add();
    } else if (message.size() < dns::header_size ||
               (message[2] & (dns::flag_qr | dns::opcode_bits)) != dns::flag_qr) {
        ignored->header.add();
    } else {
        ignored->question.add();
    }
}

/// Starts the deadline; ends it together with the socket when the exchange is over, however that happens.
template <class Socket>
class Limit {
public:
    Limit(std::shared_ptr<Attempt<Socket>> attempt, milliseconds timeout) : attempt_(std::move(attempt)) {
        attempt_->deadline.expires_after(timeout);
        attempt_->deadline.async_wait([attempt = attempt_](const error_code& ec) {
            if (ec) return;
            attempt->timed_out = true;
            close(*attempt);
        });
    }
    Limit(const Limit&) = delete;
    Limit& operator=(const Limit&) = delete;
    ~Limit() {
        attempt_->deadline.cancel();
        close(*attempt_);
    }

private:
    static void close(Attempt<Socket>& attempt) {
        if constexpr (std::is_same_v<Socket, udp::socket>) {
            if (attempt.ignored != nullptr && attempt.socket.is_open()) {
                attempt.ignored->id.add(dropped(attempt.socket));
            }
        }
        error_code ignored;  // nothing can be done about a failing close, and nothing depends on it
        attempt.socket.close(ignored);
    }

    std::shared_ptr<Attempt<Socket>> attempt_;
};

Errc kind(const error_code& ec) {
    namespace errc = boost::system::errc;
    if (ec == errc::connection_refused) return Errc::refused;
    constexpr std::array ours{errc::too_many_files_open,  errc::too_many_files_open_in_system,
                              errc::no_buffer_space,      errc::not_enough_memory,
                              errc::permission_denied,    errc::operation_not_permitted,
                              errc::address_not_available};
    const bool is_ours = std::any_of(ours.begin(), ours.end(), [&ec](errc::errc_t code) { return ec == code; });
    return is_ours ? Errc::internal : Errc::network;
}

/// Why the exchange failed. Our own deadline and cancellation look like errors of the socket, or come between two of
/// its operations: they are told apart here.
template <class Socket>
Error failure(const Attempt<Socket>& attempt, const asio::cancellation_state& cancellation, const error_code& ec) {
    const std::string from = " from " + attempt.server.to_string();
    if (cancellation.cancelled() != asio::cancellation_type::none) return {Errc::cancelled, "cancelled"};
    if (attempt.timed_out) return {Errc::timeout, "timeout" + from};
    const Errc code = kind(ec);
    if (code == Errc::refused) return {code, "refused connection" + from};
    return {code, attempt.server.to_string() + ": " + ec.message()};
}

Error malformed(const SocketAddress& server, const char* what) {
    return {Errc::malformed, "malformed answer from " + server.to_string() + ": " + what};
}

/// Opens and connects. The kernel chooses the local port when connect() finds none bound: at random within
/// ip_local_port_range, past ports in use and ip_local_reserved_ports, which a number of our own choice would have
/// to learn by trial. So each query has a port that cannot be guessed (RFC 5452 section 9.2).
error_code connect(udp::socket& socket, const SocketAddress& server, const dns::Bytes& query) {
    const udp::endpoint endpoint = to_udp(server);
    error_code ec;
    socket.open(endpoint.protocol(), ec);
    if (!ec) hear_only_answers(socket, query);  // before anybody can know the port
    if (!ec) socket.non_blocking(true, ec);
    if (!ec) socket.connect(endpoint, ec);
    return ec;
}

/// The datagram that is waiting, in a buffer of its size: an exchange that waits holds no buffer at all.
dns::Bytes receive(udp::socket& socket, error_code& ec) {
    const std::size_t size = socket.available(ec);
    if (ec) return {};
    dns::Bytes message(std::max<std::size_t>(size, 1));
    message.resize(socket.receive(asio::buffer(message), 0, ec));
    return message;
}

asio::awaitable<Result<dns::Bytes>> run_udp(SocketAddress server, dns::Bytes query, Accepts accepts,
                                            milliseconds timeout, Ignored* ignored) {
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    const auto executor = co_await asio::this_coro::executor;
    const auto attempt = std::make_shared<Attempt<udp::socket>>(executor, server, ignored);
    const Limit limit(attempt, timeout);
    error_code ec = connect(attempt->socket, server, query);
    if (!ec) attempt->socket.send(asio::buffer(query), 0, ec);
    while (!ec && cancellation.cancelled() == asio::cancellation_type::none) {
        const auto [waited] = co_await attempt->socket.async_wait(asio::socket_base::wait_read, as_result);
        ec = waited;
        if (ec) break;
        dns::Bytes message = receive(attempt->socket, ec);
        if (!ec && accepts(message)) co_return message;
        if (!ec) count(ignored, message, query);
        if (ec == asio::error::would_block) ec.clear();  // a datagram with a wrong checksum is gone when we read
    }
    co_return failure(*attempt, cancellation, ec);
}

asio::awaitable<Result<dns::Bytes>> run_tcp(SocketAddress server, dns::Bytes query, Accepts accepts,
                                            milliseconds timeout, Ignored* ignored) {
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    const auto stopping = [&cancellation] { return cancellation.cancelled() != asio::cancellation_type::none; };
    const auto executor = co_await asio::this_coro::executor;
    const auto attempt = std::make_shared<Attempt<asio::ip::tcp::socket>>(executor, server, ignored);
    const Limit limit(attempt, timeout);
    const auto [connected] = co_await attempt->socket.async_connect(to_tcp(server), as_result);
    if (connected || stopping()) co_return failure(*attempt, cancellation, connected);

    // Length and message in one write: some servers drop a message whose length comes alone (RFC 7766 section 8).
    const std::array<std::uint8_t, 2> prefix{static_cast<std::uint8_t>(query.size() >> 8),
                                             static_cast<std::uint8_t>(query.size() & 0xFF)};
    const std::array parts{asio::buffer(prefix), asio::const_buffer(asio::buffer(query))};
    const auto [written, written_size] = co_await asio::async_write(attempt->socket, parts, as_result);
    if (written || stopping()) co_return failure(*attempt, cancellation, written);

    std::array<std::uint8_t, 2> length{};
    const auto [got_length, length_size] =
        co_await asio::async_read(attempt->socket, asio::buffer(length), as_result);
    if (got_length || stopping()) co_return failure(*attempt, cancellation, got_length);
    const auto announced = static_cast<std::size_t>(length[0] << 8 | length[1]);
    if (announced < dns::header_size) co_return malformed(server, "shorter than a header");
    dns::Bytes message;
    while (message.size() < announced) {
        const std::size_t have = message.size();
        message.resize(std::min(announced, have + stream_step));
        const auto room = asio::buffer(message) + have;
        const auto [got, size] = co_await asio::async_read(attempt->socket, room, as_result);
        if (got || stopping()) co_return failure(*attempt, cancellation, got);
    }
    if (!accepts(message)) {
        count(ignored, message, query);
        co_return malformed(server, "it answers another question");
    }
    co_return message;
}

}  // namespace

// Asio throws from the next co_await once a coroutine is cancelled, unless told not to, and that setting belongs to
// the whole thread of coroutines: it is put back for the caller.
asio::awaitable<Result<dns::Bytes>> exchange_udp(SocketAddress server, dns::Bytes query, Accepts accepts,
                                                 milliseconds timeout, Ignored* ignored) {
    const bool throws = co_await asio::this_coro::throw_if_cancelled();
    co_await asio::this_coro::throw_if_cancelled(false);
    Result<dns::Bytes> result = co_await run_udp(server, std::move(query), std::move(accepts), timeout, ignored);
    co_await asio::this_coro::throw_if_cancelled(throws);
    co_return result;
}

asio::awaitable<Result<dns::Bytes>> exchange_tcp(SocketAddress server, dns::Bytes query, Accepts accepts,
                                                 milliseconds timeout, Ignored* ignored) {
    const bool throws = co_await asio::this_coro::throw_if_cancelled();
    co_await asio::this_coro::throw_if_cancelled(false);
    Result<dns::Bytes> result = co_await run_tcp(server, std::move(query), std::move(accepts), timeout, ignored);
    co_await asio::this_coro::throw_if_cancelled(throws);
    co_return result;
}

std::uint16_t random_id() {
    std::uint16_t id = 0;
    // Up to 256 octets come whole and without a signal in between (getrandom(2)); it may fail only where the kernel
    // lacks it, and then a query with ID 0 is answered all the same.
    [[maybe_unused]] const auto size = getrandom(&id, sizeof id, 0);
    return id;
}

}  // namespace taskdns::upstream
