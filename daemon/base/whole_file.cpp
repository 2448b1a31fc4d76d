// Reads and replaces whole files. Layer: base.
#include "base/whole_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "base/descriptor.hpp"

namespace taskdns {
namespace {

Error failed(const char* step, const std::string& path) {
    return Error{Errc::internal, std::string(step) + " " + path + ": " + std::generic_category().message(errno)};
}

std::string folder_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

bool write_all(int file, std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(file, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return false;
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

Result<void> write_temporary(const std::string& path, std::string_view text) {
    Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file.open()) return failed("open", path);
    if (!write_all(file.number(), text)) return failed("write", path);
    if (::fsync(file.number()) != 0) return failed("fsync", path);
    if (!file.close()) return failed("close", path);
    return {};
}

}  // namespace

Result<std::string> read_rest(int file, std::size_t limit) {
    std::string text;
    std::array<char, 65'536> part;
    for (;;) {
        const ssize_t length = ::read(file, part.data(), part.size());
        if (length < 0 && errno == EINTR) continue;
        if (length < 0) return Error{Errc::internal, std::generic_category().message(errno)};
        if (length == 0) return text;
        text.append(part.data(), static_cast<std::size_t>(length));
        if (text.size() > limit) {
            return Error{Errc::over_limit, "has more than " + std::to_string(limit) + " octets"};
        }
    }
}

Result<std::optional<std::string>> read_whole_file(const std::string& path, std::size_t limit) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.open()) {
        if (errno == ENOENT) return std::optional<std::string>();
        return failed("open", path);
    }
    auto text = read_rest(file.number(), limit);
    if (text) return std::optional(std::move(*text));
    if (text.error().code == Errc::over_limit) return Error{Errc::over_limit, path + " " + text.error().message};
    return Error{Errc::internal, "read " + path + ": " + text.error().message};
}

Result<void> replace_whole_file(const std::string& path, std::string_view text) {
    const std::string temporary = path + ".tmp";
    Result<void> done = write_temporary(temporary, text);
    if (done && ::rename(temporary.c_str(), path.c_str()) != 0) done = failed("rename to", path);
    if (!done) {
        ::unlink(temporary.c_str());
        return done;
    }
    const std::string folder = folder_of(path);
    const Descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    // Not every file system can: the file is in place all the same, and only a crash now could undo that.
    if (directory.open() && ::fsync(directory.number()) != 0 && errno != EINVAL) return failed("fsync", folder);
    return {};
}

}  // namespace taskdns
