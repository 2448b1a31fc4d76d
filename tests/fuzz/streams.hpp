// A stream of octets over a pair of sockets, in pieces of any size: what the entries that read one share.
#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <utility>
#include <vector>

#include <boost/asio/ip/tcp.hpp>

#include "fuzz/fuzz.hpp"

namespace taskdns::fuzz {

/// How a stream is cut: pieces of these sizes, in turns; then what is left. No sizes: all at once.
class Pieces {
public:
    explicit Pieces(std::span<const std::uint8_t> sizes) : sizes_(sizes) {}

    std::size_t next(std::size_t left) {
        constexpr std::size_t most_pieces = 40;
        if (turn_ >= most_pieces || sizes_.empty()) return left;
        return std::clamp<std::size_t>(sizes_[turn_++ % sizes_.size()], 1, left);
    }

private:
    std::span<const std::uint8_t> sizes_;
    std::size_t turn_ = 0;
};

/// The other end of a socket that thinks it is a TCP socket. Nothing here waits.
class Peer {
public:
    Peer() {
        std::array<int, 2> ends{};
        require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0, "a pair of sockets");
        theirs_ = ends[0];
        ours_ = ends[1];
    }
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;
    ~Peer() {
        ::close(ours_);
        if (theirs_ >= 0) ::close(theirs_);
    }

    /// The end that is tested; once.
    template <class Executor>
    boost::asio::ip::tcp::socket socket(const Executor& executor) {
        boost::asio::ip::tcp::socket out(executor);
        out.assign(boost::asio::ip::tcp::v4(), std::exchange(theirs_, -1));
        return out;
    }
    /// False: it takes no more.
    bool say(std::span<const std::uint8_t> octets) {
        return ::send(ours_, octets.data(), octets.size(), MSG_NOSIGNAL | MSG_DONTWAIT) ==
               static_cast<ssize_t>(octets.size());
    }
    void end() { ::shutdown(ours_, SHUT_WR); }
    /// All that is there to read, behind `heard`. False: nothing.
    bool listen(std::vector<std::uint8_t>& heard) {
        const std::size_t before = heard.size();
        std::array<std::uint8_t, 16'384> chunk;
        for (;;) {
            const ssize_t size = ::recv(ours_, chunk.data(), chunk.size(), MSG_DONTWAIT);
            if (size <= 0) return heard.size() > before;
            heard.insert(heard.end(), chunk.begin(), chunk.begin() + size);
        }
    }

private:
    int theirs_ = -1;
    int ours_ = -1;
};

/// `stream` in pieces; `step` runs what reads it, and says whether to go on. `ends`: its end comes with the last
/// piece.
template <class Step>
void say_in_pieces(Peer& peer, std::span<const std::uint8_t> stream, Pieces pieces, bool ends, const Step& step) {
    while (!stream.empty()) {
        const std::size_t size = pieces.next(stream.size());
        if (!peer.say(stream.first(size))) return;
        stream = stream.subspan(size);
        if (ends && stream.empty()) peer.end();
        if (!step()) return;
    }
}

/// What stands before the stream in an input: what to do, and the sizes of four pieces.
inline constexpr std::size_t stream_head = 5;

}  // namespace taskdns::fuzz
