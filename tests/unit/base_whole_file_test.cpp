// Whole files: read within a bound, replaced whole or not at all.
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/whole_file.hpp"
#include "support/temp_dir.hpp"

namespace taskdns {
namespace {

using testing::HasSubstr;

class WholeFile : public testing::Test {
protected:
    std::string path(const std::string& name) const { return dir_ / name; }
    static std::string text_of(const std::string& path) {
        std::ifstream file(path, std::ios::binary);
        std::ostringstream text;
        text << file.rdbuf();
        return text.str();
    }
    testing_support::TempDir dir_;
};

TEST_F(WholeFile, ThatIsNotThereIsNull) {
    const auto text = read_whole_file(path("none"), 10);
    ASSERT_TRUE(text) << text.error().message;
    EXPECT_EQ(*text, std::nullopt);
}

TEST_F(WholeFile, ComesBackAsWritten) {
    const std::string binary("a\0b\n\xFF", 5);
    ASSERT_TRUE(replace_whole_file(path("f"), binary));
    EXPECT_EQ(read_whole_file(path("f"), 5).value(), binary);
    ASSERT_TRUE(replace_whole_file(path("f"), ""));
    EXPECT_EQ(read_whole_file(path("f"), 5).value(), "");
}

TEST_F(WholeFile, BeyondTheLimitIsAnError) {
    ASSERT_TRUE(replace_whole_file(path("f"), "123456"));
    const auto text = read_whole_file(path("f"), 5);
    ASSERT_FALSE(text);
    EXPECT_EQ(text.error().code, Errc::over_limit);
    EXPECT_THAT(text.error().message, HasSubstr("more than 5 octets"));
}

TEST_F(WholeFile, IsReadableByUsOnly) {
    ASSERT_TRUE(replace_whole_file(path("f"), "x"));
    struct stat status {};
    ASSERT_EQ(stat(path("f").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(WholeFile, LeavesNoTemporaryFile) {
    ASSERT_TRUE(replace_whole_file(path("f"), "x"));
    EXPECT_NE(access(path("f.tmp").c_str(), F_OK), 0);
}

TEST_F(WholeFile, ReplacesATemporaryFileThatACrashLeft) {
    std::ofstream(path("f.tmp")) << "half of";
    ASSERT_TRUE(replace_whole_file(path("f"), "whole"));
    EXPECT_EQ(text_of(path("f")), "whole");
}

TEST_F(WholeFile, DoesNotFollowALinkThatStandsInTheTemporaryFilesPlace) {
    std::ofstream(path("victim")) << "precious";
    ASSERT_EQ(symlink(path("victim").c_str(), path("f.tmp").c_str()), 0);
    const auto done = replace_whole_file(path("f"), "x");
    EXPECT_EQ(text_of(path("victim")), "precious");
    ASSERT_FALSE(done);
    EXPECT_THAT(done.error().message, HasSubstr("open " + path("f.tmp")));
}

TEST_F(WholeFile, NamesTheFolderThatIsMissing) {
    const auto done = replace_whole_file(path("none/f"), "x");
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().message, "open " + path("none/f.tmp") + ": No such file or directory");
}

TEST_F(WholeFile, StaysWhenTheNewOneCannotTakeItsPlace) {
    ASSERT_EQ(mkdir(path("f").c_str(), 0700), 0);
    ASSERT_EQ(mkdir(path("f/inside").c_str(), 0700), 0);
    const auto done = replace_whole_file(path("f"), "x");
    ASSERT_FALSE(done);
    EXPECT_THAT(done.error().message, HasSubstr("rename to " + path("f")));
    EXPECT_NE(access(path("f.tmp").c_str(), F_OK), 0);
}

TEST_F(WholeFile, OnAFullDeviceIsAnError) {
    // /dev/full takes no octet; as a link it stands for a file system without room.
    const auto text = read_whole_file("/dev/full", 100);
    ASSERT_FALSE(text);  // it never ends
    EXPECT_EQ(text.error().code, Errc::over_limit);
}

}  // namespace
}  // namespace taskdns
