// The task's other containers: is anybody left whom we answer?
// Layer: task (may include base). Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "task/metadata.hpp"

namespace taskdns::task {

/// Whether `name` is what `pattern` says, where `*` stands for any characters, or none.
bool matches(std::string_view pattern, std::string_view name);

/// Containers of type NORMAL, without ourselves and without those whose name is like one of the patterns.
struct OtherContainers {
    std::vector<std::string> running;  ///< names
    bool any = false;                  ///< there are some, running or not
    bool with_us = false;              ///< we are in the list that this comes from, so it is no half of one

    bool operator==(const OtherContainers&) const = default;
};

/// Who runs: known status RUNNING. What metadata do not say of a container is taken as what lets it be answered: type
/// NORMAL, status RUNNING.
OtherContainers find_other_containers(const Metadata& metadata, std::string_view own_id,
                                      const std::vector<std::string>& ignored);

}  // namespace taskdns::task
