// Reads every section but services; the same calls read the YAML and, over it, the overrides of the environment.
// Layer: config. Pure.
#pragma once

#include <vector>

#include "config/config.hpp"
#include "config/yaml_map.hpp"

namespace taskdns::config {

/// What was read so far, with the places that rules across sections need.
struct SettingsDraft {
    Listen listen;  ///< but for dns and http, which are below
    Upstream upstream;
    Forward forward;
    std::string snapshot;
    ResolvConf resolv_conf;
    Shutdown shutdown;
    bool sandbox = false;
    Log log;
    Metrics metrics;
    std::vector<Placed<SocketAddress>> dns = default_listeners({"127.0.0.1:53", "[::1]:53"});
    std::vector<Placed<SocketAddress>> http = default_listeners({"127.0.0.1:8053"});
    std::vector<Placed<SocketAddress>> servers;
    Place listen_place;       ///< of the last source that says dns or http
    Place resolv_conf_place;  ///< of the last one that says manage

    static std::vector<Placed<SocketAddress>> default_listeners(std::initializer_list<const char*> texts);
};

void read_listen(YamlMap map, SettingsDraft& draft);
void read_upstream(YamlMap map, SettingsDraft& draft);
void read_forward(YamlMap map, Forward& out);
void read_resolv_conf(YamlMap map, SettingsDraft& draft);
void read_shutdown(YamlMap map, Shutdown& out);
void read_log(YamlMap map, Log& out);
void read_metrics(YamlMap map, Metrics& out);

/// Rules across these sections: who may ask, no listener twice, no upstream that is ourselves, a
/// listener that resolv.conf can name.
void check_settings(const SettingsDraft& draft, Mistakes& mistakes);

}  // namespace taskdns::config
