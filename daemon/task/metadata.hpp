// What ECS says of the task that we run in: task metadata endpoint version 4, as far as something here asks for it.
// Layer: task (may include base, Boost.JSON). Pure.
//
// Every field may be missing (older agents, launch types, network modes): it is empty then, and so is one of another
// type, or longer than any real one. Unknown fields are passed over.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.hpp"
#include "base/result.hpp"

namespace taskdns::task {

struct ContainerNetwork {
    std::vector<Network> subnets;         ///< IPv4SubnetCIDRBlock, IPv6SubnetCIDRBlock: only with awsvpc
    std::vector<IpAddress> name_servers;  ///< DomainNameServers: of the VPC, whatever resolv.conf says now
};

struct Container {
    std::string id;            ///< DockerId
    std::string name;          ///< as the task definition has it
    std::string type;          ///< "NORMAL", "CNI_PAUSE", "SERVICE_CONNECT", ...
    std::string known_status;  ///< "CREATED", "RUNNING", "STOPPED", ...
    std::vector<ContainerNetwork> networks;
};

struct Metadata {
    std::string arn;      ///< TaskARN
    std::string cluster;  ///< its name, or its ARN
    std::string family;
    std::string service;    ///< ServiceName
    std::string zone_name;  ///< AvailabilityZone: "us-east-1a" is another zone in every account
    std::string zone_id;    ///< AvailabilityZoneID: "use1-az1" is the same for everybody
    std::vector<Container> containers;
};

/// What `$ECS_CONTAINER_METADATA_URI_V4/task` answers. Error: not JSON, or neither TaskARN nor Containers is there.
Result<Metadata> parse_task(std::string_view json);

/// The DockerId in what `$ECS_CONTAINER_METADATA_URI_V4` answers: our own container's. Error: it is not there.
Result<std::string> parse_own_id(std::string_view json);

/// The part of a TaskARN behind the last '/', which tells the task from all others; empty if there is none.
std::string_view task_id(std::string_view arn);

/// The name servers of our own container, else of the first that has any: all containers of an awsvpc task share one
/// network.
std::vector<IpAddress> name_servers(const Metadata& metadata, std::string_view own_id);

/// The subnets, found in the same way.
std::vector<Network> subnets(const Metadata& metadata, std::string_view own_id);

}  // namespace taskdns::task
