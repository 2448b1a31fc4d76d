// Entity tags. Layer: http_server.
#include "http_server/entity_tag.hpp"

#include <cstdint>

#include <fmt/format.h>

namespace taskdns::http_server {

std::string entity_tag(std::string_view body) {
    std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a: nobody gains by a collision with himself
    for (const char c : body) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    return fmt::format("\"{:016x}\"", hash);
}

bool matches_entity_tag(std::string_view if_none_match, std::string_view tag) {
    while (!if_none_match.empty()) {
        std::string_view one = if_none_match.substr(0, if_none_match.find(','));
        if_none_match.remove_prefix(one.size());
        if (if_none_match.starts_with(',')) if_none_match.remove_prefix(1);
        while (one.starts_with(' ') || one.starts_with('\t')) one.remove_prefix(1);
        while (one.ends_with(' ') || one.ends_with('\t')) one.remove_suffix(1);
        if (one == "*") return true;
        if (one.starts_with("W/")) one.remove_prefix(2);
        if (one == tag) return true;
    }
    return false;
}

}  // namespace taskdns::http_server
