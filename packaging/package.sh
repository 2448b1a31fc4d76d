#!/bin/bash
# Makes the Debian package. Usage: packaging/package.sh [--binary FILE] [--output DIRECTORY]
#   --binary FILE        packs this program; without it, the release preset is built first
#   --output DIRECTORY   where the package goes; build/ without it
# Prints the package's path. The same sources and program give the same octets: times are those of the last commit, or
# SOURCE_DATE_EPOCH.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source=$(dirname "$here")
binary=
output=$source/build
while [ $# -gt 0 ]; do
    case $1 in
        --binary) binary=$(realpath -- "${2:?FILE is missing}") && shift 2 ;;
        --output) mkdir -p -- "${2:?DIRECTORY is missing}" && output=$(realpath -- "$2") && shift 2 ;;
        *)
            sed -n '2,6p' "$0" | cut -c 3- >&2
            exit 2
            ;;
    esac
done

work=$(mktemp -d "${TMPDIR:-/tmp}/taskdns-package.XXXXXX")
trap 'rm -rf "$work"' EXIT
quietly() { # COMMAND... : its output only if it fails
    "$@" >"$work/log" 2>&1 || {
        cat "$work/log" >&2
        echo "package: failed: $*" >&2
        exit 1
    }
}

if [ -z "$binary" ]; then
    quietly "$here/install_dependencies.sh" build
    cd "$source"
    cmake --preset release >&2
    cmake --build --preset release --target taskdns >&2
    binary=$source/build/release/daemon/taskdns
fi
if [ -z "${SOURCE_DATE_EPOCH:-}" ]; then
    # Outside of a clone: the package's own changelog.
    SOURCE_DATE_EPOCH=$(git -C "$source" log -1 --format=%ct 2>/dev/null) ||
        SOURCE_DATE_EPOCH=$(date -d "$(sed -n 's/^ -- .*>  //p' "$here/debian/changelog" | head -n 1)" +%s)
fi
export SOURCE_DATE_EPOCH
umask 022
quietly cmake -S "$here" -B "$work/build" -DTASKDNS_BINARY="$binary"
quietly cpack -G DEB --config "$work/build/CPackConfig.cmake" -B "$work/out"
mkdir -p "$output"
mv "$work"/out/*.deb "$output/"
ls "$output"/taskdns_*.deb
