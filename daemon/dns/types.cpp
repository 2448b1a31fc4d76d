// The numbers of DNS: their names for logs and errors. Layer: dns. Pure.
#include "dns/types.hpp"

namespace taskdns::dns {

const char* to_string(RrType type) {
    switch (type) {
        case RrType::a:
            return "A";
        case RrType::ns:
            return "NS";
        case RrType::cname:
            return "CNAME";
        case RrType::soa:
            return "SOA";
        case RrType::ptr:
            return "PTR";
        case RrType::hinfo:
            return "HINFO";
        case RrType::mx:
            return "MX";
        case RrType::txt:
            return "TXT";
        case RrType::aaaa:
            return "AAAA";
        case RrType::srv:
            return "SRV";
        case RrType::opt:
            return "OPT";
        case RrType::any:
            return "ANY";
    }
    return "TYPE";
}

const char* to_string(Rcode rcode) {
    switch (rcode) {
        case Rcode::noerror:
            return "NOERROR";
        case Rcode::formerr:
            return "FORMERR";
        case Rcode::servfail:
            return "SERVFAIL";
        case Rcode::nxdomain:
            return "NXDOMAIN";
        case Rcode::notimp:
            return "NOTIMP";
        case Rcode::refused:
            return "REFUSED";
        case Rcode::badvers:
            return "BADVERS";
    }
    return "RCODE";
}

}  // namespace taskdns::dns
