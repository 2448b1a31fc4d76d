#!/bin/sh
# In the image's build stage: compiles the source around it and lays out the image's files, all of one time stamp.
# Usage: build_root.sh ARCH ROOT     ARCH as for install_compiler.sh. SOURCE_DATE_EPOCH: that time stamp, in seconds
set -eu
cd "$(dirname "$0")/.."
here=$(dpkg --print-architecture)
target=${1:-$here}
root=$2
build=/tmp/build
epoch=${SOURCE_DATE_EPOCH:-0}

set -- --preset release -B $build "-DCMAKE_EXE_LINKER_FLAGS=-Wl,-Map=$build/taskdns.map"
if [ "$target" != "$here" ]; then
    case $target in amd64) machine=x86_64 ;; arm64) machine=aarch64 ;; *) machine=$target ;; esac
    set -- "$@" -DCMAKE_SYSTEM_NAME=Linux "-DCMAKE_SYSTEM_PROCESSOR=$machine" \
        "-DCMAKE_C_COMPILER=$machine-linux-gnu-gcc" "-DCMAKE_CXX_COMPILER=$machine-linux-gnu-g++"
fi
cmake "$@"
cmake --build $build --target taskdns
python3 packaging/sbom.py --build $build --binary $build/daemon/taskdns --arch "$target" --epoch "$epoch" \
    >$build/taskdns.cdx.json

python3 docker/root_tar.py --binary $build/daemon/taskdns --sbom $build/taskdns.cdx.json --epoch "$epoch" \
    --output $build/root.tar
mkdir "$root"
tar -C "$root" --xattrs --xattrs-include=security.capability -xf $build/root.tar
[ "$(getcap "$root/taskdns")" = "$root/taskdns cap_net_bind_service=p" ]
