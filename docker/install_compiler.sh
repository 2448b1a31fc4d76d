#!/bin/sh
# In the image's build stage: what compiles taskdns for an architecture, and what makes its image.
# Usage: install_compiler.sh ARCH     as Docker names it: amd64 or arm64; empty: that of this machine
set -eu
cd "$(dirname "$0")/.."
here=$(dpkg --print-architecture)
target=${1:-$here}
case $target in
    amd64) compiler=g++-x86-64-linux-gnu ;;
    arm64) compiler=g++-aarch64-linux-gnu ;;
    *)
        echo "install_compiler: no cross compiler is known for $target (known: amd64, arm64)" >&2
        exit 2
        ;;
esac
export DEBIAN_FRONTEND=noninteractive
packaging/install_dependencies.sh build image
if [ "$target" != "$here" ]; then
    dpkg --add-architecture "$target"
    # The same libraries of the other architecture; what is only headers has none of its own.
    libraries=$(dpkg-query -W -f '${Package} ${Architecture}\n' 'lib*-dev' |
        sed -n "s/^\(lib\(ldns\|ssl\|yaml-cpp\|fmt\|spdlog\|boost[a-z-]*[0-9.]*\)-dev\) $here\$/\1:$target/p")
    apt-get -qq update
    # Debian 12's libldns-dev has documentation that differs between architectures, which dpkg minds.
    # shellcheck disable=SC2086  # words
    apt-get -qq -o DPkg::Options::=--force-overwrite install -y --no-install-recommends "$compiler" $libraries
fi
rm -rf /var/lib/apt/lists/*
