// The last changes of all services as text, once for all who listen.
// Layer: http_server (may include base). Pure: time is an argument.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string_view>

#include "base/time.hpp"

namespace taskdns::http_server {

struct Event {
    std::uint64_t index = 0;
    std::string_view text;               ///< as it is sent: `id:`, `event:`, `data:` and an empty line
    std::shared_ptr<const char[]> held;  ///< where the text is; it lives as long as somebody sends it
};

/// Bounded in number and octets. A reader holds a position: the number of the event that it takes next, counted since
/// the start. Nothing is kept while nobody reads, but for a minute, in which a reader may come back.
///
/// Texts lie one behind the other in blocks, which are used again: a thousand small pieces that live for half an hour
/// among what comes and goes would keep a multiple of their size from being given back. What is left at the end of a
/// block is lost: less than the next text, which usually has below 1 KiB.
class EventLog {
public:
    static constexpr std::size_t most_events = 1024;  ///< a fleet of 1,000 services that all change at once
    static constexpr std::size_t most_octets = 1024 * 1024;
    static constexpr std::size_t block_octets = 64 * 1024;  ///< a longer text has a block of its own
    static constexpr seconds kept_unread{60};

    /// Somebody begins to read; `index` is that of the last change.
    void open(std::uint64_t index);
    /// Somebody has ended.
    void close(TimePoint now);
    /// Are events wanted? If not, all are forgotten.
    bool wanted(TimePoint now);
    void add(std::uint64_t index, std::string_view text);

    /// The position of the first event after `index`; null if some of those that came after it are not here any more.
    std::optional<std::uint64_t> find(std::uint64_t index) const;
    /// The position of the next event that will be added.
    std::uint64_t end() const { return first_ + events_.size(); }
    /// Null: not here any more, or not yet.
    std::optional<Event> at(std::uint64_t position) const;

private:
    /// `text` behind the others.
    Event keep(std::uint64_t index, std::string_view text);
    void forget_oldest();

    std::deque<Event> events_;
    std::shared_ptr<char[]> block_;  // the last one, and how much of it is used
    std::size_t used_ = 0;
    std::shared_ptr<char[]> spare_;
    std::uint64_t first_ = 0;           // the position of the first that is here
    std::uint64_t complete_after_ = 0;  // all events of later indexes are here
    std::size_t octets_ = 0;
    std::size_t readers_ = 0;
    bool recording_ = false;
    TimePoint unread_since_{};
};

}  // namespace taskdns::http_server
