// Which of our two forms a client would rather have: JSON or text (RFC 9110, section 12.5.1).
// Layer: http_server (standard library only). Pure.
#pragma once

#include <string_view>

namespace taskdns::http_server {

enum class Format { json, text };

/// The form that the Accept header rates higher; `otherwise` on a tie, such as `*/*`, nothing, or neither of the two.
/// (Nobody gets a 406: section 12.5.1 lets us send what we have.)
Format choose_format(std::string_view accept, Format otherwise);

}  // namespace taskdns::http_server
