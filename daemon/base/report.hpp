// What is said of an exception that has gone as far as it may. Layer: base. Threads: any.
#pragma once

#include <exception>
#include <string_view>

namespace taskdns {

/// One line, `layer: fact field=who what=...`, with what `exception` says; null stands for what was destroyed where
/// Asio had no memory to go on with it. Without memory for the line it is lost, and whoever reports goes on.
void report(std::string_view layer, std::string_view fact, std::string_view field, std::string_view who,
            const std::exception_ptr& exception) noexcept;

}  // namespace taskdns
