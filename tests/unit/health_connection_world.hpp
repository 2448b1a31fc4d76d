// An application, its connections and the endpoints that fail it, in steps of 5 ms: the truth that the ledger is
// measured by. Random, seeded.
#pragma once

#include <algorithm>
#include <map>
#include <random>
#include <vector>

#include "unit/health_connections.hpp"

namespace taskdns::health::testing_world {

using namespace testing_story;

inline constexpr int step_ms = 5;
inline constexpr int never_ms = 1'000'000'000;

enum class Fault {
    none,
    listener_closes,  ///< it refuses, but goes on serving who is connected
    killed,           ///< it refuses, and resets who is connected
    black_hole        ///< nothing comes or goes
};

/// One endpoint and the traffic towards it. All times in milliseconds.
struct Host {
    int number = 1;
    int connects_every = 50;
    Fault fault = Fault::none;
    int fault_at = never_ms;
    bool left_out = false;   ///< nobody connects any more once a refusal is known
    int last_accepted = -1;  ///< the last SYN that it has answered
    unsigned refusals = 0;   ///< that the application has seen
    bool fails(int now) const { return now >= fault_at; }
};

class World {
public:
    explicit World(unsigned seed, std::vector<Host> hosts) : hosts_(std::move(hosts)), random_(seed) {
        dump_at_ = 5 * upto(100);
    }
    virtual ~World() = default;

    void run(int until) {
        for (now_ = 0; now_ < until; now_ += step_ms) {
            for (Host& host : hosts_) connect(host);
            for (Connection& one : connections_) live(one);
            std::erase_if(connections_, [](const Connection& one) { return one.destroyed; });
            deliver_events();
            dump();
        }
    }

protected:
    virtual void told(const ConnectionEvidence& one) = 0;

    int now_ = 0;
    int partial_dumps_percent = 0;
    std::vector<Host> hosts_;
    Host& host(int number) {
        return *std::find_if(hosts_.begin(), hosts_.end(), [&](const Host& one) { return one.number == number; });
    }

private:
    enum class End { closes, half_closes, lives_long };
    struct Connection {
        TcpSocket socket;
        Host* host = nullptr;
        int born = 0;
        int next_syn = 0;
        int gives_up = never_ms;
        int data_at = never_ms;
        int close_at = never_ms;
        End end = End::closes;
        bool silent = false;  ///< accepted, but no data ever
        bool held = false;    ///< reset: in no dump, but not closed by the application yet
        bool destroyed = false;
    };
    struct Event {
        int at = 0;
        TcpSocket socket;
    };

    int upto(int most) { return static_cast<int>(random_() % static_cast<unsigned>(most + 1)); }
    bool percent(int share) { return upto(99) < share; }

    void connect(Host& host) {
        if (now_ % host.connects_every != 0 || host.left_out) return;
        Connection one;
        one.socket = opening(++last_cookie_, host.number);
        one.socket.segments_out = 0;
        one.host = &host;
        one.born = now_;
        one.next_syn = now_;
        constexpr int patience[] = {1100, 1500, 3000, 10'000};
        one.gives_up = now_ + patience[upto(3)];
        one.end = static_cast<End>(upto(2));
        one.silent = percent(5);
        connections_.push_back(one);
        if (percent(10)) {  // beside it one that is given up at once
            one.socket.cookie = ++last_cookie_;
            one.gives_up = now_ + step_ms;
            connections_.push_back(one);
        }
    }

    void live(Connection& one) {
        if (one.held) {
            if (now_ >= one.close_at) destroy(one);
        } else if (one.socket.state == TcpState::syn_sent) {
            open(one);
        } else {
            serve(one);
        }
    }

    void open(Connection& one) {
        TcpSocket& socket = one.socket;
        if (now_ >= one.gives_up) return destroy(one);
        if (now_ < one.next_syn) return;
        if (++socket.segments_out > 1) {
            ++socket.retransmits;
            ++socket.total_retransmits;
        }
        one.next_syn = now_ + 1000 * (1 << (socket.segments_out - 1));
        const bool fails = one.host->fails(now_);
        if (percent(2) || (fails && one.host->fault == Fault::black_hole)) return;
        socket.segments_in = 1;
        if (fails) {
            ++one.host->refusals;
            return destroy(one);
        }
        one.host->last_accepted = now_;
        socket.bytes_acked = 1;
        socket.retransmits = 0;
        socket.state = TcpState::established;
        one.data_at = one.silent ? never_ms : now_ + step_ms * upto(percent(10) ? 100 : 5);
        one.close_at = now_ + (one.end == End::lives_long ? 5000 + upto(25'000) : 30 + upto(500));
    }

    void serve(Connection& one) {
        const bool fails = one.host->fails(now_);
        if (fails && one.host->fault == Fault::killed) {
            // One that is closed late was seen by a dump: of others the ledger cannot know when they began.
            one.held = true;
            one.close_at = now_ + (now_ - one.born > 4500 ? upto(20'000) : upto(50));
            return;
        }
        if (now_ >= one.data_at && !(fails && one.host->fault != Fault::listener_closes)) {
            one.socket.bytes_received += 1000;
            one.data_at = now_ + 200;
        }
        if (now_ < one.close_at) return;
        if (one.end != End::half_closes) return destroy(one);
        one.end = End::closes;
        one.socket.state = TcpState::other;
        one.close_at = now_ + 500;
    }

    /// The kernel says so a little later.
    void destroy(Connection& one) {
        one.destroyed = true;
        one.socket.state = TcpState::closed;
        events_.push_back({now_ + step_ms * upto(2), one.socket});
    }

    void deliver_events() {
        for (std::size_t i = 0; i < events_.size();) {
            if (events_[i].at > now_) {
                ++i;
                continue;
            }
            const TcpSocket socket = events_[i].socket;
            events_.erase(events_.begin() + static_cast<std::ptrdiff_t>(i));
            ledger_.ledger.destroyed(socket, start + milliseconds(now_), ledger_.evidence);
            tell();
        }
    }

    /// One takes 10 ms: half of the sockets are looked at in its first step, the others in its second. What they were
    /// then is read at its end.
    void dump() {
        if (now_ == dump_at_) {
            ledger_.ledger.begin_dump(start + milliseconds(now_));
            lines_.clear();
        }
        const int step = (now_ - dump_at_) / step_ms;
        for (const Connection& one : connections_) {
            if (now_ < dump_at_ || one.held || static_cast<int>(one.socket.cookie % 2) != step) continue;
            lines_.push_back(one.socket);
        }
        if (step != 2) return;
        for (const TcpSocket& socket : lines_) ledger_.ledger.living(socket);
        ledger_.ledger.end_dump(!percent(partial_dumps_percent), ledger_.evidence);
        tell();
        dump_at_ += 1000 + step_ms * upto(1);
    }

    void tell() {
        for (const ConnectionEvidence& one : ledger_.evidence) told(one);
        ledger_.evidence.clear();
    }

    std::mt19937 random_;
    Ledger ledger_;
    std::vector<Connection> connections_;
    std::vector<Event> events_;
    std::vector<TcpSocket> lines_;
    std::uint64_t last_cookie_ = 0;
    int dump_at_ = 0;
};

}  // namespace taskdns::health::testing_world
