// Where rotations stand, and how they go on under another configuration.
#include <gtest/gtest.h>

#include "view/cursors.hpp"

namespace taskdns::view {
namespace {

TEST(Cursors, AreTakenOneAfterTheOtherAndEachForItself) {
    Cursors cursors(2);
    cursors.begin_at(0, 7);
    EXPECT_EQ(cursors.take(0), 7U);
    EXPECT_EQ(cursors.take(0), 8U);
    EXPECT_EQ(cursors.take(1), 0U);
    EXPECT_EQ(cursors.next(0), 9U);
    EXPECT_EQ(cursors.taken(0), 2U);
    EXPECT_EQ(cursors.taken(1), 1U);
}

TEST(Cursors, GoOnWhereOthersStand) {
    Cursors before(3);
    before.begin_at(2, 40);
    before.take(2);
    Cursors after(1);
    after.go_on(0, before, 2);
    EXPECT_EQ(after.take(0), 41U);
    EXPECT_EQ(after.taken(0), 2U) << "what was taken before counts";
}

}  // namespace
}  // namespace taskdns::view
