// What a query deserves, decided without the code under test.
#include "support/query_oracle.hpp"

#include <stdbool.h>  // before ldns, which else defines bool, true and false as macros

#include <algorithm>
#include <memory>
#include <stdexcept>

#include <ldns/ldns.h>

namespace taskdns::testing_support {
namespace {

constexpr std::size_t header_octets = 12;
constexpr std::size_t longest_message = 4096;  // that the daemon reads

/// Reads from front to back; throws where there is nothing left.
class Reader {
public:
    Reader(const WireBytes& message, std::size_t at) : message_(message), at_(at) {}

    unsigned u8() {
        if (at_ >= message_.size()) throw std::out_of_range("cut");
        return message_[at_++];
    }
    unsigned u16() {
        const unsigned high = u8();
        return high << 8 | u8();
    }
    void skip(std::size_t octets) {
        while (octets-- > 0) u8();
    }
    void skip_name() {
        for (;;) {
            const unsigned length = u8();
            if (length == 0) return;
            if (length >= 0xC0) return skip(1);
            if (length >= 0x40) throw std::out_of_range("label type");
            skip(length);
        }
    }
    std::size_t at() const { return at_; }
    bool at_end() const { return at_ == message_.size(); }

private:
    const WireBytes& message_;
    std::size_t at_;
};

struct Question {
    std::size_t end = 0;  ///< 0: none that can be read
    std::string name;     ///< lower case, with a trailing dot
    unsigned type = 0;
    unsigned rr_class = 0;
};

Question read_question(const WireBytes& message) {
    Question out;
    ldns_rr* raw = nullptr;
    std::size_t at = header_octets;
    if (ldns_wire2rr(&raw, message.data(), message.size(), &at, LDNS_SECTION_QUESTION) != LDNS_STATUS_OK) return out;
    const std::unique_ptr<ldns_rr, void (*)(ldns_rr*)> rr(raw, ldns_rr_free);
    // RFC 1035 section 4.1.4: what stands first has nothing to point to. A name that was compressed is longer than
    // what it took.
    if (at - header_octets != ldns_rdf_size(ldns_rr_owner(raw)) + 4) return out;
    ldns_dname2canonical(ldns_rr_owner(raw));
    char* const text = ldns_rdf2str(ldns_rr_owner(raw));
    out.name = text;
    std::free(text);
    out.type = ldns_rr_get_type(raw);
    out.rr_class = ldns_rr_get_class(raw);
    out.end = at;
    return out;
}

struct Additional {
    bool has_opt = false;
    unsigned version = 0;
};

/// Throws where the records are not what they should be.
Additional read_additional(const WireBytes& message, std::size_t at, unsigned count) {
    Additional out;
    Reader reader(message, at);
    for (; count > 0; --count) {
        const std::size_t begin = reader.at();
        reader.skip_name();
        const unsigned type = reader.u16();
        reader.skip(2);
        const unsigned upper_ttl = reader.u16();
        reader.skip(2);
        const unsigned length = reader.u16();
        const std::size_t rdata = reader.at();
        reader.skip(length);
        if (type != 41) continue;
        if (out.has_opt || message[begin] != 0) throw std::out_of_range("OPT");
        out.has_opt = true;
        out.version = upper_ttl & 0xFF;
        Reader option(message, rdata);
        while (out.version == 0 && option.at() < reader.at()) {
            option.skip(2);
            option.skip(option.u16());
            if (option.at() > reader.at()) throw std::out_of_range("option");
        }
    }
    if (!reader.at_end()) throw std::out_of_range("trailing octets");
    return out;
}

std::set<std::string> rcodes_of(const Question& question, bool forwards) {
    const auto& [end, name, type, rr_class] = question;
    const bool is_service = name == "api.local." || name == "api.";
    const bool is_server =
        name == "version.bind." || name == "version.server." || name == "id.server." || name == "hostname.bind.";
    const auto ends_with = [&name = question.name](const std::string& apex) {
        return name == apex || (name.size() > apex.size() && name.ends_with("." + apex));
    };
    const bool is_special = ends_with("localhost.") || ends_with("127.in-addr.arpa.");
    const bool is_below = ends_with("api.local.") && !is_service;  // a target, or nobody's
    if (type == 41) return {"FORMERR"};
    if (type >= 249 && type <= 252) return {"REFUSED"};
    if (rr_class == 3) {
        if (type != 16) return {"REFUSED"};
        if (is_server) return {"NOERROR"};
        if (is_service) return {"NOERROR", "SERVFAIL"};  // too many at once
        return {"REFUSED"};
    }
    if (rr_class == 1 && is_service) return {"NOERROR"};
    if (rr_class == 1 && is_special) return {"NOERROR", "NXDOMAIN"};
    if (is_service || is_special) return {"REFUSED"};
    std::set<std::string> out{forwards ? "SERVFAIL" : "REFUSED"};
    if (is_below) out.insert({"NOERROR", "NXDOMAIN", "REFUSED"});
    return out;
}

std::string bits_mistake(const WireBytes& query, const WireBytes& answer) {
    if (answer[0] != query[0] || answer[1] != query[1]) return "another ID";
    if ((answer[2] & 0x80) == 0) return "QR is clear";
    if ((answer[2] & 0x79) != (query[2] & 0x79)) return "opcode or RD is another";
    if ((answer[2] & 0x02) != 0 && answer[7] == 0) return "TC for nothing";
    if ((answer[3] & 0x80) == 0) return "RA is clear";
    if ((answer[3] & 0x60) != 0) return "Z or AD is set";
    if ((answer[3] & 0x10) != (query[3] & 0x10)) return "CD is another";
    return {};
}

}  // namespace

Deserved deserved(const WireBytes& query, bool over_tcp, bool forwards) {
    Deserved out;
    out.silence =
        query.size() < header_octets || (query[2] & 0x80) != 0 || (!over_tcp && query.size() > longest_message);
    if (out.silence) return out;
    Reader header(query, 4);
    const unsigned questions = header.u16();
    const unsigned others = header.u16() | header.u16();
    const unsigned additional = header.u16();
    Question question;
    if (questions == 1) question = read_question(query);
    if (question.end != 0) {
        out.question.assign(query.begin() + header_octets, query.begin() + static_cast<std::ptrdiff_t>(question.end));
    }
    Additional records;
    try {
        if (question.end == 0 || others != 0) throw std::out_of_range("sections");
        records = read_additional(query, question.end, additional);
        out.well_formed = true;
        out.has_opt = records.has_opt;
    } catch (const std::out_of_range&) {
        out.rcodes = {"FORMERR"};
    }
    if ((query[2] & 0x78) != 0) {
        out.rcodes = {"NOTIMPL"};
    } else if (out.well_formed) {
        out.rcodes = records.version != 0 ? std::set<std::string>{"BADVERS"} : rcodes_of(question, forwards);
    }
    return out;
}

std::string mistake_of(const WireBytes& query, const WireBytes& answer, const Deserved& deserved, bool over_tcp) {
    if (deserved.silence) return "an answer where silence is right";
    if (answer.size() < header_octets) return "an answer shorter than a header";
    if (std::string mistake = bits_mistake(query, answer); !mistake.empty()) return mistake;
    if (answer[4] != 0 || answer[5] != (deserved.question.empty() ? 0 : 1)) return "QDCOUNT";
    if (answer.size() < header_octets + deserved.question.size() ||
        !std::equal(deserved.question.begin(), deserved.question.end(), answer.begin() + header_octets))
        return "the question is another";
    if (!over_tcp && answer.size() > (deserved.has_opt || !deserved.well_formed ? 1232U : 512U)) return "too long";
    try {
        const DnsReply reply = parse_reply(answer);
        if (!deserved.rcodes.contains(reply.rcode)) return reply.rcode + " is not expected";
        if (deserved.well_formed && reply.has_opt != deserved.has_opt) return "OPT is there or is not";
    } catch (const std::runtime_error& error) {
        return error.what();
    }
    return {};
}

}  // namespace taskdns::testing_support
