// The snapshot's text. Layer: membership (may include base, dns, discovery's rule for addresses, Boost.JSON).
//
// The checksum is the CRC-32 of every octet before it. What follows it is fixed, so that each cut or flipped octet
// shows. The rest of the checks are for what somebody else has written.
#include "membership/snapshot.hpp"

#include <limits>
#include <set>

#include <boost/crc.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include "discovery/combine.hpp"

namespace taskdns::membership {
namespace {

namespace json = boost::json;

constexpr std::string_view format_name = "taskdns-snapshot";
constexpr std::int64_t version = 1;
constexpr std::size_t max_depth = 5;  // the object, services, one of them, members, one of them
constexpr std::string_view before_checksum = ",\"checksum\":\"";
constexpr std::string_view after_checksum = "\"}\n";
constexpr std::size_t checksum_digits = 8;

std::string checksum_of(std::string_view text) {
    boost::crc_32_type crc;
    crc.process_bytes(text.data(), text.size());
    return fmt::format("{:08x}", crc.checksum());
}

/// What is wrong, thrown and caught within this file.
struct Wrong {
    std::string what;
};

[[noreturn]] void fail(std::string what) { throw Wrong{std::move(what)}; }

}  // namespace

std::string format_snapshot(const Snapshot& snapshot) {
    std::string out = fmt::format(R"({{"format":"{}","version":{},"written":"{}","services":[)", format_name, version,
                                  format_wall_time(snapshot.written));
    const char* service_separator = "";
    std::size_t written = 0;
    for (const SavedService& service : snapshot.services) {
        // A service's name and an address need no escaping.
        out += fmt::format("{}\n{{\"name\":\"{}\",\"members\":[", service_separator, service.name.to_string());
        service_separator = ",";
        const char* separator = "";
        for (const SavedMember& member : service.members) {
            if (++written > most_saved_members) break;
            out += fmt::format(
                "{}\n"
                R"({{"address":"{}","type":"{}","priority":{},"weight":{},"first_seen":"{}","last_seen":"{}"}})",
                separator, member.address.to_string(), dns::to_string(member.type), member.priority, member.weight,
                format_wall_time(member.first_seen), format_wall_time(member.last_seen));
            separator = ",";
        }
        out += "]}";
    }
    out += "]";
    out += before_checksum;
    out += checksum_of(out);
    return out += after_checksum;
}

namespace {

const json::object& object_of(const json::value& value, const std::string& where) {
    const json::object* object = value.if_object();
    if (object == nullptr) fail(where + " is not an object");
    return *object;
}

const json::value& member_of(const json::object& object, std::string_view key, const std::string& where) {
    const json::value* value = object.if_contains(key);
    if (value == nullptr) fail(fmt::format("{} has no \"{}\"", where, key));
    return *value;
}

void only_keys(const json::object& object, std::initializer_list<std::string_view> keys, const std::string& where) {
    for (const auto& entry : object) {
        const std::string_view key(entry.key().data(), entry.key().size());
        if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
            fail(fmt::format("{} has the unknown key \"{}\"", where, key));
        }
    }
}

std::string text_of(const json::object& object, std::string_view key, const std::string& where) {
    const json::string* text = member_of(object, key, where).if_string();
    if (text == nullptr) fail(fmt::format("{}.{} is not a string", where, key));
    return std::string(text->data(), text->size());
}

WallTime time_of(const json::object& object, std::string_view key, const std::string& where) {
    const auto time = parse_wall_time(text_of(object, key, where));
    if (!time) fail(fmt::format("{}.{} is not a time such as 2026-11-22T16:10:11.123Z", where, key));
    return *time;
}

std::uint16_t number_of(const json::object& object, std::string_view key, const std::string& where) {
    const std::int64_t* number = member_of(object, key, where).if_int64();
    if (number == nullptr || *number < 0 || *number > std::numeric_limits<std::uint16_t>::max()) {
        fail(fmt::format("{}.{} is not a number from 0 to 65535", where, key));
    }
    return static_cast<std::uint16_t>(*number);
}

const json::array& array_of(const json::object& object, std::string_view key, std::size_t most,
                            const std::string& where) {
    const json::array* array = member_of(object, key, where).if_array();
    if (array == nullptr) fail(fmt::format("{}.{} is not an array", where, key));
    if (array->size() > most) {
        fail(fmt::format("{}.{} has {} elements, more than {}", where, key, array->size(), most));
    }
    return *array;
}

dns::RrType type_of(const json::object& object, const std::string& where) {
    const std::string text = text_of(object, "type", where);
    for (const dns::RrType type : {dns::RrType::a, dns::RrType::aaaa, dns::RrType::srv}) {
        if (text == dns::to_string(type)) return type;
    }
    fail(where + ".type is not A, AAAA or SRV");
}

SavedMember read_member(const json::value& value, const std::string& where) {
    const json::object& object = object_of(value, where);
    only_keys(object, {"address", "type", "priority", "weight", "first_seen", "last_seen"}, where);
    const auto address = SocketAddress::parse(text_of(object, "address", where));
    if (!address || !discovery::can_be_endpoint(address->address))
        fail(where + ".address is not that of an endpoint");
    SavedMember member{.address = *address,
                       .priority = number_of(object, "priority", where),
                       .weight = number_of(object, "weight", where),
                       .type = type_of(object, where),
                       .first_seen = time_of(object, "first_seen", where),
                       .last_seen = time_of(object, "last_seen", where)};
    const dns::RrType of_family = address->address.is_v4() ? dns::RrType::a : dns::RrType::aaaa;
    if (member.type != dns::RrType::srv && member.type != of_family) fail(where + ".type is not that of its address");
    if (member.last_seen < member.first_seen) fail(where + " was last seen before it was first seen");
    return member;
}

SavedService read_service(const json::value& value, const std::string& where) {
    const json::object& object = object_of(value, where);
    only_keys(object, {"name", "members"}, where);
    SavedService service;
    const auto name = dns::Name::parse(text_of(object, "name", where));
    if (!name) fail(fmt::format("{}.name: {}", where, name.error().message));
    service.name = *name;
    std::set<SocketAddress> addresses;
    for (const json::value& member : array_of(object, "members", most_saved_members, where)) {
        const std::string member_where = fmt::format("{}.members[{}]", where, service.members.size());
        service.members.push_back(read_member(member, member_where));
        if (!addresses.insert(service.members.back().address).second) fail(member_where + " is there twice");
    }
    return service;
}

void check_checksum(std::string_view text) {
    const std::size_t tail = checksum_digits + after_checksum.size();
    if (text.size() < tail || !text.ends_with(after_checksum)) fail("it is cut off");
    const std::string_view body = text.substr(0, text.size() - tail);
    const bool matches = text.substr(body.size(), checksum_digits) == checksum_of(body);
    if (!body.ends_with(before_checksum) || !matches) fail("its checksum does not match: it is damaged");
}

json::value parse_json(std::string_view text) {
    json::parse_options options;
    options.max_depth = max_depth;
    boost::system::error_code error;
    json::value value = json::parse(json::string_view(text.data(), text.size()), error, {}, options);
    if (error == json::error::incomplete) fail("it is cut off");
    if (error) fail("it is not JSON: " + error.message());
    return value;
}

Snapshot read_snapshot(std::string_view text) {
    if (text.empty()) fail("it is empty");
    if (text.size() > largest_snapshot)
        fail(fmt::format("it has {} octets, more than {}", text.size(), largest_snapshot));
    const json::value value = parse_json(text);
    const json::object* top = value.if_object();
    const json::value* format = top != nullptr ? top->if_contains("format") : nullptr;
    if (format == nullptr || !format->is_string() || format->get_string() != format_name) {
        fail("it is not a snapshot of taskdns");
    }
    const std::int64_t* found = member_of(*top, "version", "it").if_int64();
    if (found == nullptr || *found < version) fail("its version is not valid");
    if (*found > version) fail(fmt::format("it is of version {}, newer than {}", *found, version));
    check_checksum(text);
    only_keys(*top, {"format", "version", "written", "services", "checksum"}, "it");

    Snapshot snapshot;
    snapshot.written = time_of(*top, "written", "it");
    std::set<dns::Name> names;
    for (const json::value& service : array_of(*top, "services", most_saved_members, "it")) {
        const std::string where = fmt::format("services[{}]", snapshot.services.size());
        snapshot.services.push_back(read_service(service, where));
        if (!names.insert(snapshot.services.back().name).second) fail(where + " is there twice");
    }
    return snapshot;
}

Error unusable(const std::string& what) {
    return Error{Errc::malformed, "snapshot: " + what + "; it is ignored and replaced at the next change"};
}

}  // namespace

Result<Snapshot> parse_snapshot(std::string_view text) {
    try {
        return read_snapshot(text);
    } catch (const Wrong& wrong) {
        return unusable(wrong.what);
    } catch (const std::exception& e) {  // Boost.JSON, or memory running out
        return unusable(e.what());
    }
}

}  // namespace taskdns::membership
