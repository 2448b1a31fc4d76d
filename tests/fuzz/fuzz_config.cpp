// Fuzz entry: config::parse() with an empty environment, and the one-variable form. Whatever a user writes, it comes
// back as a configuration with services, or as mistakes, each on a line of its own.
#include <cstdlib>
#include <optional>
#include <string>

#include "config/load.hpp"

namespace {

using namespace taskdns;

void require(bool holds) {
    if (!holds) std::abort();
}

void check(const Result<config::Config>& config) {
    if (config) {
        require(!config->services.empty());
        return;
    }
    require(config.error().code == Errc::invalid_config);
    const std::string& text = config.error().message;
    require(!text.empty() && text.front() != '\n' && text.back() != '\n');
    require(text.find("\n\n") == std::string::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const std::string text(data, data + size);
    check(config::parse(text, "fuzz.yaml", [](const std::string&) { return std::nullopt; }));

    config::Sources sources;
    sources.environment = [&text](const std::string& name) {
        return name == "TASKDNS_CONFIG_CONTENT" ? std::optional<std::string>("{}") : std::optional(text);
    };
    check(config::load(sources));
    return 0;
}
