// Entity tags (RFC 9110, section 8.8.3): has the client this very text already?
// Layer: http_server (standard library only). Pure.
#pragma once

#include <string>
#include <string_view>

namespace taskdns::http_server {

/// A strong one, from the text itself: the index would say the same of two texts, since it begins anew with each
/// daemon. In quotes, as it stands in ETag.
std::string entity_tag(std::string_view body);

/// Does If-None-Match (`*`, or a list) name `tag`? By weak comparison, section 13.1.2.
bool matches_entity_tag(std::string_view if_none_match, std::string_view tag);

}  // namespace taskdns::http_server
