// A DNS server inside the test.
#include "support/fake_upstream.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <stdexcept>
#include <tuple>

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include "base/asio.hpp"

namespace taskdns::testing_support {
namespace {

using asio::ip::tcp;
using asio::ip::udp;
using boost::system::error_code;

constexpr std::size_t header_size = 12;
const asio::ip::address loopback = asio::ip::address_v4::loopback();

std::optional<Seen> read_query(const dns::Bytes& message, std::uint16_t source_port, bool over_tcp) {
    std::size_t end = header_size;
    while (end < message.size() && message[end] != 0) end += message[end] + 1U;
    if (end + 5 > message.size()) return std::nullopt;
    const auto name = dns::Name::from_wire(std::span(message).subspan(header_size, end + 1 - header_size));
    if (!name) return std::nullopt;
    Seen seen;
    seen.question = {*name, static_cast<dns::RrType>(message[end + 1] << 8 | message[end + 2])};
    seen.id = static_cast<std::uint16_t>(message[0] << 8 | message[1]);
    seen.source_port = source_port;
    seen.over_tcp = over_tcp;
    seen.recursion_desired = (message[2] & 1) != 0;
    seen.message = message;
    return seen;
}

dns::Bytes written(const Seen& query, const Reply& reply) {
    if (reply.garbage) {
        Sections claims;
        claims.truncated = reply.sections.truncated;
        dns::Bytes message = write_response(query.id, query.question, claims);
        message[7] = 3;  // three answers, of which none follows
        message.insert(message.end(), {0xC0, 0xFF, 1, 2, 3});
        return message;
    }
    if (reply.truncated_on_udp && !query.over_tcp) {
        Sections cut;
        cut.truncated = true;
        return write_response(query.id, query.question, cut);
    }
    dns::Bytes message = write_response(query.id, query.question, reply.sections);
    if (reply.upper_case) {
        const std::size_t end = header_size + query.question.name.wire().size();
        for (std::size_t at = header_size; at < end; ++at) {
            if (message[at] >= 'a' && message[at] <= 'z') message[at] = static_cast<std::uint8_t>(message[at] - 0x20);
        }
    }
    return message;
}

dns::Bytes told(Lie lie, const Seen& query, const Reply& reply) {
    const auto other_id = static_cast<std::uint16_t>(query.id + 1);
    const Sections wrong{.answer = {a(query.question.name.to_string(), "6.6.6.6")}};
    switch (lie) {
        case Lie::wrong_id:
            return write_response(other_id, query.question, wrong);
        case Lie::other_question:
            return write_response(query.id, question("evil.local", query.question.type), wrong);
        case Lie::garbage:
            return {0xDE, 0xAD, 0xBE, 0xEF, 0xDE, 0xAD, 0xBE, 0xEF, 0xDE, 0xAD, 0xBE, 0xEF, 0xFF};
        case Lie::empty_datagram:
            return {};
        case Lie::header_only: {
            const dns::Bytes whole = write_response(query.id, query.question, {});
            return {whole.begin(), whole.begin() + header_size};
        }
        case Lie::query_itself:
            return query.message;
        case Lie::from_other_port:
        case Lie::from_other_address:
            return written(query, reply);
    }
    return {};
}

}  // namespace

struct FakeUpstream::State {
    explicit State(asio::io_context& io) : executor(io.get_executor()), datagrams(io), acceptor(io) {}

    static asio::awaitable<void> serve_datagrams(std::shared_ptr<State> state);
    static asio::awaitable<void> reply_to(std::shared_ptr<State> state, udp::endpoint peer, Seen query, Reply reply);
    static asio::awaitable<void> accept(std::shared_ptr<State> state);
    static asio::awaitable<void> serve_stream(std::shared_ptr<State> state, std::shared_ptr<tcp::socket> socket);
    static asio::awaitable<void> wait(std::shared_ptr<State> state, milliseconds delay);

    Reply reply_for(const Seen& query) {
        seen.push_back(query);
        const auto found = replies.find({query.question.name, query.question.type});
        return found == replies.end() ? fallback : found->second;
    }

    asio::any_io_executor executor;
    udp::socket datagrams;
    tcp::acceptor acceptor;
    std::map<std::pair<dns::Name, dns::RrType>, Reply> replies;
    Reply fallback{.sections = {.rcode = dns::Rcode::refused}};
    std::vector<Seen> seen;
    std::size_t at_once = 0;
    std::size_t most_at_once = 0;
};

asio::awaitable<void> FakeUpstream::State::wait(std::shared_ptr<State> state, milliseconds delay) {
    ++state->at_once;
    state->most_at_once = std::max(state->most_at_once, state->at_once);
    asio::steady_timer timer(state->executor, delay);
    co_await timer.async_wait(as_result);
    --state->at_once;
}

asio::awaitable<void> FakeUpstream::State::serve_datagrams(std::shared_ptr<State> state) {
    std::array<std::uint8_t, 4096> buffer{};
    for (;;) {
        udp::endpoint peer;
        const auto [ec, size] = co_await state->datagrams.async_receive_from(asio::buffer(buffer), peer, as_result);
        if (ec) {
            if (!state->datagrams.is_open()) co_return;
            continue;  // a client that closed its port
        }
        const auto query = read_query({buffer.begin(), buffer.begin() + size}, peer.port(), false);
        if (!query) continue;
        Reply reply = state->reply_for(*query);
        asio::co_spawn(state->executor, reply_to(state, peer, *query, std::move(reply)), asio::detached);
    }
}

asio::awaitable<void> FakeUpstream::State::reply_to(std::shared_ptr<State> state, udp::endpoint peer, Seen query,
                                                    Reply reply) {
    co_await wait(state, reply.delay);
    if (!state->datagrams.is_open()) co_return;
    error_code ignored;  // the client may be gone
    for (const Lie lie : reply.lies) {
        const dns::Bytes message = told(lie, query, reply);
        if (lie == Lie::from_other_port || lie == Lie::from_other_address) {
            const asio::ip::address_v4 elsewhere({127, 0, 0, 66});
            const udp::endpoint from = lie == Lie::from_other_port
                                           ? udp::endpoint(loopback, 0)
                                           : udp::endpoint(elsewhere, state->datagrams.local_endpoint().port());
            udp::socket other(state->executor, udp::v4());
            other.bind(from, ignored);
            other.send_to(asio::buffer(message), peer, 0, ignored);
        } else {
            state->datagrams.send_to(asio::buffer(message), peer, 0, ignored);
        }
    }
    if (!reply.silent) state->datagrams.send_to(asio::buffer(written(query, reply)), peer, 0, ignored);
}

asio::awaitable<void> FakeUpstream::State::accept(std::shared_ptr<State> state) {
    for (;;) {
        const auto socket = std::make_shared<tcp::socket>(state->executor);
        const auto [ec] = co_await state->acceptor.async_accept(*socket, as_result);
        if (ec) co_return;
        asio::co_spawn(state->executor, serve_stream(state, socket), asio::detached);
    }
}

asio::awaitable<void> FakeUpstream::State::serve_stream(std::shared_ptr<State> state,
                                                        std::shared_ptr<tcp::socket> socket) {
    std::array<std::uint8_t, 2> length{};
    const auto [no_length, n] = co_await asio::async_read(*socket, asio::buffer(length), as_result);
    if (no_length) co_return;
    dns::Bytes message(static_cast<std::size_t>(length[0] << 8 | length[1]));
    const auto [cut, m] = co_await asio::async_read(*socket, asio::buffer(message), as_result);
    if (cut) co_return;
    error_code ec;
    const auto query = read_query(message, socket->remote_endpoint(ec).port(), true);
    if (!query) co_return;
    const Reply reply = state->reply_for(*query);
    co_await wait(state, reply.delay);
    if (reply.stream == Stream::closed_at_once) co_return;

    Seen asked = *query;
    if (reply.stream == Stream::other_question) asked.question = question("evil.local");
    dns::Bytes out = written(asked, reply);
    if (reply.stream == Stream::length_zero) out.clear();
    std::size_t announced = out.size();
    if (reply.stream == Stream::length_too_long) announced = 0xFFFF;
    if (reply.stream == Stream::length_too_short) announced /= 2;
    out.insert(out.begin(), {static_cast<std::uint8_t>(announced >> 8), static_cast<std::uint8_t>(announced & 0xFF)});
    if (reply.stream == Stream::cut_half_way) out.resize(out.size() / 2);
    if (reply.stream != Stream::silent) {
        const bool slowly = reply.stream == Stream::octet_a_second;
        const std::size_t step = slowly || reply.stream == Stream::octet_by_octet ? 1 : out.size();
        socket->set_option(tcp::no_delay(true), ec);
        for (std::size_t at = 0; at < out.size(); at += step) {
            const auto [lost, sent] =
                co_await asio::async_write(*socket, asio::buffer(out.data() + at, step), as_result);
            if (lost) co_return;
            if (slowly) co_await wait(state, milliseconds(1'000));
        }
    }
    if (reply.stream == Stream::cut_half_way) co_return;
    // Held open until the client closes: it must not wait for an end of file.
    co_await asio::async_read(*socket, asio::buffer(length), as_result);
}

FakeUpstream::FakeUpstream(asio::io_context& io) : state_(std::make_shared<State>(io)) {
    for (int attempt = 0;; ++attempt) {  // the TCP port may be taken for UDP by another test
        const tcp::endpoint any(loopback, 0);
        state_->acceptor = tcp::acceptor(io, any);
        error_code ec;
        state_->datagrams.open(udp::v4());
        state_->datagrams.bind({loopback, state_->acceptor.local_endpoint().port()}, ec);
        if (!ec) break;
        if (attempt == 20) throw std::runtime_error("no port that is free for UDP and TCP: " + ec.message());
        state_->datagrams.close();
    }
    asio::co_spawn(io, State::serve_datagrams(state_), asio::detached);
    asio::co_spawn(io, State::accept(state_), asio::detached);
}

FakeUpstream::~FakeUpstream() {
    error_code ignored;
    state_->datagrams.close(ignored);
    state_->acceptor.close(ignored);
}

SocketAddress FakeUpstream::address() const {
    return {from_asio(loopback), state_->datagrams.local_endpoint().port()};
}

void FakeUpstream::on(const std::string& name, dns::RrType type, Reply reply) {
    state_->replies[{question(name, type).name, type}] = std::move(reply);
}

void FakeUpstream::on(const std::string& name, dns::RrType type, Sections sections) {
    on(name, type, Reply{.sections = std::move(sections)});
}

void FakeUpstream::otherwise(Reply reply) { state_->fallback = std::move(reply); }

void FakeUpstream::send_datagram(const dns::Bytes& message, std::uint16_t to_port) {
    error_code ignored;  // who waited there may be gone
    state_->datagrams.send_to(asio::buffer(message), {loopback, to_port}, 0, ignored);
}

const std::vector<Seen>& FakeUpstream::seen() const { return state_->seen; }

std::size_t FakeUpstream::times_asked(const std::string& name, dns::RrType type) const {
    const dns::Question wanted = question(name, type);
    return static_cast<std::size_t>(std::count_if(state_->seen.begin(), state_->seen.end(),
                                                  [&wanted](const Seen& seen) { return seen.question == wanted; }));
}

std::size_t FakeUpstream::most_at_once() const { return state_->most_at_once; }

SocketAddress closed_port(asio::io_context& io) {
    const udp::socket datagrams(io, udp::endpoint(loopback, 0));
    return {from_asio(loopback), datagrams.local_endpoint().port()};
}

}  // namespace taskdns::testing_support
