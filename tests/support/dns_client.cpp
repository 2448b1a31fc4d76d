// A stub resolver for tests.
#include "support/dns_client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>  // before ldns, which else defines bool, true and false as macros
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <ostream>
#include <random>
#include <sstream>
#include <stdexcept>

#include <ldns/ldns.h>

namespace taskdns::testing_support {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

void put16(WireBytes& out, unsigned value) {
    out.push_back(static_cast<std::uint8_t>(value >> 8));
    out.push_back(static_cast<std::uint8_t>(value));
}

unsigned get16(const WireBytes& bytes, std::size_t at) {
    return static_cast<unsigned>(bytes[at] << 8 | bytes[at + 1]);
}

void put_name(WireBytes& out, const std::string& name) {
    std::istringstream labels(name);
    for (std::string label; std::getline(labels, label, '.');) {
        if (label.empty()) continue;
        out.push_back(static_cast<std::uint8_t>(label.size()));
        out.insert(out.end(), label.begin(), label.end());
    }
    out.push_back(0);
}

std::string take(char* text) {
    const std::string result = text != nullptr ? text : "";
    std::free(text);
    return result;
}

std::string upper(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::toupper(c); });
    return text;
}

std::vector<DnsRecord> records(const ldns_rr_list* list) {
    std::vector<DnsRecord> result;
    for (std::size_t i = 0; i < ldns_rr_list_rr_count(list); ++i) {
        const ldns_rr* rr = ldns_rr_list_rr(list, i);
        std::string rdata;
        for (std::size_t field = 0; field < ldns_rr_rd_count(rr); ++field) {
            if (field > 0) rdata += ' ';
            rdata += take(ldns_rdf2str(ldns_rr_rdf(rr, field)));
        }
        result.push_back({.owner = take(ldns_rdf2str(ldns_rr_owner(rr))),
                          .ttl = ldns_rr_ttl(rr),
                          .type = take(ldns_rr_type2str(ldns_rr_get_type(rr))),
                          .rdata = rdata});
    }
    return result;
}

std::string flag_text(const ldns_pkt* packet) {
    std::string flags;
    const auto add = [&flags](bool set, const char* name) {
        if (set) flags += (flags.empty() ? "" : " ") + std::string(name);
    };
    add(ldns_pkt_aa(packet), "aa");
    add(ldns_pkt_tc(packet), "tc");
    add(ldns_pkt_rd(packet), "rd");
    add(ldns_pkt_ra(packet), "ra");
    add(ldns_pkt_ad(packet), "ad");
    add(ldns_pkt_cd(packet), "cd");
    return flags;
}

void read_edns_options(const ldns_pkt* packet, DnsReply& reply) {
    const ldns_rdf* data = ldns_pkt_edns_data(packet);
    if (data == nullptr) return;
    const WireBytes bytes(ldns_rdf_data(data), ldns_rdf_data(data) + ldns_rdf_size(data));
    for (std::size_t at = 0; at + 4 <= bytes.size();) {
        const unsigned code = get16(bytes, at);
        const std::size_t length = get16(bytes, at + 2);
        at += 4;
        if (at + length > bytes.size()) break;
        if (code == 15 && length >= 2) {  // RFC 8914
            const auto text = bytes.begin() + static_cast<std::ptrdiff_t>(at) + 2;
            reply.errors.emplace_back(get16(bytes, at),
                                      std::string(text, text + static_cast<std::ptrdiff_t>(length) - 2));
        }
        at += length;
    }
}

class Socket {
public:
    Socket(const std::string& server, std::uint16_t port, int type)
        : descriptor_(socket(AF_INET, type | SOCK_CLOEXEC, 0)) {
        sockaddr_in where{};
        where.sin_family = AF_INET;
        where.sin_port = htons(port);
        inet_pton(AF_INET, server.c_str(), &where.sin_addr);
        connected_ = connect(descriptor_, reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0;
    }
    ~Socket() { close(descriptor_); }
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;

    bool send_all(const WireBytes& bytes) const {
        return connected_ &&
               send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
    }

    /// What one read gives; null at the deadline, at the end of a stream, and on an error.
    std::optional<WireBytes> receive(std::size_t limit, steady_clock::time_point deadline) const {
        const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
        pollfd waiting{descriptor_, POLLIN, 0};
        if (left.count() <= 0 || poll(&waiting, 1, static_cast<int>(left.count())) != 1) return std::nullopt;
        WireBytes bytes(limit);
        const ssize_t size = recv(descriptor_, bytes.data(), bytes.size(), 0);
        if (size <= 0) return std::nullopt;
        bytes.resize(static_cast<std::size_t>(size));
        return bytes;
    }

private:
    int descriptor_;
    bool connected_ = false;
};

std::optional<WireBytes> exchange_udp(const DnsQuery& query, const WireBytes& packet,
                                      steady_clock::time_point deadline) {
    const Socket socket(query.server, query.port, SOCK_DGRAM);
    if (!socket.send_all(packet)) return std::nullopt;
    while (auto reply = socket.receive(65'535, deadline)) {
        if (reply->size() >= 2 && get16(*reply, 0) == get16(packet, 0)) return reply;
    }
    return std::nullopt;
}

std::optional<WireBytes> exchange_tcp(const DnsQuery& query, const WireBytes& packet,
                                      steady_clock::time_point deadline) {
    const Socket socket(query.server, query.port, SOCK_STREAM);
    WireBytes framed;
    put16(framed, static_cast<unsigned>(packet.size()));
    framed.insert(framed.end(), packet.begin(), packet.end());
    if (!socket.send_all(framed)) return std::nullopt;
    WireBytes received;
    while (received.size() < 2 || received.size() < 2 + get16(received, 0)) {
        const auto part = socket.receive(65'535, deadline);
        if (!part) return std::nullopt;
        received.insert(received.end(), part->begin(), part->end());
    }
    return WireBytes(received.begin() + 2, received.begin() + 2 + static_cast<std::ptrdiff_t>(get16(received, 0)));
}

std::vector<std::string> lines(const std::vector<DnsRecord>& list) {
    std::vector<std::string> result;
    for (const DnsRecord& record : list) result.push_back(record.owner + " " + record.type + " " + record.rdata);
    std::sort(result.begin(), result.end());
    return result;
}

}  // namespace

WireBytes encode_query(const DnsQuery& query, std::uint16_t id) {
    WireBytes out;
    put16(out, id);
    put16(out, static_cast<unsigned>(query.opcode) << 11 | (query.recursion_desired ? 0x0100U : 0U) |
                   (query.checking_disabled ? 0x0010U : 0U) | (query.authentic_data ? 0x0020U : 0U));
    put16(out, 1);
    put16(out, 0);
    put16(out, 0);
    put16(out, query.edns ? 1 : 0);
    put_name(out, query.name);
    put16(out, static_cast<unsigned>(ldns_get_rr_type_by_name(query.type.c_str())));
    put16(out, query.rr_class);
    if (query.edns) {
        out.push_back(0);
        put16(out, 41);  // OPT
        put16(out, *query.edns);
        put16(out, 0);  // extended rcode and version
        put16(out, query.dnssec_ok ? 0x8000 : 0);
        put16(out, 0);
    }
    return out;
}

DnsReply parse_reply(const WireBytes& bytes) {
    ldns_pkt* raw = nullptr;
    const ldns_status status = ldns_wire2pkt(&raw, bytes.data(), bytes.size());
    if (status != LDNS_STATUS_OK) {
        throw std::runtime_error(std::string("ldns rejects the reply: ") + ldns_get_errorstr_by_id(status));
    }
    const std::unique_ptr<ldns_pkt, void (*)(ldns_pkt*)> packet(raw, ldns_pkt_free);
    DnsReply reply;
    reply.arrived = true;
    reply.bytes = bytes;
    reply.rcode = take(ldns_pkt_rcode2str(ldns_pkt_get_rcode(raw)));
    reply.flags = flag_text(raw);
    if (const ldns_rr* question = ldns_rr_list_rr(ldns_pkt_question(raw), 0)) {
        reply.question = take(ldns_rdf2str(ldns_rr_owner(question))) + " " +
                         take(ldns_rr_class2str(ldns_rr_get_class(question))) + " " +
                         take(ldns_rr_type2str(ldns_rr_get_type(question)));
    }
    reply.answer = records(ldns_pkt_answer(raw));
    reply.authority = records(ldns_pkt_authority(raw));
    reply.additional = records(ldns_pkt_additional(raw));
    reply.has_opt = ldns_pkt_edns(raw);
    reply.payload_size = ldns_pkt_edns_udp_size(raw);
    if (ldns_pkt_edns_extended_rcode(raw) == 1 && ldns_pkt_get_rcode(raw) == 0) reply.rcode = "BADVERS";
    read_edns_options(raw, reply);
    return reply;
}

DnsReply ask(const DnsQuery& query) {
    thread_local std::mt19937 random{std::random_device{}()};
    const auto start = steady_clock::now();
    const WireBytes packet = encode_query(query, static_cast<std::uint16_t>(random()));
    const auto deadline = start + query.timeout;
    const auto bytes = query.tcp ? exchange_tcp(query, packet, deadline) : exchange_udp(query, packet, deadline);
    DnsReply reply;
    if (bytes) reply = parse_reply(*bytes);
    reply.elapsed = std::chrono::duration_cast<milliseconds>(steady_clock::now() - start);
    return reply;
}

DnsReply ask_as_stub(DnsQuery query) {
    DnsReply reply = ask(query);
    if (!reply.has_flag("tc")) return reply;
    query.tcp = true;
    return ask(query);
}

std::optional<WireBytes> exchange_raw(const WireBytes& packet, std::uint16_t port, milliseconds timeout) {
    const Socket socket("127.0.0.1", port, SOCK_DGRAM);
    if (!socket.send_all(packet)) return std::nullopt;
    return socket.receive(65'535, steady_clock::now() + timeout);
}

std::vector<std::string> ask_a(const std::string& name, std::uint16_t port) {
    return ask({.name = name, .port = port}).rdata("A");
}

bool DnsReply::has_flag(const std::string& flag) const {
    return (" " + flags + " ").find(" " + flag + " ") != std::string::npos;
}

bool DnsReply::has_error(unsigned code) const {
    return std::any_of(errors.begin(), errors.end(), [code](const auto& error) { return error.first == code; });
}

std::vector<std::string> DnsReply::rdata(const std::string& type) const {
    std::vector<std::string> result;
    for (const DnsRecord& record : answer) {
        if (record.type == upper(type)) result.push_back(record.rdata);
    }
    return result;
}

std::vector<std::string> DnsReply::content() const {
    std::vector<std::string> result{arrived ? rcode : "no answer"};
    for (const std::string& line : lines(answer)) result.push_back("answer " + line);
    for (const std::string& line : lines(authority)) result.push_back("authority " + line);
    return result;
}

std::ostream& operator<<(std::ostream& out, const DnsReply& reply) {
    if (!reply.arrived) return out << "no answer after " << reply.elapsed.count() << " ms";
    out << reply.rcode << " [" << reply.flags << "] " << reply.question << ", after " << reply.elapsed.count()
        << " ms";
    const auto section = [&out](const char* title, const std::vector<DnsRecord>& list) {
        for (const DnsRecord& r : list) {
            out << "\n  " << title << ": " << r.owner << " " << r.ttl << " " << r.type << " " << r.rdata;
        }
    };
    section("answer", reply.answer);
    section("authority", reply.authority);
    section("additional", reply.additional);
    for (const auto& [code, text] : reply.errors) out << "\n  EDE " << code << " " << text;
    return out;
}

}  // namespace taskdns::testing_support
