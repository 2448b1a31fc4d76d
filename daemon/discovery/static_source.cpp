// The source `static`. Layer: discovery (may include base, config).
#include "discovery/static_source.hpp"

#include "discovery/combine.hpp"

namespace taskdns::discovery {
namespace {

Part addresses_of_family(const std::vector<SocketAddress>& addresses, std::uint16_t default_port, dns::RrType type) {
    Part part;
    part.known = true;
    part.rrset.type = type;
    part.rrset.exhaustive = true;
    for (const SocketAddress& address : addresses) {
        if (address.address.is_v4() != (type == dns::RrType::a)) continue;
        const std::uint16_t port = address.port != 0 ? address.port : default_port;
        part.rrset.sightings.push_back({.address = {address.address, port}});
    }
    sort_and_deduplicate(part.rrset.sightings);
    return part;
}

}  // namespace

asio::awaitable<Observation> StaticSource::observe() {
    std::vector<Part> parts{addresses_of_family(addresses_, port_, dns::RrType::a),
                            addresses_of_family(addresses_, port_, dns::RrType::aaaa)};
    co_return combine(std::move(parts), ttl_);
}

}  // namespace taskdns::discovery
