// The task's other containers: is anybody left whom we answer? Layer: task.
#include "task/other_containers.hpp"

#include <algorithm>

namespace taskdns::task {

bool matches(std::string_view pattern, std::string_view name) {
    // Greedy, with one way back, to the last star: all that lies before it is as it should be.
    std::size_t at = 0;
    std::size_t in_pattern = 0;
    std::size_t star = std::string_view::npos;
    std::size_t behind_star = 0;  // where in `name` what follows the star is tried
    while (at < name.size()) {
        if (in_pattern < pattern.size() && pattern[in_pattern] == '*') {
            star = in_pattern++;
            behind_star = at;
        } else if (in_pattern < pattern.size() && pattern[in_pattern] == name[at]) {
            ++in_pattern;
            ++at;
        } else if (star != std::string_view::npos) {
            in_pattern = star + 1;
            at = ++behind_star;
        } else {
            return false;
        }
    }
    return pattern.find_first_not_of('*', in_pattern) == std::string_view::npos;
}

OtherContainers find_other_containers(const Metadata& metadata, std::string_view own_id,
                                      const std::vector<std::string>& ignored) {
    OtherContainers out;
    for (const Container& container : metadata.containers) {
        const bool ours = !own_id.empty() && container.id == own_id;
        const bool normal = container.type.empty() || container.type == "NORMAL";
        const bool passed_over = std::ranges::any_of(
            ignored, [&container](const std::string& pattern) { return matches(pattern, container.name); });
        out.with_us |= ours;
        if (ours || !normal || passed_over) continue;
        out.any = true;
        if (container.known_status.empty() || container.known_status == "RUNNING") {
            out.running.push_back(container.name);
        }
    }
    return out;
}

}  // namespace taskdns::task
