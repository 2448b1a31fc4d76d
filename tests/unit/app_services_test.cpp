// The services in their places: who keeps what when the configuration is another.
#include <algorithm>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/services.hpp"

namespace taskdns::app {
namespace {

config::Service named(const char* name, const char* alias = nullptr) {
    config::Service service;
    service.name = dns::Name::parse(name).value();
    if (alias != nullptr) service.aliases.push_back(dns::Name::parse(alias).value());
    return service;
}

class ServicesTest : public testing::Test {
protected:
    std::size_t add(const config::Service& service) {
        return services.add(std::make_unique<ServicePlace>(ServicePlace{.state = ServiceState(service)}));
    }
    /// One answer of type A for `name`; returns the slot.
    std::uint64_t answer(const char* name) {
        const auto view = services.make_view(1);
        return view->cursors->take(view->names->find(dns::Name::parse(name).value().wire())->cursor);
    }

    std::vector<std::size_t> returned;
    Services services{[this](std::size_t place) { returned.push_back(place); }};
};

TEST_F(ServicesTest, AreFoundByNameAndAliasInAnyCase) {
    const std::size_t place = add(named("orders.local", "orders"));
    services.arrange({place}, std::vector{named("orders.local", "orders")});
    for (const char* name : {"orders.local", "ORDERS.local.", "Orders"}) EXPECT_EQ(services.find_place(name), place);
    EXPECT_EQ(services.find_place("other.local"), std::nullopt);
    EXPECT_EQ(services.find_place("not a name"), std::nullopt);
}

TEST_F(ServicesTest, KeepTheirPlaceAndRotationWhileOthersComeAndGo) {
    const std::size_t a = add(named("a.local"));
    const std::size_t b = add(named("b.local"));
    services.arrange({a, b}, std::vector{named("a.local"), named("b.local")});
    const std::uint64_t slot = answer("b.local");

    services.remove(a);
    const std::size_t c = add(named("c.local"));
    EXPECT_EQ(c, a) << "a free place is taken again";
    const std::size_t d = add(named("d.local"));
    services.arrange({b, d, c}, std::vector{named("b.local"), named("d.local"), named("c.local")});
    EXPECT_THAT(services.order(), testing::ElementsAre(b, d, c));
    EXPECT_EQ(services.find_place("b.local"), b);
    EXPECT_EQ(services.find_place("a.local"), std::nullopt);
    EXPECT_EQ(answer("b.local"), slot + 1);
    EXPECT_EQ(services.rotation(b).answers, 2U);
    EXPECT_EQ(services.rotation(c).answers, 0U) << "not those of whoever had the place before";
}

TEST_F(ServicesTest, BeginTheirRotationsSomewhereElseEach) {
    std::vector<config::Service> configured;
    std::vector<std::size_t> order;
    for (const char* name : {"a.local", "b.local", "c.local", "d.local"}) {
        configured.push_back(named(name));
        order.push_back(add(configured.back()));
    }
    services.arrange(order, configured);
    std::vector<std::uint64_t> slots;
    for (const char* name : {"a.local", "b.local", "c.local", "d.local"}) slots.push_back(answer(name));
    std::ranges::sort(slots);
    EXPECT_EQ(std::unique(slots.begin(), slots.end()), slots.end());
}

TEST_F(ServicesTest, HaveAViewForEveryPlaceEvenAFreeOne) {
    const std::size_t a = add(named("a.local"));
    const std::size_t b = add(named("b.local"));
    services.remove(a);
    services.arrange({b}, std::vector{named("b.local")});
    const auto view = services.make_view(9);
    EXPECT_EQ(view->index, 9U);
    ASSERT_EQ(view->services.size(), 2U);
    EXPECT_TRUE(std::ranges::none_of(view->services, [](const auto& service) { return service == nullptr; }));
    EXPECT_EQ(view->names->find(named("a.local").name.wire()), nullptr);
}

TEST_F(ServicesTest, StayIdleWhereThereIsMoreRoomAndTheFirstQuestionIsHeard) {
    const std::size_t a = add(named("a.local"));
    services.arrange({a}, std::vector{named("a.local")});
    ASSERT_TRUE(services.demand().become_idle(static_cast<std::uint32_t>(a)));
    services[a].idle = true;
    const std::size_t b = add(named("b.local"));
    services.arrange({a, b}, std::vector{named("a.local"), named("b.local")});
    services.demand().note(static_cast<std::uint32_t>(b));
    EXPECT_THAT(returned, testing::IsEmpty());
    services.demand().note(static_cast<std::uint32_t>(a));
    EXPECT_THAT(returned, testing::ElementsAre(a));
}

TEST_F(ServicesTest, BeginAwakeInThePlaceOfOneThatWasIdle) {
    const std::size_t a = add(named("a.local"));
    services.arrange({a}, std::vector{named("a.local")});
    ASSERT_TRUE(services.demand().become_idle(static_cast<std::uint32_t>(a)));
    services.remove(a);
    EXPECT_EQ(services.find_place("a.local"), std::nullopt) << "even before the names are others";
    const std::size_t b = add(named("b.local"));
    ASSERT_EQ(a, b);
    services.arrange({b}, std::vector{named("b.local")});
    EXPECT_TRUE(services.demand().become_idle(static_cast<std::uint32_t>(b))) << "it was awake";
}

TEST_F(ServicesTest, RememberWhoWasAskedForWhenThereIsMoreRoom) {
    const std::size_t a = add(named("a.local"));
    services.arrange({a}, std::vector{named("a.local")});
    services[a].last_asked = TimePoint();
    services.demand().note(static_cast<std::uint32_t>(a));
    const std::size_t b = add(named("b.local"));
    services.arrange({a, b}, std::vector{named("a.local"), named("b.local")});
    EXPECT_GT(services[a].last_asked, TimePoint());
}

}  // namespace
}  // namespace taskdns::app
