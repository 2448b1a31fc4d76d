// HTML put together safely: what is ours goes in as it is, everything else escaped.
// Layer: http_server (standard library only). Pure.
#pragma once

#include <string>
#include <string_view>

namespace taskdns::http_server {

/// `text` so that it can stand in an element and between the double quotes of an attribute. White space becomes
/// blanks; other control characters, characters that change the direction of writing, and what is no UTF-8 become
/// U+FFFD.
std::string escape_html(std::string_view text);

/// `text` so that it can stand behind the # of a link.
std::string escape_url(std::string_view text);

class Html {
public:
    /// Markup of ours.
    Html& raw(std::string_view markup) {
        out_ += markup;
        return *this;
    }
    /// Text of anybody's.
    Html& text(std::string_view text) {
        out_ += escape_html(text);
        return *this;
    }
    std::size_t size() const { return out_.size(); }
    std::string take() { return std::move(out_); }

private:
    std::string out_;
};

}  // namespace taskdns::http_server
