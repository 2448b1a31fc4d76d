// How glibc and musl read a resolv.conf, by their own rules: a second opinion on what taskdns writes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace taskdns::testing_support {

/// What a libc takes from the file; texts as they are, so that any difference shows.
struct LibcView {
    std::vector<std::string> servers;  ///< the first three
    std::string search;                ///< of the last `search` or `domain`
    std::vector<std::string> options;
    std::vector<std::string> sortlists;  ///< musl knows none

    bool operator==(const LibcView&) const = default;
};

/// resolv/res_init.c, res_vinit_1: a line is a C string, its keyword ends with a blank or a tab.
LibcView read_as_glibc(std::string_view text);
/// src/network/resolvconf.c: fgets into 256 octets. What has no line feed in them is skipped to the next one.
LibcView read_as_musl(std::string_view text);

}  // namespace taskdns::testing_support
