// Log lines: one event per change of state, with named fields, as text or JSON, never blocking the caller.
// Layer: base (may include spdlog, in log.cpp only). Threads: any; a third thread writes (design.md, section 2).
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace taskdns::log {

enum class Level { debug, info, warning, error };
enum class Format { text, json };

/// One named value of a line. Numbers and booleans stay what they are in JSON.
class Field {
public:
    Field(std::string_view name, std::string_view value) : name_(name), value_(value) {}
    Field(std::string_view name, const std::string& value) : Field(name, std::string_view(value)) {}
    Field(std::string_view name, const char* value) : Field(name, std::string_view(value)) {}
    Field(std::string_view name, bool value) : name_(name), value_(value ? "true" : "false"), literal_(true) {}
    template <class Integer>
    requires std::is_integral_v<Integer> Field(std::string_view name, Integer value)
        : name_(name), value_(std::to_string(value)), literal_(true) {}

    std::string_view name() const { return name_; }
    const std::string& value() const { return value_; }
    bool literal() const { return literal_; }  ///< written without quotes in JSON

private:
    std::string_view name_;  // names are string literals
    std::string value_;
    bool literal_ = false;
};

using Fields = std::initializer_list<Field>;

struct Settings {
    Level level = Level::info;
    Format format = Format::text;
    int descriptor = 1;  ///< where lines go: standard output
};

/// Starts the writing thread; lines before that are dropped. Call once, from the main thread.
void start(const Settings& settings);
/// Other lines, or lines in another form, from now on.
void change(Level level, Format format);
/// Writes what is queued, waits at most a quarter of a second for a reader that does not read, ends the thread; half
/// a second in all, even where a terminal blocks for good.
void stop();
/// Lines lost because the reader of our output did not keep up (oldest first).
std::uint64_t dropped();
/// The exact line that event() would write, without a newline. Pure; for tests.
std::string format_line(Format format, Level level, std::string_view wall_time, std::string_view layer,
                        std::string_view fact, Fields fields);

/// A line as it is, whatever the level and format: what a machine reads on standard output beside the log.
void raw(std::string_view line);

/// `layer: fact name=value ...`. `fact` is a stable phrase, what varies is in `fields`.
void event(Level level, std::string_view layer, std::string_view fact, Fields fields = {});

inline void debug(std::string_view layer, std::string_view fact, Fields fields = {}) {
    event(Level::debug, layer, fact, fields);
}
inline void info(std::string_view layer, std::string_view fact, Fields fields = {}) {
    event(Level::info, layer, fact, fields);
}
inline void warning(std::string_view layer, std::string_view fact, Fields fields = {}) {
    event(Level::warning, layer, fact, fields);
}
inline void error(std::string_view layer, std::string_view fact, Fields fields = {}) {
    event(Level::error, layer, fact, fields);
}

}  // namespace taskdns::log
