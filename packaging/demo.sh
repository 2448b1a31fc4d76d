#!/bin/bash
# Shows what taskdns does, with real servers on this machine. Installs what it needs, builds, and goes.
# Usage: packaging/demo.sh [--keep]
#   --keep   leave everything running at the end, and say how to try it and how to stop it
#
# knotd is the private hosted zone, unbound in front of it is the VPC resolver, four web servers are the tasks of a
# service, and taskdns runs beside a client whose only name server it is. As root, all that happens in a network
# namespace of its own, where port 53 is free and /etc/resolv.conf is ours; nothing of it is seen outside.
set -euo pipefail
cd "$(dirname "$0")/.."
source packaging/steps.sh
require_system demo

keep=no
case ${1:-} in
    "") ;;
    --keep) keep=yes ;;
    *)
        sed -n '2,4p' "$0" | cut -c 3- >&2
        exit 2
        ;;
esac

# An isolated place: as root by namespaces; in a chroot their propagation cannot be changed; else by a user namespace.
find_isolation() {
    local try='ip link set lo up && mount -t tmpfs none /mnt && umount /mnt'
    for isolation in "unshare --net --mount" "unshare --net --mount --propagation unchanged" \
        "unshare --user --map-root-user --net --mount"; do
        if $isolation sh -c "$try" >/dev/null 2>&1; then return; fi
    done
    isolation=
}

heading "What the demo needs: compiler, libraries, knot, unbound, dig, curl"
packaging/install_dependencies.sh build demo

mkdir -p build
heading "Building the release binary"
cmake --preset release >build/release-configure.log 2>&1 || {
    cat build/release-configure.log
    exit 1
}
cmake --build --preset release --target taskdns
echo "    build/release/daemon/taskdns: $(stat -c %s build/release/daemon/taskdns) bytes, one static file"
end_step

find_isolation
if [ -z "$isolation" ]; then
    echo "    No namespace can be had here, so taskdns takes a high port, and the client is told of it."
fi
$isolation packaging/demo_story.sh "$keep" "${isolation:-none}"
finish_steps "Demo done"
