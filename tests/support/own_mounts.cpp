#include "support/own_mounts.hpp"

namespace taskdns::testing_support {

std::vector<std::string> with_own_mounts(const std::string& script, const std::string& place,
                                         const std::vector<std::string>& more) {
    // In a chroot / is no mount of its own, so it cannot be made private first; that is not needed where the
    // mount that holds the place is not shared; where it is, ours would show outside and stay there.
    const char* const begin =
        "propagation=private\n"
        "if ! unshare --mount true 2>/dev/null; then\n"
        "  propagation=unchanged\n"
        "  exec 3<\"$3\"\n"
        "  mount=$(sed -n 's/^mnt_id:[[:space:]]*//p' /proc/self/fdinfo/3)\n"
        "  exec 3<&-\n"
        "  if grep -q \"^$mount .* shared:\" /proc/1/mountinfo; then\n"
        "    echo 'a chroot below a shared mount: bind it to itself first, mount --bind DIR DIR' >&2\n"
        "    exit 1\n"
        "  fi\n"
        "fi\n"
        "exec unshare --mount --propagation $propagation sh -ec \"$@\"\n";
    const std::string inside = script + "\nshift " + std::to_string(1 + more.size()) + "\nexec \"$@\"";
    std::vector<std::string> all{"sh", "-c", begin, "with_own_mounts", inside, "with_own_mounts", place};
    all.insert(all.end(), more.begin(), more.end());
    return all;
}

}  // namespace taskdns::testing_support
