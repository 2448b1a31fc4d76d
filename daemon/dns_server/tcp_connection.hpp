// One client's TCP connection: queries as they come, answers as they are ready, in whatever order (RFC 7766).
// Layer: dns_server (may include base, view, Asio). Threads: the dns thread.
#pragma once

#include <memory>
#include <vector>

#include <boost/asio/steady_timer.hpp>

#include "dns_server/responder.hpp"

namespace taskdns::dns_server {

class TcpConnection : public std::enable_shared_from_this<TcpConnection> {
public:
    TcpConnection(asio::ip::tcp::socket socket, std::shared_ptr<Responder> responder);

    /// Runs until the client is gone, or has closed its side and got its answers, or close() is called.
    static asio::awaitable<void> serve(std::shared_ptr<TcpConnection> self);
    void close();

    /// When the last query came or the last answer left. Octets of an unfinished query do not count.
    TimePoint last_activity() const { return last_activity_; }
    /// Answers that are still to come from elsewhere.
    bool is_waiting_for_answers() const { return outstanding_ != 0; }
    bool is_open() const { return socket_.is_open(); }

private:
    /// What a client may have unanswered before we stop reading from it.
    static constexpr unsigned most_outstanding = 64;
    static constexpr std::size_t most_unwritten = 64 << 10;
    /// With this much unread by the client it is cut off.
    static constexpr std::size_t too_much_unwritten = 512 << 10;

    std::size_t unwritten() const { return pending_.size() + writing_.size(); }
    bool may_read() const { return outstanding_ < most_outstanding && unwritten() < most_unwritten; }
    bool is_finished() const { return outstanding_ == 0 && unwritten() == 0; }
    bool has_whole_query() const;
    /// Answers the whole queries in `input_` while may_read(). False: what came is not DNS, or too long for us.
    bool take_queries();
    void take_query(std::span<const std::uint8_t> query, const view::View& view);
    void deliver(std::span<const std::uint8_t> answer);
    void append(std::span<const std::uint8_t> answer);
    void write_pending();
    void on_written(const boost::system::error_code& error);

    asio::ip::tcp::socket socket_;
    std::shared_ptr<Responder> responder_;
    asio::steady_timer progress_;  // cancelled to wake serve() when answers have left
    std::vector<std::uint8_t> input_;
    std::size_t filled_ = 0;
    std::vector<std::uint8_t> pending_;  // answers not yet given to the socket
    std::vector<std::uint8_t> writing_;
    unsigned outstanding_ = 0;
    TimePoint last_activity_ = Clock::now();
};

}  // namespace taskdns::dns_server
