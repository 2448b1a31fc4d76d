// Fuzz entry: DNS over TCP from both ends, in whatever pieces the octets come. As a server: each whole query of a
// stream gets the answer that it would get alone, in order, and what is no query ends the connection. As a client of
// an upstream: the first message of the stream is the answer, or the exchange fails; in pieces as in one.
#include <array>
#include <map>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/write.hpp>

#include "dns_server/tcp_connection.hpp"
#include "fuzz/answer_rules.hpp"
#include "fuzz/mutate.hpp"
#include "fuzz/questions.hpp"
#include "fuzz/streams.hpp"
#include "support/forwarding.hpp"
#include "support/small_view.hpp"
#include "upstream/exchange.hpp"

namespace {

using namespace taskdns;
using namespace taskdns::fuzz;
using asio::ip::tcp;

using Bytes = std::vector<std::uint8_t>;

/// Says of each name that is not ours the same: REFUSED, and by a detour through the event loop if `later`.
testing_support::FakeForwarding::Forward refuse(asio::io_context& context, bool later) {
    return [&context, later](std::span<const std::uint8_t> query, dns_server::Transport,
                             const dns_server::Reply& reply) {
        Bytes answer(query.begin(), query.end());
        answer[2] |= dns::flag_qr;
        answer[3] = static_cast<std::uint8_t>(dns::flag_ra | (answer[3] & dns::flag_cd) | 5U);
        if (later) {
            asio::post(context, [reply, answer] { reply(answer); });
        } else {
            reply(answer);
        }
    };
}

/// What a server says to `stream`, sent in `pieces`, and whether it has closed the connection itself before its end.
struct Served {
    Bytes octets;
    bool closed = false;
};

/// The small view, its rotation at the beginning.
std::unique_ptr<const view::View> fresh_view() {
    static const std::unique_ptr<const view::View> first = testing_support::small_view();
    auto view = std::make_unique<view::View>(*first);
    view->cursors = std::make_shared<view::Cursors>(view->names->cursors());
    return view;
}

/// One connection, and the client's end of it.
class Conversation {
public:
    explicit Conversation(bool later) : publisher_(fresh_view()), forwarding_(refuse(context_, later)) {
        responder_ =
            std::make_shared<dns_server::Responder>(context_, publisher_, dns_server::Settings{}, &forwarding_);
        connection_ = std::make_shared<dns_server::TcpConnection>(peer.socket(context_.get_executor()), responder_);
        asio::co_spawn(context_, dns_server::TcpConnection::serve(connection_), asio::detached);
    }
    Conversation(const Conversation&) = delete;
    Conversation& operator=(const Conversation&) = delete;
    ~Conversation() {
        connection_->close();
        context_.poll();
    }

    bool is_open() const { return connection_->is_open(); }
    /// Until nothing more comes: whoever waits for a first view is told that there is none.
    void listen() {
        do context_.poll();
        while (peer.listen(heard));
    }
    void give_up_held() {
        for (std::size_t before = heard.size() + 1; before != heard.size();) {
            before = heard.size();
            responder_->stop();
            listen();
        }
    }

    Peer peer;
    Bytes heard;

private:
    asio::io_context context_;
    view::Publisher publisher_;
    testing_support::FakeForwarding forwarding_;
    std::shared_ptr<dns_server::Responder> responder_;
    std::shared_ptr<dns_server::TcpConnection> connection_;
};

Served serve(std::span<const std::uint8_t> stream, Pieces pieces, bool later, bool ends) {
    Conversation conversation(later);
    say_in_pieces(conversation.peer, stream, pieces, ends, [&] {
        conversation.listen();
        return conversation.is_open();
    });
    conversation.listen();
    conversation.give_up_held();
    const bool closed = !conversation.is_open();
    conversation.peer.end();
    conversation.listen();
    require(!conversation.is_open(), "the end of the stream ends the connection");
    return {conversation.heard, closed};
}

/// The answers in a stream of them.
std::vector<Bytes> split(const Bytes& octets) {
    std::vector<Bytes> out;
    std::size_t at = 0;
    while (at + 2 <= octets.size()) {
        const std::size_t end = at + 2 + dns::read_u16(&octets[at]);
        require(end <= octets.size(), "an answer is whole");
        out.emplace_back(octets.begin() + static_cast<std::ptrdiff_t>(at) + 2,
                         octets.begin() + static_cast<std::ptrdiff_t>(end));
        at = end;
    }
    require(at == octets.size(), "nothing but answers");
    return out;
}

/// The queries in a stream that are whole, up to one that no server reads.
struct Queries {
    std::vector<std::span<const std::uint8_t>> whole;
    bool too_long = false;
};

Queries queries_in(std::span<const std::uint8_t> stream) {
    Queries out;
    while (stream.size() >= 2 && !out.too_long) {
        const std::size_t length = dns::read_u16(stream.data());
        out.too_long = length > dns_server::buffer_size;
        if (out.too_long || stream.size() < 2 + length) break;
        out.whole.push_back(stream.subspan(2, length));
        stream = stream.subspan(2 + length);
    }
    return out;
}

/// `ends`: the client closes its side with the last octet; it gets its answers all the same.
void check_server(std::span<const std::uint8_t> stream, std::span<const std::uint8_t> sizes, bool later, bool ends) {
    const Served served = serve(stream, Pieces(sizes), later, ends);
    const std::vector<Bytes> answers = split(served.octets);
    const Queries queries = queries_in(stream);
    if (!ends) require(served.closed == queries.too_long, "closed early only for what is too long");
    std::multimap<unsigned, std::size_t> expected;  // IDs of what is answered, and its octets of header and question
    for (const auto message : queries.whole) {
        dns::Query query;
        if (dns::parse_query(message, query) == dns::ParseOutcome::drop) continue;
        expected.emplace(dns::read_u16(message.data()), query.question_end);
    }
    for (const Bytes& answer : answers) {
        require(answer.size() >= dns::header_size, "an answer has a header");
        const auto match = expected.find(dns::read_u16(answer.data()));
        require(match != expected.end(), "with the ID of a query that has no answer yet");
        expected.erase(match);
    }
    if (queries.too_long) return;  // what had not been answered by then is lost with the connection
    require(expected.empty(), "an answer for each query that may be answered");
    std::vector<Bytes> at_once = split(serve(stream, Pieces({}), later, ends).octets);
    std::vector<Bytes> in_pieces = answers;
    // Those that come later may be overtaken by others; each is the same, rotation and all.
    std::sort(at_once.begin(), at_once.end());
    std::sort(in_pieces.begin(), in_pieces.end());
    require(at_once == in_pieces, "in pieces as in one");
}

/// The result of an exchange with an upstream that says `stream`, in `pieces`, and then closes.
Result<dns::Bytes> ask(std::span<const std::uint8_t> stream, Pieces pieces, const dns::Question& question) {
    static asio::io_context context;
    static tcp::acceptor acceptor(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    context.restart();
    const SocketAddress server{IpAddress(IpAddress::V4Bytes{127, 0, 0, 1}), acceptor.local_endpoint().port()};
    Result<dns::Bytes> result = Error{Errc::internal, "not ended"};
    bool ended = false;
    asio::co_spawn(
        context,
        upstream::exchange_tcp(
            server, dns::build_query(7, question),
            [question](std::span<const std::uint8_t> message) { return dns::answers(message, 7, question); },
            milliseconds(60'000)),
        [&](const std::exception_ptr& thrown, Result<dns::Bytes> value) {
            require(!thrown, "it never throws");
            result = std::move(value);
            ended = true;
        });
    context.poll();
    tcp::socket socket(context);
    acceptor.accept(socket);
    context.poll();
    while (!stream.empty() && !ended) {
        const std::size_t size = pieces.next(stream.size());
        boost::system::error_code error;
        asio::write(socket, asio::buffer(stream.data(), size), error);
        if (error) break;
        stream = stream.subspan(size);
        context.poll();
    }
    boost::system::error_code ignored;
    socket.shutdown(tcp::socket::shutdown_send, ignored);
    for (int i = 0; i < 1'000 && !ended; ++i) context.run_one_for(milliseconds(10));
    require(ended, "the end of the stream ends the exchange");
    socket.set_option(asio::socket_base::linger(true, 0), ignored);  // a reset: no port waits for old segments
    socket.close(ignored);
    context.poll();
    return result;
}

void check_client(std::span<const std::uint8_t> stream, std::span<const std::uint8_t> sizes) {
    static const dns::Question question{dns::Name::parse("api.local").value(), dns::RrType::a};
    const auto result = ask(stream, Pieces(sizes), question);
    const std::size_t length = stream.size() >= 2 ? dns::read_u16(stream.data()) : 0;
    const bool whole = stream.size() >= 2 && length >= dns::header_size && stream.size() >= 2 + length;
    const bool ours = whole && dns::answers(stream.subspan(2, length), 7, question);
    require(result.has_value() == ours, "the first message, if it is whole and answers our question");
    if (result) {
        require(std::ranges::equal(*result, stream.subspan(2, length)), "octet for octet");
        return;
    }
    const Errc code = result.error().code;
    const bool cut = stream.size() < 2 || (length >= dns::header_size && !whole);
    require(code == (cut ? Errc::network : Errc::malformed), "the error says what was wrong");
}

/// The last message of the stream behind the head is changed, and its length with it.
std::size_t mutate_stream(const Draft& draft) {
    Dice dice(draft.seed ^ 0x5EEDU);
    if (draft.size < stream_head + 2 || dice.one_in(5))
        return LLVMFuzzerMutate(draft.data, draft.size, draft.max_size);
    std::vector<std::size_t> begins;
    for (std::size_t at = stream_head; at + 2 <= draft.size; at += std::size_t{2} + dns::read_u16(draft.data + at))
        begins.push_back(at);
    const std::size_t at = dice.pick(begins);
    const std::size_t end = std::min(at + 2 + dns::read_u16(draft.data + at), draft.size);
    Bytes message(draft.data + at + 2, draft.data + end);
    message.resize(std::max<std::size_t>(message.size(), 1) + 600);
    const std::size_t size = mutate_message({message.data(), end - at - 2, message.size(), draft.seed}, questions(),
                                            (draft.data[0] & 1) != 0);
    message.resize(size);
    Bytes out(draft.data, draft.data + at);
    for (std::size_t times = dice.one_in(6) ? 3 : 1; times > 0; --times) {
        const std::size_t length = dice.one_in(12) ? dice.below(5'000) : size;
        out.push_back(static_cast<std::uint8_t>(length >> 8));
        out.push_back(static_cast<std::uint8_t>(length));
        out.insert(out.end(), message.begin(), message.end());
    }
    if (!dice.one_in(8)) out.insert(out.end(), draft.data + end, draft.data + draft.size);
    Draft whole = draft;
    return whole.become(std::span<const std::uint8_t>(out));
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
    return mutate_stream({data, size, max_size, seed});
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
    constexpr std::size_t longest = 24'000;  // what a socket takes at once
    Octets input(octets, std::min(size, longest));
    const unsigned what = input.u8();
    const auto sizes = input.take(stream_head - 1);
    const auto stream = input.rest();
    if ((what & 1) != 0) {
        check_client(stream, sizes);
    } else {
        check_server(stream, sizes, (what & 2) != 0, (what & 4) != 0);
    }
    return 0;
}
