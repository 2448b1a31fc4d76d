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
    }
    return recording_;
}

void EventLog::add(std::uint64_t index, std::string text) {
    text.shrink_to_fit();  // what it was put together in may be twice as long, and is not counted below
    octets_ += text.size();
    events_.push_back(std::make_shared<const Event>(Event{index, std::move(text)}));
    while (events_.size() > most_events || octets_ > most_octets) {
        const Event& oldest = *events_.front();
        complete_after_ = std::max(complete_after_, oldest.index);
        octets_ -= oldest.text.size();
        events_.pop_front();
        ++first_;
    }
}

std::optional<std::uint64_t> EventLog::find(std::uint64_t index) const {
    if (!recording_ || index < complete_after_) return std::nullopt;
    const auto found =
        std::find_if(events_.begin(), events_.end(), [index](const auto& event) { return event->index > index; });
    return first_ + static_cast<std::uint64_t>(found - events_.begin());
}

std::shared_ptr<const Event> EventLog::at(std::uint64_t position) const {
    if (position < first_ || position >= end()) return nullptr;
    return events_[position - first_];
}

}  // namespace taskdns::http_server
