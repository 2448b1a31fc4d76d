// What /proc says of a process.
#include "support/process_status.hpp"

#include <filesystem>
#include <fstream>

namespace taskdns::testing_support {

std::vector<std::string> of_each_thread(pid_t pid, const std::string& name) {
    std::vector<std::string> out;
    for (const auto& thread : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
        std::ifstream status(thread.path() / "status");
        for (std::string line; std::getline(status, line);) {
            if (line.starts_with(name + ":")) out.push_back(line.substr(name.size() + 2));
        }
    }
    return out;
}

}  // namespace taskdns::testing_support
