#!/bin/sh
# Builds the image, reproducibly: the same commit, base image and packages give the same layers.
# Usage: docker/build.sh [--tool docker|podman] [--tag NAME] [--platform LIST] [--binary FILE] [-- OPTION...]
#   --tool      docker (buildx) where there is one, else podman
#   --tag       taskdns:VERSION
#   --platform  linux/amd64, linux/arm64 or both (docker): default, that of this machine
#   --binary    takes a static binary that exists (cmake --preset release) instead of compiling
#   OPTION      for the build: --push, --no-cache...; for podman itself: TASKDNS_PODMAN_OPTIONS
set -eu
cd "$(dirname "$0")/.."

tool=podman
if command -v docker >/dev/null 2>&1; then tool=docker; fi
version=$(sed -n 's/^project(taskdns VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
tag=taskdns:$version
platform=
binary=
while [ $# -gt 0 ]; do
    case $1 in
        --tool) tool=$2 ;;
        --tag) tag=$2 ;;
        --platform) platform=$2 ;;
        --binary) binary=$2 ;;
        --) shift && break ;;
        *)
            sed -n '3,9p' "$0" | cut -c 3- >&2
            exit 2
            ;;
    esac
    shift 2
done

epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
created=$(date -u -d "@$epoch" +%Y-%m-%dT%H:%M:%SZ)

folder=
clean_up() {
    status=$?
    trap - EXIT
    [ -z "$folder" ] || rm -rf "$folder"
    exit $status
}
trap clean_up EXIT
trap 'exit 1' INT TERM
context=.
root=build
if [ -n "$binary" ]; then
    folder=$(mktemp -d "${TMPDIR:-/tmp}/taskdns-image.XXXXXX")
    python3 docker/root_tar.py --binary "$binary" --epoch "$epoch" --output "$folder/root.tar"
    context=$folder
    root=prebuilt
fi

# Unless told otherwise, docker keeps the image, with every file's time as in the layers that are compared.
output=
[ $# -gt 0 ] || output="--output type=docker,rewrite-timestamp=true"
[ -z "$platform" ] || set -- --platform "$platform" "$@"
set -- -f docker/Dockerfile --tag "$tag" --build-arg "ROOT=$root" --build-arg "VERSION=$version" \
    --build-arg "REVISION=$revision" --build-arg "CREATED=$created" "$@"
case $tool in
    docker)
        # shellcheck disable=SC2086  # words
        SOURCE_DATE_EPOCH=$epoch docker buildx build --build-arg "SOURCE_DATE_EPOCH=$epoch" $output "$@" "$context"
        ;;
    podman)
        # HEALTHCHECK is not in the OCI format; --timestamp is podman's word for SOURCE_DATE_EPOCH.
        # shellcheck disable=SC2086  # words
        podman ${TASKDNS_PODMAN_OPTIONS-} build --format docker --timestamp "$epoch" \
            --build-arg "SOURCE_DATE_EPOCH=$epoch" "$@" "$context"
        ;;
    *)
        echo "build.sh: --tool is docker or podman, not $tool" >&2
        exit 2
        ;;
esac
