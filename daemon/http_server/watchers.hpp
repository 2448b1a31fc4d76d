// Who waits for a change: blocking queries and event streams, and how they are woken.
// Layer: http_server (may include base). Threads: the control thread's executor.
#pragma once

#include <cstddef>
#include <memory>
#include <random>
#include <set>

#include "base/time.hpp"
#include "http_server/connection.hpp"
#include "http_server/routes.hpp"

namespace taskdns::http_server {

/// What somebody waits for; null: any change. Looking and waiting happen on one thread, and whoever has been woken
/// looks again, so no change is lost.
class Watchers {
public:
    Watchers() : random_(std::random_device{}()) {}

    /// Waits as long as it lives.
    class Place {
    public:
        /// `watch` must outlive it; null: an event stream.
        Place(Watchers& watchers, std::shared_ptr<Connection> connection, const Watch* watch);
        ~Place();
        Place(const Place&) = delete;
        Place& operator=(const Place&) = delete;

    private:
        friend class Watchers;
        Watchers& watchers_;
        std::shared_ptr<Connection> connection_;
        const Watch* watch_;
    };

    std::size_t size() const { return places_.size(); }
    /// Wakes those whose watch is due, and all event streams.
    void wake(const Model& model);
    /// `wait`, and up to a sixteenth of it: those who began together need not end together.
    milliseconds with_jitter(milliseconds wait);

private:
    std::set<Place*> places_;
    std::minstd_rand random_;
};

}  // namespace taskdns::http_server
