// What ECS says of the task that we run in. Layer: task.
#include "task/metadata.hpp"

#include <algorithm>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

namespace taskdns::task {
namespace {

namespace json = boost::json;

constexpr std::size_t longest_text = 2'048;  // an ARN's limit
constexpr std::size_t most_elements = 100;   // a task has 10 containers at most, each with a network or two

const json::array& array_of(const json::object& object, std::string_view name) {
    static const json::array none;
    const json::value* const value = object.if_contains(name);
    const json::array* const array = value == nullptr ? nullptr : value->if_array();
    return array == nullptr || array->size() > most_elements ? none : *array;
}

std::string_view text_of(const json::value& value) {
    const json::string* const text = value.if_string();
    if (text == nullptr || text->size() > longest_text) return {};
    return {text->data(), text->size()};
}

std::string text_of(const json::object& object, std::string_view name) {
    const json::value* const value = object.if_contains(name);
    return value == nullptr ? std::string() : std::string(text_of(*value));
}

ContainerNetwork read_network(const json::object& object) {
    ContainerNetwork out;
    for (const char* const name : {"IPv4SubnetCIDRBlock", "IPv6SubnetCIDRBlock"}) {
        if (const auto subnet = Network::parse(text_of(object, name))) out.subnets.push_back(*subnet);
    }
    for (const json::value& value : array_of(object, "DomainNameServers")) {
        if (const auto address = IpAddress::parse(text_of(value))) out.name_servers.push_back(*address);
    }
    return out;
}

Container read_container(const json::object& object) {
    Container out;
    out.id = text_of(object, "DockerId");
    out.name = text_of(object, "Name");
    out.type = text_of(object, "Type");
    out.known_status = text_of(object, "KnownStatus");
    for (const json::value& network : array_of(object, "Networks")) {
        if (const json::object* const members = network.if_object()) out.networks.push_back(read_network(*members));
    }
    return out;
}

Result<json::value> parse_object(std::string_view text) {
    json::error_code error;
    json::value value = json::parse(json::string_view(text.data(), text.size()), error);
    if (error) return Error{Errc::malformed, "is not JSON: " + error.message()};
    if (!value.is_object()) return Error{Errc::malformed, "is no JSON object"};
    return value;
}

/// Of our own container, else of the first that has some.
template <class Element>
std::vector<Element> find_in_networks(const Metadata& metadata, std::string_view own_id,
                                      std::vector<Element> ContainerNetwork::*part) {
    std::vector<Element> first;
    for (const Container& container : metadata.containers) {
        std::vector<Element> all;
        for (const ContainerNetwork& network : container.networks) {
            all.insert(all.end(), (network.*part).begin(), (network.*part).end());
        }
        if (all.empty()) continue;
        if (container.id == own_id) return all;
        if (first.empty()) first = std::move(all);
    }
    return first;
}

}  // namespace

Result<Metadata> parse_task(std::string_view text) {
    const Result<json::value> value = parse_object(text);
    if (!value) return value.error();
    const json::object& object = value->get_object();
    Metadata out;
    out.arn = text_of(object, "TaskARN");
    out.cluster = text_of(object, "Cluster");
    out.family = text_of(object, "Family");
    out.service = text_of(object, "ServiceName");
    out.zone_name = text_of(object, "AvailabilityZone");
    out.zone_id = text_of(object, "AvailabilityZoneID");
    for (const json::value& container : array_of(object, "Containers")) {
        if (const json::object* const members = container.if_object()) {
            out.containers.push_back(read_container(*members));
        }
    }
    if (out.arn.empty() && out.containers.empty()) {
        return Error{Errc::malformed, "has neither TaskARN nor Containers: these are no task metadata"};
    }
    return out;
}

Result<std::string> parse_own_id(std::string_view text) {
    const Result<json::value> value = parse_object(text);
    if (!value) return value.error();
    std::string id = text_of(value->get_object(), "DockerId");
    if (id.empty()) return Error{Errc::malformed, "has no DockerId: these are no container metadata"};
    return id;
}

std::string_view task_id(std::string_view arn) {
    const std::size_t slash = arn.rfind('/');
    return slash == std::string_view::npos ? std::string_view() : arn.substr(slash + 1);
}

std::vector<IpAddress> name_servers(const Metadata& metadata, std::string_view own_id) {
    return find_in_networks(metadata, own_id, &ContainerNetwork::name_servers);
}

std::vector<Network> subnets(const Metadata& metadata, std::string_view own_id) {
    return find_in_networks(metadata, own_id, &ContainerNetwork::subnets);
}

}  // namespace taskdns::task
