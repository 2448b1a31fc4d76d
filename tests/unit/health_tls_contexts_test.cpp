// Which TLS contexts are shared, when a CA file is read again, and what a bad one says.
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "health/tls_contexts.hpp"
#include "support/certificates.hpp"
#include "support/temp_dir.hpp"

namespace taskdns::health {
namespace {

using testing_support::CertificateAuthority;

class Contexts : public testing::Test {
protected:
    std::string write(const std::string& name, const std::string& text) {
        const std::string path = directory / name;
        std::ofstream(path) << text;
        return path;
    }
    TlsContexts::Context get(const std::string& ca_file) {
        const auto context = contexts.get({.ca_file = ca_file});
        EXPECT_TRUE(context.has_value());
        return context ? *context : nullptr;
    }
    std::string error_of(const std::string& ca_file) {
        const auto context = contexts.get({.ca_file = ca_file});
        return context ? "no error" : context.error().message;
    }

    testing_support::TempDir directory;
    CertificateAuthority authority;
    TlsContexts contexts;
};

TEST_F(Contexts, AreMadeOnDemandAndSharedByTrust) {
    EXPECT_EQ(contexts.size(), 0U);
    const std::string one = write("one.pem", authority.pem());
    const std::string two = write("two.pem", authority.pem());
    const auto first = get(one);
    EXPECT_EQ(first, get(one));
    EXPECT_EQ(first, *contexts.get({.ca_file = one, .server_name = "a.example"})) << "names belong to a connection";
    EXPECT_NE(first, get(two));
    const auto unverified = *contexts.get({.verify = false});
    EXPECT_NE(unverified, first);
    EXPECT_EQ(unverified, *contexts.get({.verify = false}));
    EXPECT_EQ(contexts.size(), 3U);
}

TEST_F(Contexts, VerifyAsTheySay) {
    const auto verifying = get(write("ca.pem", authority.pem()));
    EXPECT_EQ(SSL_CTX_get_verify_mode(verifying->native_handle()), SSL_VERIFY_PEER);
    const auto unverified = *contexts.get({.verify = false});
    EXPECT_EQ(SSL_CTX_get_verify_mode(unverified->native_handle()), SSL_VERIFY_NONE);
}

TEST_F(Contexts, SpeakNothingOlderThanTls12) {
    const auto context = *contexts.get({.verify = false});
    EXPECT_EQ(SSL_CTX_ctrl(context->native_handle(), SSL_CTRL_GET_MIN_PROTO_VERSION, 0, nullptr), TLS1_2_VERSION);
}

TEST_F(Contexts, FileIsReadAgainWhenItChanges) {
    const std::string path = write("ca.pem", authority.pem());
    const auto before = get(path);
    const auto touched = std::filesystem::last_write_time(path) + std::chrono::seconds(1);
    std::filesystem::last_write_time(path, touched);
    const auto after = get(path);
    EXPECT_NE(after, before);
    EXPECT_EQ(after, get(path));

    const std::string next = write("next.pem", CertificateAuthority("next").pem());
    std::filesystem::last_write_time(next, touched);
    std::filesystem::rename(next, path);
    EXPECT_NE(get(path), after) << "another file of the same time";
    EXPECT_EQ(contexts.size(), 1U);
}

TEST_F(Contexts, FileBehindALinkIsTheFileThatCounts) {
    const std::string one = write("one.pem", authority.pem());
    const std::string two = write("two.pem", CertificateAuthority("next").pem());
    const std::string link = directory / "ca.pem";
    std::filesystem::create_symlink(one, link);
    const auto before = get(link);
    std::filesystem::remove(link);
    std::filesystem::create_symlink(two, link);
    EXPECT_NE(get(link), before);
}

TEST_F(Contexts, BadFilesSayWhatIsWrong) {
    const std::string missing = directory / "missing.pem";
    EXPECT_EQ(error_of(missing), "ca_file " + missing + ": No such file or directory");
    const std::string folder = directory.path().string();
    EXPECT_EQ(error_of(folder), "ca_file " + folder + ": is not a file");
    const std::string pipe = directory / "pipe";
    ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
    EXPECT_EQ(error_of(pipe), "ca_file " + pipe + ": is not a file") << "and does not block";
    const std::string empty = write("empty.pem", "");
    EXPECT_EQ(error_of(empty), "ca_file " + empty + ": holds no certificate in PEM form");
    const std::string text = write("text.pem", "not a certificate\n");
    EXPECT_EQ(error_of(text), "ca_file " + text + ": holds no certificate in PEM form");
    EXPECT_EQ(error_of(text), "ca_file " + text + ": holds no certificate in PEM form") << "the second time too";
    const std::string key = write("key.pem", authority.issue({.names = {"a.example"}}).key_pem);
    EXPECT_EQ(error_of(key), "ca_file " + key + ": holds no certificate in PEM form");
    const std::string loop = directory / "loop.pem";
    std::filesystem::create_symlink(loop, loop);
    EXPECT_EQ(error_of(loop), "ca_file " + loop + ": Too many levels of symbolic links");
    EXPECT_EQ(error_of(""), "ca_file : No such file or directory");
}

TEST_F(Contexts, FileThatMayNotBeReadSaysSo) {
    if (geteuid() == 0) GTEST_SKIP() << "root may read all files";
    const std::string path = write("ca.pem", authority.pem());
    ASSERT_EQ(chmod(path.c_str(), 0), 0);
    EXPECT_EQ(error_of(path), "ca_file " + path + ": Permission denied");
}

TEST_F(Contexts, BadFileIsNotReplacedByWhatWasThereBefore) {
    const std::string path = write("ca.pem", authority.pem());
    const auto before = get(path);
    std::filesystem::remove(path);
    EXPECT_EQ(error_of(path), "ca_file " + path + ": No such file or directory");
    write("ca.pem", "half a certif");
    EXPECT_THAT(error_of(path), testing::HasSubstr("holds no certificate"));
    write("ca.pem", authority.pem());
    EXPECT_NE(get(path), nullptr) << "and back";
}

TEST_F(Contexts, AreBoundedInNumber) {
    for (int i = 0; i < 100; ++i) get(write(std::to_string(i) + ".pem", authority.pem()));
    EXPECT_LE(contexts.size(), 32U);
    const auto last = get(directory / "99.pem");
    EXPECT_EQ(last, get(directory / "99.pem"));
}

}  // namespace
}  // namespace taskdns::health
