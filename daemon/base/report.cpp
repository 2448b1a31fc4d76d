// What is said of an exception that has gone as far as it may. Layer: base.
#include "base/report.hpp"

#include "base/log.hpp"

namespace taskdns {
namespace {

void say(std::string_view layer, std::string_view fact, std::string_view field, std::string_view who,
         const char* what) noexcept {
    try {
        log::error(layer, fact, {{field, who}, {"what", what}});
    } catch (const std::exception&) {  // no memory for the line's fields
    }
}

}  // namespace

void report(std::string_view layer, std::string_view fact, std::string_view field, std::string_view who,
            const std::exception_ptr& exception) noexcept {
    if (!exception) return say(layer, fact, field, who, "no memory for what it waits for");
    try {
        std::rethrow_exception(exception);
    } catch (const std::exception& e) {
        say(layer, fact, field, who, e.what());
    } catch (...) {
        say(layer, fact, field, who, "something that is no exception");
    }
}

}  // namespace taskdns
