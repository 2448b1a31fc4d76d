// Hands views from the control thread to the dns thread. Layer: view.
//
// Why no view is freed in use: the reader writes the slot, then reads `current_` again; the publisher writes
// `current_`, then reads the slot; all four are sequentially consistent. If the reader found its view still current,
// the publisher's write came later, so its read of the slot sees the announcement.
#include "view/publisher.hpp"

#include <boost/assert.hpp>

namespace taskdns::view {

Publisher::Publisher(std::unique_ptr<const View> first) : current_(first.get()) {
    BOOST_ASSERT(first != nullptr);
    owned_.push_back(std::move(first));
}

Publisher::~Publisher() { BOOST_ASSERT(in_use_.load() == nullptr); }

void Publisher::publish(std::unique_ptr<const View> view) {
    BOOST_ASSERT(view != nullptr);
    const View* const newest = view.get();
    owned_.push_back(std::move(view));
    current_.store(newest, std::memory_order_seq_cst);
    const View* const in_use = in_use_.load(std::memory_order_seq_cst);
    std::erase_if(owned_, [&](const auto& old) { return old.get() != in_use && old.get() != newest; });
}

Publisher::Lease::Lease(Publisher& publisher)
    : publisher_(publisher), view_(publisher.current_.load(std::memory_order_acquire)) {
    BOOST_ASSERT(publisher_.in_use_.load(std::memory_order_relaxed) == nullptr);  // one lease at a time
    for (;;) {
        publisher_.in_use_.store(view_, std::memory_order_seq_cst);
        const View* const again = publisher_.current_.load(std::memory_order_seq_cst);
        if (again == view_) return;
        view_ = again;  // replaced in between: what we announced may be gone already, and was not looked into
    }
}

Publisher::Lease::~Lease() { publisher_.in_use_.store(nullptr, std::memory_order_release); }

}  // namespace taskdns::view
