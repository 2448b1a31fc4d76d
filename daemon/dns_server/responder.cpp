// What UDP and TCP share. Layer: dns_server.
#include "dns_server/responder.hpp"

#include <algorithm>
#include <array>

#include "base/version.hpp"
#include "dns_server/chaos.hpp"

namespace taskdns::dns_server {
namespace {

using Buffer = std::array<std::uint8_t, buffer_size>;

void copy_to(Buffer& buffer, const std::vector<std::uint8_t>& octets) {
    std::copy(octets.begin(), octets.end(), buffer.begin());
}

void send(const HeldQuery& query, const Buffer& buffer, std::size_t length) {
    query.reply({buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(length)});
}

/// echo, daytime, qotd, chargen, time (RFC 862 to 868). Port 53 is none: who answers there says nothing to a
/// response.
bool answers_anything(std::uint16_t port) {
    return port == 7 || port == 13 || port == 17 || port == 19 || port == 37;
}

}  // namespace

Responder::Responder(asio::io_context& context, view::Publisher& publisher, Settings settings, Forwarding* forwarding)
    : publisher_(publisher),
      settings_(std::move(settings)),
      forwarding_(forwarding),
      held_(settings_.max_held),
      patience_(std::in_place, context.get_executor(), "give up held queries", [this] { give_up_expired(); }) {}

bool Responder::may_ask(const IpAddress& source) const {
    return source.is_loopback() || std::any_of(settings_.allow.begin(), settings_.allow.end(),
                                               [&](const Network& network) { return network.contains(source); });
}

bool Responder::may_loop(const SocketAddress& source, const IpAddress& local) const {
    return answers_anything(source.port) ||
           std::any_of(listeners_.begin(), listeners_.end(), [&](const SocketAddress& listener) {
               if (listener.port != source.port || listener.address.is_v4() != source.address.is_v4()) return false;
               if (!listener.address.is_unspecified()) return listener.address == source.address;
               return source.address == local || source.address.is_loopback();
           });
}

void Responder::defer(Action action, std::span<const std::uint8_t> query, Transport transport, Reply reply,
                      const view::View& view) {
    if (action == Action::forward) {
        forwarding_->forward(query, transport, counting(query, std::move(reply)));
        return;
    }
    if (action == Action::describe) {
        describe(query, transport, std::move(reply), view);
        return;
    }
    counters_.held.add();
    hold({{query.begin(), query.end()}, transport, std::move(reply), Clock::now() + settings_.hold_limit}, view);
}

/// `reply`, with a note of what it says.
Reply Responder::counting(std::span<const std::uint8_t> query, Reply reply) {
    dns::Query parsed;
    dns::parse_query(query, parsed);
    return [weak = weak_from_this(), type = parsed.type, reply = std::move(reply)](std::vector<std::uint8_t> answer) {
        if (const auto self = weak.lock())
            self->counters_.answers.count(Source::upstream, type, AnswerCounters::row_of(answer));
        reply(std::move(answer));
    };
}

void Responder::send_local(const Reply& reply, std::vector<std::uint8_t> answer) {
    counters_.answers.count(Source::local, static_cast<std::uint16_t>(dns::RrType::txt),
                            AnswerCounters::row_of(answer));
    reply(std::move(answer));
}

void Responder::describe(std::span<const std::uint8_t> query, Transport transport, Reply reply,
                         const view::View& view) {
    dns::Query parsed;
    dns::parse_query(query, parsed);
    const ChaosSubject subject = find_chaos_subject(parsed, *view.names);
    if (subject.kind != ChaosSubject::Kind::service) {
        const bool is_version = subject.kind == ChaosSubject::Kind::version;
        const std::string text = is_version ? "taskdns " + std::string(version) : settings_.identity;
        send_local(reply, chaos_answer(query, transport, {&text, 1}));
        return;
    }
    if (!settings_.describe || describing_ >= settings_.max_describing) {
        send_local(reply,
                   chaos_failure(query, settings_.describe ? "too many such questions at once" : "not available"));
        return;
    }
    ++describing_;
    auto done = [weak = weak_from_this(), octets = std::vector<std::uint8_t>(query.begin(), query.end()), transport,
                 reply = std::move(reply)](const std::vector<std::string>& lines) {
        const auto self = weak.lock();
        if (!self) return;
        --self->describing_;
        self->send_local(reply, chaos_answer(octets, transport, lines));
    };
    try {
        settings_.describe(dns::Name::from_wire(parsed.wire()).value(), std::move(done));
    } catch (const std::exception&) {  // no memory to ask: the client asks again
        --describing_;
        counters_.dropped_no_memory.add();
    }
}

void Responder::hold(HeldQuery query, const view::View& view) {
    if (held_.full()) {
        give_up(query, view);
        return;
    }
    held_.add(std::move(query));
    arm_timer();
}

void Responder::give_up(const HeldQuery& query, const view::View& view) {
    Buffer buffer;
    copy_to(buffer, query.octets);
    const Outcome result = not_ready(buffer, query.octets.size(), context(view));
    send(query, buffer, result.length);
}

void Responder::arm_timer() {
    if (patience_) patience_->set(held_.next_deadline());
}

void Responder::give_up_expired() {
    const view::Publisher::Lease lease(publisher_);
    for (const HeldQuery& query : held_.take_expired(Clock::now())) give_up(query, lease.view());
    arm_timer();
}

void Responder::on_published() {
    if (held_.empty()) return;
    const view::Publisher::Lease lease(publisher_);
    for (HeldQuery& query : held_.take_all()) {
        Buffer buffer;
        copy_to(buffer, query.octets);
        const Outcome result = answer(buffer, query.octets.size(), query.transport, lease.view());
        switch (result.action) {
            case Action::send:
                send(query, buffer, result.length);
                break;
            case Action::hold:
                held_.add(std::move(query));  // with the deadline that it had
                break;
            case Action::forward:
                defer(Action::forward, query.octets, query.transport, std::move(query.reply), lease.view());
                break;
            case Action::describe:  // such are never held
            case Action::drop:
                break;
        }
    }
    arm_timer();
}

void Responder::stop() {
    const view::Publisher::Lease lease(publisher_);
    for (const HeldQuery& query : held_.take_all()) give_up(query, lease.view());
    patience_.reset();
}

}  // namespace taskdns::dns_server
