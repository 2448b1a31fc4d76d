// The last changes of all services as text. Layer: http_server.
#include "http_server/event_log.hpp"

#include <algorithm>

namespace taskdns::http_server {

void EventLog::open(std::uint64_t index) {
    ++readers_;
    if (recording_) return;
    recording_ = true;
    complete_after_ = index;
}

void EventLog::close(TimePoint now) {
    --readers_;
    unread_since_ = now;
}

bool EventLog::wanted(TimePoint now) {
    if (recording_ && readers_ == 0 && now - unread_since_ > kept_unread) {
        recording_ = false;
        first_ = end();
        octets_ = 0;
        events_.clear();
        events_.shrink_to_fit();
        block_.reset();
        spare_.reset();
    }
    return recording_;
}

Event EventLog::keep(std::uint64_t index, std::string_view text) {
    if (!block_ || text.size() > block_octets - used_) {
        const bool fits = text.size() <= block_octets;
        block_ = fits && spare_ ? std::move(spare_)
                                : std::shared_ptr<char[]>(new char[std::max(block_octets, text.size())]);
        used_ = 0;
    }
    char* const place = block_.get() + used_;
    std::copy(text.begin(), text.end(), place);
    used_ = std::min(used_ + text.size(), block_octets);
    return {index, {place, text.size()}, block_};
}

void EventLog::forget_oldest() {
    const Event oldest = std::move(events_.front());
    events_.pop_front();
    ++first_;
    complete_after_ = std::max(complete_after_, oldest.index);
    octets_ -= oldest.text.size();
    const bool nobody_else_has_it = oldest.held.use_count() == 1;
    if (nobody_else_has_it && oldest.text.size() <= block_octets)
        spare_ = std::const_pointer_cast<char[]>(oldest.held);
}

void EventLog::add(std::uint64_t index, std::string_view text) {
    events_.push_back(keep(index, text));
    octets_ += text.size();
    while (events_.size() > most_events || octets_ > most_octets) forget_oldest();
}

std::optional<std::uint64_t> EventLog::find(std::uint64_t index) const {
    if (!recording_ || index < complete_after_) return std::nullopt;
    const auto found =
        std::find_if(events_.begin(), events_.end(), [index](const Event& event) { return event.index > index; });
    return first_ + static_cast<std::uint64_t>(found - events_.begin());
}

std::optional<Event> EventLog::at(std::uint64_t position) const {
    if (position < first_ || position >= end()) return std::nullopt;
    return events_[position - first_];
}

}  // namespace taskdns::http_server
