// The configuration from all its places, strongest last: file, TASKDNS_CONFIG_CONTENT, TASKDNS_SERVICES, overrides.
// Layer: config (may include base, dns, yaml-cpp). Reads files; no other I/O, no threads.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "config/config.hpp"

namespace taskdns::config {

/// Looks a variable of the environment up; a test passes its own.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

Environment process_environment();
/// The names of all its variables: a TASKDNS_ one that means nothing is worth a note.
std::vector<std::string> process_environment_names();

inline constexpr const char* default_path = "/etc/taskdns/taskdns.yaml";

struct Sources {
    std::optional<std::string> path;  ///< --config: must exist. Null: default_path, if it is there
    Environment environment = process_environment();
    std::vector<std::string> environment_names = process_environment_names();
    bool need_services = true;  ///< false for who only asks where the daemon listens
};

/// Error: every mistake in every source, one per line, `FILE:LINE:COLUMN: path.to.key: what (mend)`, code
/// invalid_config; what concerns a source as a whole has no line. No services at all is a mistake too, unless none
/// are needed. TASKDNS_CONFIG_CONTENT stands in for the file, which is then not read (a note says so). A variable
/// that is empty is not set.
Result<Config> load(const Sources& sources);

/// The file that load() reads, whether it is there or not; null where TASKDNS_CONFIG_CONTENT stands in for it.
std::optional<std::string> find_file(const Sources& sources);

/// One YAML text alone, with its defaults applied: what check-config and tests read. Same errors.
Result<Config> parse(const std::string& yaml, const std::string& file_name, const Environment& environment);

}  // namespace taskdns::config
