// The source `static`. Layer: discovery (may include base, config).
#include "discovery/static_source.hpp"

#include "discovery/combine.hpp"

namespace taskdns::discovery {
namespace {

Part addresses_of_family(const config::Service& service, dns::RrType type) {
    Part part;
    part.known = true;
    part.rrset.type = type;
    part.rrset.exhaustive = true;
    for (const SocketAddress& address : service.addresses) {
        if (address.address.is_v4() != (type == dns::RrType::a)) continue;
        const std::uint16_t port = address.port != 0 ? address.port : service.port;
        part.rrset.sightings.push_back({.address = {address.address, port}});
    }
    sort_and_deduplicate(part.rrset.sightings);
    return part;
}

}  // namespace

asio::awaitable<Observation> StaticSource::observe() {
    co_return combine(
        {addresses_of_family(service_, dns::RrType::a), addresses_of_family(service_, dns::RrType::aaaa)},
        service_.poll.max);
}

}  // namespace taskdns::discovery
