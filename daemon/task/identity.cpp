// Who this task is. Layer: task.
#include "task/identity.hpp"

#include <unistd.h>

#include <array>
#include <cstdlib>
#include <random>
#include <string_view>

namespace taskdns::task {

std::string identity() {
    // http://169.254.170.2/v4/0123456789abcdef0123456789abcdef-3181852345
    if (const char* uri = std::getenv("ECS_CONTAINER_METADATA_URI_V4")) {
        const std::string_view text(uri);
        const std::string_view last = text.substr(text.rfind('/') + 1);
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
