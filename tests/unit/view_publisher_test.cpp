// The publisher: what a reader holds stays, what it has left goes, and two threads agree on both.
#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "view/publisher.hpp"

namespace taskdns::view {
namespace {

/// A view of one service; `watch` expires when the view is freed.
std::unique_ptr<const View> view(std::uint64_t index, std::weak_ptr<const ServiceView>* watch = nullptr) {
    auto out = std::make_unique<View>();
    out->index = index;
    auto service = std::make_shared<ServiceView>();
    service->answer_ttl = static_cast<std::uint32_t>(index);
    out->services.push_back(service);
    if (watch != nullptr) *watch = service;
    return out;
}

TEST(Publisher, ALeaseSeesTheNewestView) {
    Publisher publisher(view(1));
    EXPECT_EQ(Publisher::Lease(publisher).view().index, 1U);
    publisher.publish(view(2));
    EXPECT_EQ(Publisher::Lease(publisher).view().index, 2U);
    EXPECT_EQ(publisher.current().index, 2U);
}

TEST(Publisher, FreesAReplacedViewThatNobodyReads) {
    std::weak_ptr<const ServiceView> first;
    Publisher publisher(view(1, &first));
    publisher.publish(view(2));
    EXPECT_TRUE(first.expired());
}

TEST(Publisher, KeepsTheViewOfALeaseThroughManyPublicationsAndFreesItAfterwards) {
    std::weak_ptr<const ServiceView> first;
    Publisher publisher(view(1, &first));
    {
        const Publisher::Lease lease(publisher);
        std::weak_ptr<const ServiceView> second;
        publisher.publish(view(2, &second));
        publisher.publish(view(3));
        EXPECT_TRUE(second.expired()) << "only what is read is kept";
        EXPECT_EQ(lease.view().index, 1U);
        ASSERT_FALSE(first.expired());
        EXPECT_EQ(lease.view().services.front()->answer_ttl, 1U);
    }
    publisher.publish(view(4));
    EXPECT_TRUE(first.expired());
}

// Under ThreadSanitizer and AddressSanitizer this finds a view that is freed while it is read, or read before it is
// written.
TEST(Publisher, OneThreadPublishesWhileAnotherReads) {
    constexpr std::uint64_t last = 20'000;
    Publisher publisher(view(1));
    std::atomic<bool> in_order = true;
    std::thread reader([&] {
        for (std::uint64_t seen = 0; seen < last;) {
            const Publisher::Lease lease(publisher);
            const View& current = lease.view();
            if (current.index < seen || current.services.front()->answer_ttl != current.index) in_order = false;
            seen = current.index;
        }
    });
    for (std::uint64_t index = 2; index <= last; ++index) publisher.publish(view(index));
    reader.join();
    EXPECT_TRUE(in_order);
}

}  // namespace
}  // namespace taskdns::view
