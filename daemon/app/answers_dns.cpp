// Does somebody answer DNS at an address? Layer: app.
#include "app/answers_dns.hpp"

#include <unistd.h>

#include <array>
#include <cstdint>

#include <boost/asio/io_context.hpp>

#include "base/asio.hpp"
#include "dns/wire.hpp"
#include "dns_server/wire_name.hpp"

namespace taskdns::app {
namespace {

constexpr auto version_bind = dns_server::wire_of("version.bind");
constexpr std::size_t query_size = dns::header_size + version_bind.size() + 4;  // type and class

/// version.bind CH TXT, with RD (RFC 1035 section 4.1).
std::array<std::uint8_t, query_size> version_query(unsigned id) {
    std::array<std::uint8_t, query_size> query{};
    dns::write_u16(&query[0], id);
    query[2] = dns::flag_rd;
    dns::write_u16(&query[4], 1);  // QDCOUNT
    dns::Writer question(query.data(), dns::header_size, query.size());
    question.octets(version_bind);
    question.u16(static_cast<unsigned>(dns::RrType::txt));
    question.u16(dns::class_ch);
    return query;
}

}  // namespace

bool answers_dns(const SocketAddress& address, milliseconds limit) {
    const auto query = version_query(static_cast<unsigned>(::getpid()));
    asio::io_context context{1};
    asio::ip::udp::socket socket(context);
    boost::system::error_code error;
    socket.connect(to_udp(address), error);
    if (!error) socket.send(asio::buffer(query), 0, error);
    if (error) return false;
    std::array<std::uint8_t, dns::header_size> reply{};  // the rest is cut off
    bool answered = false;
    socket.async_receive(asio::buffer(reply), [&](const boost::system::error_code& failure, std::size_t size) {
        answered = !failure && size == reply.size() && reply[0] == query[0] && reply[1] == query[1] &&
                   (reply[2] & dns::flag_qr) != 0;
    });
    context.run_for(limit);
    return answered;
}

}  // namespace taskdns::app
