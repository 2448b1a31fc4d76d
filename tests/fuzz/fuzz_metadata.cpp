// Fuzz entry: what the task metadata endpoint may answer. Whatever it says, it comes back as metadata that can be
// used, or as an error that can be shown; what is read is what Boost.JSON finds at the same place.
#include <string>
#include <vector>

#include <boost/json.hpp>

#include "fuzz/fuzz.hpp"
#include "fuzz/mutate.hpp"
#include "task/metadata.hpp"
#include "task/other_containers.hpp"

namespace {

using namespace taskdns;
using namespace taskdns::fuzz;
namespace json = boost::json;

constexpr std::size_t longest_text = 2'048;
constexpr std::size_t most_elements = 100;

/// The string at this place, as the documents have it: empty where it is none, or too long.
std::string text_at(const json::value& value, const char* key) {
    const json::object* const object = value.if_object();
    const auto place = object == nullptr ? nullptr : object->find(key);
    if (object == nullptr || place == object->end() || !place->value().is_string()) return "";
    const json::string& text = place->value().get_string();
    return text.size() > longest_text ? "" : std::string(text.begin(), text.end());
}

std::vector<json::value> elements_at(const json::value& value, const char* key) {
    const json::object* const object = value.if_object();
    const auto place = object == nullptr ? nullptr : object->find(key);
    if (object == nullptr || place == object->end() || !place->value().is_array()) return {};
    const json::array& array = place->value().get_array();
    if (array.size() > most_elements) return {};
    return {array.begin(), array.end()};
}

void check_container(const task::Container& container, const json::value& value) {
    require(container.id == text_at(value, "DockerId") && container.name == text_at(value, "Name"), "id and name");
    require(container.type == text_at(value, "Type"), "type");
    require(container.known_status == text_at(value, "KnownStatus"), "status");
    std::size_t servers = 0;
    std::size_t subnets = 0;
    for (const json::value& network : elements_at(value, "Networks")) {
        for (const json::value& server : elements_at(network, "DomainNameServers")) {
            servers += server.is_string() && IpAddress::parse(std::string_view(server.get_string())) ? 1U : 0U;
        }
        for (const char* const key : {"IPv4SubnetCIDRBlock", "IPv6SubnetCIDRBlock"}) {
            subnets += Network::parse(text_at(network, key)) ? 1U : 0U;
        }
    }
    std::size_t servers_read = 0;
    std::size_t subnets_read = 0;
    for (const task::ContainerNetwork& network : container.networks) {
        servers_read += network.name_servers.size();
        subnets_read += network.subnets.size();
    }
    require(servers_read == servers && subnets_read == subnets, "its networks");
}

void check_metadata(const task::Metadata& metadata, const json::value& value) {
    require(metadata.arn == text_at(value, "TaskARN") && metadata.family == text_at(value, "Family"),
            "ARN and family");
    require(metadata.cluster == text_at(value, "Cluster") && metadata.service == text_at(value, "ServiceName"),
            "cluster and service");
    require(metadata.zone_name == text_at(value, "AvailabilityZone") &&
                metadata.zone_id == text_at(value, "AvailabilityZoneID"),
            "zone");
    std::size_t number = 0;
    for (const json::value& container : elements_at(value, "Containers")) {
        if (!container.is_object()) continue;
        require(number < metadata.containers.size(), "every container");
        check_container(metadata.containers[number++], container);
    }
    require(number == metadata.containers.size(), "and no other");
}

/// What `*` means, by trying everything.
bool matches_slowly(std::string_view pattern, std::string_view name) {
    std::vector<bool> reached(name.size() + 1);  // the pattern so far ends at this place of the name
    reached[0] = true;
    for (const char c : pattern) {
        if (c == '*') {
            for (std::size_t i = 1; i <= name.size(); ++i) reached[i] = reached[i] || reached[i - 1];
        } else {
            for (std::size_t i = name.size(); i > 0; --i) reached[i] = reached[i - 1] && name[i - 1] == c;
            reached[0] = false;
        }
    }
    return reached[name.size()];
}

void check_use(const task::Metadata& metadata) {
    static const std::vector<std::string> ignored{"aws-guardduty-agent*", "*x*y", "a*a*a"};
    const std::string own = metadata.containers.empty() ? "" : metadata.containers.front().id;
    for (const std::string& id : {std::string(), own}) {
        const task::OtherContainers others = task::find_other_containers(metadata, id, ignored);
        require(others.any || others.running.empty(), "who runs is there");
        require(others.running.size() + (others.with_us ? 1U : 0U) <= metadata.containers.size(),
                "we are not among them");
        for (const std::string& name : others.running) {
            for (const std::string& pattern : ignored)
                require(!matches_slowly(pattern, name), "who is ignored is not named");
        }
        task::name_servers(metadata, id);
        task::subnets(metadata, id);
    }
    for (const task::Container& container : metadata.containers) {
        for (const std::string& pattern : {ignored[0], ignored[1], ignored[2], container.type}) {
            require(task::matches(pattern, container.name) == matches_slowly(pattern, container.name),
                    "a star is a star");
        }
    }
    require(task::task_id(metadata.arn).find('/') == std::string_view::npos, "the part behind the last slash");
    require(metadata.arn.ends_with(task::task_id(metadata.arn)), "of the ARN");
}

constexpr std::string_view texts[]{"TaskARN",
                                   "Cluster",
                                   "Family",
                                   "ServiceName",
                                   "AvailabilityZone",
                                   "AvailabilityZoneID",
                                   "Containers",
                                   "DockerId",
                                   "Name",
                                   "Type",
                                   "KnownStatus",
                                   "Networks",
                                   "DomainNameServers",
                                   "IPv4SubnetCIDRBlock",
                                   "IPv6SubnetCIDRBlock",
                                   "NORMAL",
                                   "CNI_PAUSE",
                                   "RUNNING",
                                   "STOPPED",
                                   "10.0.0.0/24",
                                   "10.0.0.2",
                                   "fd00:ec2::253",
                                   "fd00::/56",
                                   "10.0.0.0/33",
                                   "arn:aws:ecs:us-east-1:111122223333:task/default/158d1c8083dd49d6b527399fd6414f5c",
                                   "aws-guardduty-agent-x",
                                   "axbyxy",
                                   "aaa",
                                   "xy",
                                   "*",
                                   "**a",
                                   "",
                                   "/"};

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
    return mutate_json({data, size, max_size, seed}, texts);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    boost::system::error_code error;
    const json::value value = json::parse(json::string_view(text.data(), text.size()), error);
    const bool is_object = !error && value.is_object();

    const Result<std::string> own_id = task::parse_own_id(text);
    require(own_id ? is_object && *own_id == text_at(value, "DockerId") && !own_id->empty()
                   : !own_id.error().message.empty(),
            "our own id, or why not");
    const Result<task::Metadata> metadata = task::parse_task(text);
    if (!metadata) {
        require(metadata.error().code == Errc::malformed && !metadata.error().message.empty(), "the error says why");
        require(!is_object || text_at(value, "TaskARN").empty(), "what has an ARN is read");
        return 0;
    }
    require(is_object, "only an object is read");
    check_metadata(*metadata, value);
    check_use(*metadata);
    return 0;
}
