// Rewrites a resolv.conf in place. Layer: task.
#include "task/resolv_conf_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>
#include <system_error>
#include <thread>

#include "base/descriptor.hpp"
#include "base/time.hpp"
#include "base/whole_file.hpp"

namespace taskdns::task {
namespace {

constexpr int lock_attempts = 20;
constexpr milliseconds lock_pause{50};
constexpr milliseconds reader_pause{5};  // a read(2) takes microseconds, unless it is preempted

constexpr const char* privilege_mend =
    "run the sidecar as root (\"user\": \"0\"), or `taskdns resolv-conf apply` in a root container that ends before "
    "the application starts, or `taskdns exec` in front of the application's command";

Error fail(const std::string& path, const std::string& what, const std::string& mend) {
    return Error{Errc::internal, path + ": " + what + (mend.empty() ? "" : " (" + mend + ")")};
}

std::string reason(int error) { return std::generic_category().message(error); }

/// A container's own file may lie behind a link of its image: the runtime has mounted it there.
bool is_mount(const std::string& path) {
    std::ifstream mounts("/proc/self/mountinfo");
    for (std::string line; std::getline(mounts, line);) {
        std::istringstream fields(line);
        std::string field;
        for (int i = 0; i < 5; ++i) fields >> field;  // the fifth is the mount point
        if (field == path) return true;
    }
    return false;
}

Error foreign_link(const std::string& path, const std::string& target) {
    struct Owner {
        const char* part;
        const char* name;
        const char* mend;
    };
    static constexpr std::array<Owner, 4> owners{
        {{"/systemd/", "systemd-resolved", "write DNS=127.0.0.1 and Domains=~. into /etc/systemd/resolved.conf"},
         {"/NetworkManager/", "NetworkManager", "write dns=none into its [main] section"},
         {"/resolvconf/", "resolvconf", "write nameserver 127.0.0.1 into /etc/resolvconf/resolv.conf.d/head"},
         {"/connman/", "ConnMan", "start it with --nodnsproxy"}}};
    for (const Owner& owner : owners) {
        if (target.find(owner.part) == std::string::npos) continue;
        return fail(
            path, "is a link to " + target + ", which " + owner.name + " writes: it is left alone",
            std::string(owner.mend) + ", or put a file in the place of the link, or resolv_conf.manage: false");
    }
    return fail(path, "is a link to " + target + ", which another program may write: it is left alone",
                "name the file itself with resolv_conf.path or --path, or put a file in the place of the link");
}

/// The file itself: `path`, or what lies behind it if that is a container's own.
Result<std::string> find_file(const std::string& path) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0 || !S_ISLNK(status.st_mode)) return path;
    const std::unique_ptr<char, decltype(&std::free)> resolved(::realpath(path.c_str(), nullptr), &std::free);
    if (!resolved) return fail(path, "is a link that leads nowhere: " + reason(errno), "put a file in its place");
    std::string target = resolved.get();
    if (is_mount(target)) return target;
    return foreign_link(path, target);
}

Error cannot_open(const std::string& path, int error) {
    if (error == ENOENT || error == ENOTDIR) {
        return fail(path, "there is no such file",
                    "create an empty one: without it, C libraries ask 127.0.0.1; or name another with "
                    "resolv_conf.path or --path");
    }
    if (error == EROFS) {
        return fail(path, "is on a read-only file system",
                    "mount the file writable, or let another container of the task write it: `taskdns resolv-conf "
                    "apply` or `taskdns exec` in its own");
    }
    if (error == EACCES || error == EPERM) {
        struct stat status {};
        std::string owner;
        if (::stat(path.c_str(), &status) == 0) owner = " of user " + std::to_string(status.st_uid);
        return fail(
            path,
            "the file" + owner + " cannot be written by user " + std::to_string(::geteuid()) + ": " + reason(error),
            privilege_mend);
    }
    if (error == EISDIR) return fail(path, "is a directory", "name a file with resolv_conf.path or --path");
    return fail(path, "cannot be opened: " + reason(error), "");
}

/// O_NONBLOCK: a pipe must not hold us up.
Result<std::string> read_open(int file, const std::string& path) {
    struct stat status {};
    if (::fstat(file, &status) != 0) return fail(path, "cannot be looked at: " + reason(errno), "");
    if (!S_ISREG(status.st_mode)) {
        return fail(path, "is not a regular file", "name a file with resolv_conf.path or --path");
    }
    if (::lseek(file, 0, SEEK_SET) != 0) return fail(path, "cannot be read: " + reason(errno), "");
    auto text = read_rest(file, longest_resolv_conf);
    if (text) return std::move(*text);
    if (text.error().code == Errc::over_limit) {
        return fail(path, "has more than 64 KiB, which no resolv.conf has", "look at what is in it");
    }
    return fail(path, "cannot be read: " + text.error().message, "");
}

Result<std::string> read(const std::string& path) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
    if (!file.open()) return cannot_open(path, errno);
    return read_open(file.number(), path);
}

/// Two that read, change and write at once would undo each other's work. The lock ends with the descriptor.
bool lock(int file) {
    for (int i = 0; i < lock_attempts; ++i) {
        if (::flock(file, LOCK_EX | LOCK_NB) == 0) return true;
        if (errno != EWOULDBLOCK && errno != EINTR) return true;  // a file system without locks
        std::this_thread::sleep_for(lock_pause);
    }
    return false;
}

bool write_at(int file, std::string_view text, std::size_t place) {
    errno = 0;
    return ::pwrite(file, text.data(), text.size(), static_cast<off_t>(place)) == static_cast<ssize_t>(text.size());
}

/// Octet by octet, and in this order: no reader may meet a part of a change. A write(2) of several octets is not
/// atomic for who reads meanwhile: a reader that has looked at the size before sees the beginning of the new text
/// alone, and the kernel's two copies meet at any cache line. Both were seen. So was one that had looked at the size
/// before the tail was there, and copied when the first octets had changed already: those wait until it is through.
bool change(int file, std::string_view before, std::string_view after) {
    if (after.size() > before.size()) {
        if (!write_at(file, after.substr(before.size()), before.size())) return false;
        std::this_thread::sleep_for(reader_pause);
    }
    for (std::size_t i = 0; i < std::min(before.size(), after.size()); ++i) {
        if (before[i] != after[i] && !write_at(file, after.substr(i, 1), i)) return false;
    }
    return after.size() >= before.size() || ::ftruncate(file, static_cast<off_t>(after.size())) == 0;
}

std::size_t last_line_begin(std::string_view text) {
    const std::size_t feed = text.size() < 2 ? std::string_view::npos : text.rfind('\n', text.size() - 2);
    return feed == std::string_view::npos ? 0 : feed + 1;
}

/// Makes one comment of the lines of `text`, the last one first, and of each its first octet: no part of a line is
/// read.
bool hide_lines(int file, std::string_view text, std::size_t place) {
    while (!text.empty()) {
        const std::size_t begin = last_line_begin(text);
        const std::string comment(text.size() - begin, '#');
        if (!write_at(file, "#", place + begin) || !write_at(file, comment, place + begin)) return false;
        text = text.substr(0, begin);
    }
    return true;
}

/// Writes lines into a comment, the last one first, and of each its first octet last.
bool show_lines(int file, std::string_view text, std::size_t place) {
    while (!text.empty()) {
        const std::size_t begin = last_line_begin(text);
        if (!write_at(file, text.substr(begin + 1), place + begin + 1) ||
            !write_at(file, text.substr(begin, 1), place + begin)) {
            return false;
        }
        text = text.substr(0, begin);
    }
    return true;
}

/// The first letters come back, and our part goes when a reader that has seen none of them is through: libc reads a
/// file in pieces (musl: 256 octets). What somebody has added behind our part moves to where it began.
bool take_out(int file, std::string_view before, const ManagedText& managed) {
    const std::string_view after = managed.original;
    const std::string_view above = before.substr(0, managed.begin);
    if (!change(file, above, after.substr(0, managed.begin))) return false;
    std::this_thread::sleep_for(reader_pause);
    if (after.size() > managed.begin) {
        // The line feed that our part begins with may be theirs now.
        const std::size_t place = managed.begin + (after[managed.begin] == '\n' ? 1 : 0);
        // Where it does not fit into the place of ours, it is unseen until it is there.
        const std::size_t end = after.size() < managed.end ? managed.end - 1 : before.size();
        if (!hide_lines(file, before.substr(place, end - place), place)) return false;
        if (!show_lines(file, after.substr(place), place)) return false;
        std::this_thread::sleep_for(reader_pause);
    }
    return ::ftruncate(file, static_cast<off_t>(after.size())) == 0;
}

/// What could not be written is taken back, as far as that can be done. Says how the file is now.
std::string undo(int file, const std::string& path, const std::string& before, const std::string& between) {
    for (const std::string* text : {&before, &between}) {
        const auto now = read_open(file, path);
        if (!now || !change(file, *now, *text)) continue;
        return text == &before ? "it is as it was" : "it is as it was before taskdns";
    }
    return "a part of it may be written: look at what is in it";
}

Result<void> replace(int file, const std::string& path, const std::string& before, const std::string& after) {
    // From one managed text to another by way of the original: their differences are more than single octets.
    const auto managed = find_managed(before);
    const std::string& between = managed ? managed->original : before;
    errno = 0;
    if ((managed && !take_out(file, before, *managed)) || !change(file, between, after)) {
        const std::string why = errno == 0 ? "the file system is full" : reason(errno);
        return fail(path, "cannot be written: " + why + "; " + undo(file, path, before, between), "");
    }
    const auto now = read_open(file, path);
    if (!now) return fail(path, "is written, but " + now.error().message, "");
    if (*now != after) {
        return fail(path,
                    "another program has written it at the same time, so it is neither theirs nor ours for sure",
                    "leave it to one of them");
    }
    return {};
}

using Rewrite = std::function<Result<std::string>(const std::string& text)>;

struct Texts {
    std::string before;
    std::string after;
};

/// Without the lock where somebody keeps it, if `without_lock`: whoever can read the file can keep it, and a taskdns
/// at work has it for some hundredths of a second.
Result<Texts> rewrite(const std::string& path, bool without_lock, const Rewrite& rewritten) {
    const auto too_many = [&path](const Error& error) { return fail(path, error.message, "take some of them out"); };
    const auto name = find_file(path);
    if (!name) return name.error();
    // Whoever has nothing to change needs no right to write.
    auto before = read(*name);
    if (!before) return before.error();
    auto after = rewritten(*before);
    if (!after) return too_many(after.error());
    if (*after == *before) return Texts{*before, *after};

    const Descriptor file(::open(name->c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
    if (!file.open()) return cannot_open(path, errno);
    if (!lock(file.number()) && !without_lock) {
        return fail(path, "another process has had it locked for a second, so it is left as it is",
                    "is another taskdns at it?");
    }
    before = read_open(file.number(), path);
    if (!before) return before.error();
    after = rewritten(*before);
    if (!after) return too_many(after.error());
    if (*after != *before) {
        const auto done = replace(file.number(), path, *before, *after);
        if (!done) return done.error();
    }
    return Texts{std::move(*before), std::move(*after)};
}

Result<ResolvConfChange> described(const Result<Texts>& texts) {
    if (!texts) return texts.error();
    ResolvConfChange out;
    out.written = texts->before != texts->after;
    out.servers = addresses_of(parse_name_servers(texts->after));
    out.before = addresses_of(original_name_servers(texts->before));
    const auto managed = find_managed(texts->before);
    out.edits_kept = out.written && managed && managed->edited;
    out.rotates_to_fallback = out.servers.size() > 1 && has_rotate(texts->after);
    return out;
}

}  // namespace

Result<ResolvConfChange> manage_resolv_conf(const std::string& path, const Naming& naming) {
    return described(rewrite(
        path, false, [&](const std::string& text) { return manage_text(text, choose_servers(text, naming)); }));
}

Result<ResolvConfChange> restore_resolv_conf(const std::string& path) {
    return described(rewrite(path, true, [](const std::string& text) { return restore_text(text); }));
}

}  // namespace taskdns::task
