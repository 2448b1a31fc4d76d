// What UDP and TCP share: who may ask, the queries that wait, and the way to the forwarder.
// Layer: dns_server (may include base, view, Asio). Threads: the dns thread; before it runs, the one that makes it.
#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/alarm.hpp"
#include "base/asio.hpp"
#include "dns_server/settings.hpp"
#include "view/publisher.hpp"

namespace taskdns::dns_server {

class Responder : public std::enable_shared_from_this<Responder> {
public:
    Responder(asio::io_context& context, view::Publisher& publisher, Settings settings, Forwarding* forwarding);

    const Settings& settings() const { return settings_; }
    view::Publisher& publisher() { return publisher_; }
    Counters& counters() { return counters_; }
    const Counters& counters() const { return counters_; }

    void add_listener(const SocketAddress& address) { listeners_.push_back(address); }
    void remove_listener(const SocketAddress& address) { std::erase(listeners_, address); }
    void set_allow(std::vector<Network> allow) { settings_.allow = std::move(allow); }
    void set_identity(std::string identity) { settings_.identity = std::move(identity); }
    void set_forwarding(Forwarding* forwarding) { forwarding_ = forwarding; }

    /// Loopback and the allowed networks.
    bool may_ask(const IpAddress& source) const;
    /// A datagram from one of our own listeners, or from a service that answers whatever it is sent: an answer would
    /// begin a conversation without end. `local`: the address it came to, where the listener is a wildcard.
    bool may_loop(const SocketAddress& source, const IpAddress& local) const;

    /// HOT PATH.
    Outcome answer(std::span<std::uint8_t> buffer, std::size_t length, Transport transport, const view::View& view) {
        return dns_server::answer(buffer, length, transport, context(view));
    }
    /// What is to be done with a query that answer() did not answer: `action` is hold, forward or describe. The
    /// octets are copied; `reply` is called exactly once, possibly before this returns, unless we stop first.
    void defer(Action action, std::span<const std::uint8_t> query, Transport transport, Reply reply,
               const view::View& view);

    void on_published();
    /// Gives up the held queries.
    void stop();

private:
    Context context(const view::View& view) {
        return {.view = view, .counters = counters_, .forwarding = forwarding_};
    }
    Reply counting(std::span<const std::uint8_t> query, Reply reply);
    void send_local(const Reply& reply, std::vector<std::uint8_t> answer);
    void describe(std::span<const std::uint8_t> query, Transport transport, Reply reply, const view::View& view);
    void hold(HeldQuery query, const view::View& view);
    void give_up(const HeldQuery& query, const view::View& view);
    void arm_timer();
    void give_up_expired();

    view::Publisher& publisher_;
    Settings settings_;
    Forwarding* forwarding_;
    Counters counters_;
    std::vector<SocketAddress> listeners_;
    HeldQueries held_;
    std::size_t describing_ = 0;
    std::optional<Alarm> patience_;  // until we stop
};

}  // namespace taskdns::dns_server
