// A configuration file's text, or why it cannot be had. Layer: config.
#include "config/read_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "base/descriptor.hpp"
#include "config/yaml_tree.hpp"

namespace taskdns::config {
namespace {

Error cannot_be_read(int error) {
    std::string message = "cannot be read: " + std::generic_category().message(error);
    if (error == EACCES)
        message += " (give the user that runs taskdns the right to read it)";
    else if (error == EISDIR)
        message += " (name the file in it)";
    else
        message += " (check the path and what is mounted there)";
    return Error{Errc::invalid_config, std::move(message)};
}

}  // namespace

Result<std::optional<std::string>> read_file(const std::string& path) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.open()) {
        if (errno == ENOENT || errno == ENOTDIR) return std::optional<std::string>();
        return cannot_be_read(errno);
    }
    struct stat status {};
    if (fstat(file.number(), &status) != 0) return cannot_be_read(errno);
    if (S_ISDIR(status.st_mode)) return cannot_be_read(EISDIR);

    std::string text;
    std::array<char, 16 * 1024> piece{};
    while (text.size() <= max_yaml_bytes) {
        const ssize_t got = ::read(file.number(), piece.data(), piece.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return cannot_be_read(errno);
        if (got == 0) break;
        text.append(piece.data(), static_cast<std::size_t>(got));
    }
    return std::optional<std::string>(std::move(text));
}

}  // namespace taskdns::config
