// A resolv.conf that nobody answers for. Layer: app.
#include "app/abandoned_resolv_conf.hpp"

#include <chrono>
#include <exception>

#include "app/answers_dns.hpp"
#include "app/resolv_conf_naming.hpp"
#include "base/whole_file.hpp"
#include "task/resolv_conf_file.hpp"

namespace taskdns::app {
namespace {

using namespace std::chrono_literals;

constexpr auto patience = 200ms;  // a running taskdns answers within one

/// Null: not managed by taskdns, or it cannot be read, and so not be put back either.
std::optional<std::string> read_managed(const std::string& path) {
    auto text = read_whole_file(path, task::longest_resolv_conf);
    if (!text || !*text) return std::nullopt;
    return task::find_managed(**text) ? std::move(*text) : std::nullopt;
}

bool somebody_answers(const std::string& text) {
    const auto servers = task::parse_name_servers(text);
    return !servers.empty() && answers_dns(servers.front(), patience);
}

std::optional<std::string> put_back(const std::string& path) {
    const auto text = read_managed(path);
    if (!text || somebody_answers(*text)) return std::nullopt;
    const auto change = task::restore_resolv_conf(path);
    if (!change) return change.error().message + "; so it still names taskdns, where nobody answers";
    if (!change->written) return std::nullopt;  // somebody else was quicker
    return path + ": as it was before taskdns again, " + name_servers(change->servers) +
           ", since nobody answers at " + task::parse_name_servers(*text).front().address.to_string();
}

}  // namespace

std::optional<std::string> put_back_abandoned(const std::string& path) noexcept try {
    return put_back(path);
} catch (const std::exception&) {  // no memory or descriptors
    return std::nullopt;
}

}  // namespace taskdns::app
