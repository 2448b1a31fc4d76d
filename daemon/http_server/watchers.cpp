// Who waits for a change. Layer: http_server.
#include "http_server/watchers.hpp"

namespace taskdns::http_server {

Watchers::Place::Place(Watchers& watchers, std::shared_ptr<Connection> connection, const Watch* watch)
    : watchers_(watchers), connection_(std::move(connection)), watch_(watch) {
    watchers_.places_.insert(this);
}

Watchers::Place::~Place() { watchers_.places_.erase(this); }

void Watchers::wake(const Model& model) {
    for (const Place* place : places_) {
        if (place->watch_ == nullptr || is_due(*place->watch_, model)) place->connection_->wake();
    }
}

milliseconds Watchers::with_jitter(milliseconds wait) {
    return wait + milliseconds(std::uniform_int_distribution<milliseconds::rep>(0, wait.count() / 16)(random_));
}

}  // namespace taskdns::http_server
