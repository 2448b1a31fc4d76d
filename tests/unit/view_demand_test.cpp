// Who is asked for: one call for the first question after idleness, none for the others.
#include <vector>

#include <gtest/gtest.h>

#include "view/demand.hpp"

namespace taskdns::view {
namespace {

class DemandTest : public testing::Test {
protected:
    std::vector<std::uint32_t> returned_;
    Demand demand_{3, [this](std::uint32_t service) { returned_.push_back(service); }};
};

TEST_F(DemandTest, IsTakenOncePerQuestion) {
    EXPECT_FALSE(demand_.take(1));
    demand_.note(1);
    demand_.note(1);
    EXPECT_TRUE(demand_.take(1));
    EXPECT_FALSE(demand_.take(1));
}

TEST_F(DemandTest, IsOfOneServiceOnly) {
    demand_.note(1);
    EXPECT_FALSE(demand_.take(0));
    EXPECT_FALSE(demand_.take(2));
}

TEST_F(DemandTest, CallsBackForTheFirstQuestionAfterIdlenessOnly) {
    demand_.note(1);
    EXPECT_TRUE(returned_.empty());
    EXPECT_TRUE(demand_.take(1));
    EXPECT_TRUE(demand_.become_idle(1));
    demand_.note(1);
    demand_.note(1);
    EXPECT_EQ(returned_, std::vector<std::uint32_t>{1});
}

TEST_F(DemandTest, DoesNotBecomeIdleOverAQuestionThatCameJustNow) {
    demand_.note(1);
    EXPECT_FALSE(demand_.become_idle(1));
    EXPECT_TRUE(demand_.take(1));
}

TEST_F(DemandTest, BecomesIdleOnce) {
    EXPECT_TRUE(demand_.become_idle(2));
    EXPECT_FALSE(demand_.become_idle(2));
}

}  // namespace
}  // namespace taskdns::view
