// Which source a service has. Layer: discovery (may include base, dns, config, upstream, Asio).
#include "discovery/source.hpp"

#include "discovery/dns_source.hpp"
#include "discovery/static_source.hpp"

namespace taskdns::discovery {

std::unique_ptr<Source> make_source(const config::Service& service, upstream::Resolver& resolver) {
    if (service.source == config::SourceKind::fixed) return std::make_unique<StaticSource>(service);
    return std::make_unique<DnsSource>(service, resolver);
}

}  // namespace taskdns::discovery
