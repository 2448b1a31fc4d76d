// A directory of its own for one test.
#include "support/temp_dir.hpp"

#include <stdlib.h>

#include <stdexcept>

namespace taskdns::testing_support {

TempDir::TempDir() {
    std::string pattern = (std::filesystem::temp_directory_path() / "taskdns-test-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed for " + pattern);
    path_ = pattern;
}

TempDir::~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

}  // namespace taskdns::testing_support
