// No test touches this machine's own /etc/resolv.conf: what manages one runs behind
// NetworkNamespaces::with_own_resolver().
#pragma once

#include <string>

namespace taskdns::testing_support {

/// A file that no test may change.
class GuardedFile {
public:
    explicit GuardedFile(std::string path);

    const std::string& text() const { return text_; }
    /// If the file has changed: fails the test that runs, and puts back what was there.
    void check() const;

private:
    std::string path_;
    std::string text_;
};

/// Of all tests of this executable, one that changes the file fails. They, and what they start, see a copy in a mount
/// namespace of their own where that can be had; so not even such a test changes the machine's, and none is blamed
/// for another process. Call it before main().
bool guard_resolv_conf();

}  // namespace taskdns::testing_support
