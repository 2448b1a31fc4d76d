// Hands views from the control thread to the dns thread: one pointer, swapped; no lock (docs/decisions).
// Layer: view. Threads: publish() from the control thread only; Lease on the dns thread only.
//
// A reader announces the view that it is using in a hazard slot; a replaced view is freed by the publisher once it is
// not announced. Reading costs two atomic operations per batch of queries, and never waits for the publisher.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "view/view.hpp"

namespace taskdns::view {

class Publisher {
public:
    explicit Publisher(std::unique_ptr<const View> first);
    Publisher(const Publisher&) = delete;
    Publisher& operator=(const Publisher&) = delete;
    /// The reader has ended by now.
    ~Publisher();

    /// Replaces the view and frees those that the reader has left behind.
    void publish(std::unique_ptr<const View> view);
    /// The newest view, for the control thread itself.
    const View& current() const { return *owned_.back(); }

    /// Borrowed for one batch of queries; at most one exists at a time.
    class Lease {
    public:
        explicit Lease(Publisher& publisher);
        ~Lease();
        Lease(const Lease&) = delete;
        Lease& operator=(const Lease&) = delete;
        const View& view() const { return *view_; }

    private:
        Publisher& publisher_;
        const View* view_;
    };

private:
    std::atomic<const View*> current_;
    std::atomic<const View*> in_use_{nullptr};
    std::vector<std::unique_ptr<const View>> owned_;  // the newest last; control thread only
};

}  // namespace taskdns::view
