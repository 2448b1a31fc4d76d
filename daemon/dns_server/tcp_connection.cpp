// One client's TCP connection. Layer: dns_server.
#include "dns_server/tcp_connection.hpp"

#include <algorithm>
#include <array>

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>

#include "dns/wire.hpp"

namespace taskdns::dns_server {
namespace {

constexpr std::size_t prefix_size = 2;  // RFC 1035 section 4.2.2

}  // namespace

TcpConnection::TcpConnection(asio::ip::tcp::socket socket, std::shared_ptr<Responder> responder)
    : socket_(std::move(socket)),
      responder_(std::move(responder)),
      progress_(socket_.get_executor()),
      input_(prefix_size + buffer_size) {
    boost::system::error_code ignored;  // then write_pending() leaves all to the asynchronous write
    socket_.non_blocking(true, ignored);
}

asio::awaitable<void> TcpConnection::serve(std::shared_ptr<TcpConnection> self) {
    co_await asio::this_coro::throw_if_cancelled(false);
    bool half_closed = false;
    while (self->is_open()) {
        if (!self->take_queries()) break;
        // Left over when too much was unwritten; by now it has been written.
        if (self->may_read() && self->has_whole_query()) continue;
        if (half_closed && self->is_finished()) break;
        if (half_closed || !self->may_read()) {
            self->progress_.expires_at(never);
            co_await self->progress_.async_wait(as_result);
            continue;
        }
        const auto room = asio::buffer(self->input_) + self->filled_;
        const auto [error, octets] = co_await self->socket_.async_read_some(room, as_result);
        self->filled_ += octets;
        if (error == asio::error::eof) {
            half_closed = true;
        } else if (error) {
            break;
        }
    }
    self->close();
}

void TcpConnection::close() {
    boost::system::error_code ignored;  // closing is all that can be done
    socket_.close(ignored);
    progress_.cancel();
}

bool TcpConnection::take_queries() {
    std::size_t at = 0;
    std::size_t queries = 0;
    bool well_formed = true;
    const TimePoint began = Clock::now();
    {
        const view::Publisher::Lease lease(responder_->publisher());
        while (may_read() && filled_ - at >= prefix_size) {
            const std::size_t length = dns::read_u16(&input_[at]);
            well_formed = length <= buffer_size;
            if (!well_formed || filled_ - at < prefix_size + length) break;
            take_query({&input_[at + prefix_size], length}, lease.view());
            at += prefix_size + length;
            ++queries;
        }
    }
    if (!well_formed) responder_->counters().dropped_too_long.add();
    if (at != 0) {
        last_activity_ = Clock::now();
        std::copy(input_.begin() + static_cast<std::ptrdiff_t>(at),
                  input_.begin() + static_cast<std::ptrdiff_t>(filled_), input_.begin());
        filled_ -= at;
        write_pending();
        responder_->counters().answer_time.observe(Clock::now() - began, queries);
    }
    return well_formed;
}

void TcpConnection::take_query(std::span<const std::uint8_t> query, const view::View& view) {
    responder_->counters().tcp_queries.add();
    std::array<std::uint8_t, buffer_size> buffer;
    std::copy(query.begin(), query.end(), buffer.begin());
    const Outcome result = responder_->answer(buffer, query.size(), Transport::tcp, view);
    if (result.action == Action::drop) return;
    if (result.action == Action::send) {
        append({buffer.data(), result.length});
        return;
    }
    ++outstanding_;
    auto reply = [connection = weak_from_this()](const std::vector<std::uint8_t>& answer) {
        if (const auto self = connection.lock()) self->deliver(answer);
    };
    try {
        responder_->defer(result.action, query, Transport::tcp, std::move(reply), view);
    } catch (const std::exception&) {  // no memory to ask elsewhere: this query is lost, the connection is not
        --outstanding_;
        responder_->counters().dropped_no_memory.add();
    }
}

void TcpConnection::deliver(std::span<const std::uint8_t> answer) {
    --outstanding_;
    if (!is_open()) return;
    if (unwritten() > too_much_unwritten) {
        responder_->counters().send_failures.add();
        close();
        return;
    }
    last_activity_ = Clock::now();
    append(answer);
    write_pending();
    progress_.cancel();
}

bool TcpConnection::has_whole_query() const {
    return filled_ >= prefix_size && filled_ - prefix_size >= dns::read_u16(input_.data());
}

void TcpConnection::append(std::span<const std::uint8_t> answer) {
    pending_.push_back(static_cast<std::uint8_t>(answer.size() >> 8));
    pending_.push_back(static_cast<std::uint8_t>(answer.size()));
    pending_.insert(pending_.end(), answer.begin(), answer.end());
}

void TcpConnection::write_pending() {
    if (!writing_.empty() || pending_.empty()) return;
    // At once, as nearly always: what the socket does not take waits until it can.
    std::size_t taken = 0;
    if (socket_.non_blocking()) {
        boost::system::error_code error;  // would_block, or one that the asynchronous write will meet again
        taken = socket_.write_some(asio::buffer(pending_), error);
        if (taken == pending_.size()) {
            pending_.clear();
            last_activity_ = Clock::now();
            return;
        }
    }
    writing_.swap(pending_);
    asio::async_write(socket_, asio::buffer(writing_) + taken,
                      [self = shared_from_this()](const boost::system::error_code& error, std::size_t) {
                          self->on_written(error);
                      });
}

void TcpConnection::on_written(const boost::system::error_code& error) {
    writing_.clear();
    if (error) {
        if (is_open()) responder_->counters().send_failures.add();
        pending_.clear();
        close();
        return;
    }
    last_activity_ = Clock::now();
    write_pending();
    progress_.cancel();
}

}  // namespace taskdns::dns_server
