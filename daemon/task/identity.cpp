// Who this task is. Layer: task.
#include "task/identity.hpp"

#include <unistd.h>

#include <array>
#include <cstdlib>
#include <random>
#include <string_view>

namespace taskdns::task {

std::string_view identity_in(std::string_view metadata_uri) {
    // http://169.254.170.2/v4/0123456789abcdef0123456789abcdef-3181852345
    constexpr std::size_t length_of_id = 32;
    const std::string_view last = metadata_uri.substr(metadata_uri.rfind('/') + 1);
    const bool is_task_id = last.size() > length_of_id + 1 &&
                            last.substr(0, length_of_id).find_first_not_of("0123456789abcdef") == last.npos &&
                            last[length_of_id] == '-' &&
                            last.find_first_not_of("0123456789", length_of_id + 1) == last.npos;
    return is_task_id ? last.substr(0, length_of_id) : last;
}

std::string identity() {
    if (const char* uri = std::getenv("ECS_CONTAINER_METADATA_URI_V4")) {
        const std::string_view last = identity_in(uri);
        if (!last.empty()) return std::string(last);
    }
    std::array<char, 256> name{};
    if (gethostname(name.data(), name.size() - 1) == 0) {
        const std::string_view text(name.data());
        if (!text.empty() && text != "localhost") return std::string(text);
    }
    std::random_device random;
    return std::to_string(random()) + "-" + std::to_string(random());
}

}  // namespace taskdns::task
