#!/bin/bash
# The tests: installs what they need, builds, and runs them all. Usage: packaging/test.sh [--quick]
#   --quick  unit tests and lints only
# All traffic stays on loopback, on ports that are free, or in network namespaces of the tests' own (so the integration
# tests need root, or user namespaces for everybody); nothing is left running.
set -euo pipefail
cd "$(dirname "$0")/.."
source packaging/steps.sh
require_system test

quick=no
case ${1:-} in
    "") ;;
    --quick) quick=yes ;;
    *)
        sed -n '2,3p' "$0" | cut -c 3- >&2
        exit 2
        ;;
esac

build() { # PRESET TARGET...
    local preset=$1
    shift
    mkdir -p "build/$preset"
    cmake --preset "$preset" >"build/$preset/configure.log" 2>&1 || {
        cat "build/$preset/configure.log"
        exit 1
    }
    cmake --build --preset "$preset" --target "$@"
}

heading "What the tests need: compiler, libraries, GoogleTest, knot, unbound"
packaging/install_dependencies.sh build test
if [ $quick = no ]; then
    heading "What the tests' applications need: musl, Java, Node.js, Go, Rust, gRPC, nginx, HAProxy, Envoy, Chromium"
    packaging/install_dependencies.sh clients containers packages
    packaging/python_environment.sh
    python3 -B tests/browser/status_page_test.py --check || true  # says so if the browser is not to be had
fi

heading "Building everything (preset dev)"
build dev all

heading "Lints: layers, file sizes, documents, format, scripts"
ctest --preset dev -j 2 -L lint

heading "Unit tests, the simulation, and the fuzz targets' corpus"
ctest --preset dev -j 2 -LE "lint|integration"

if [ $quick = no ]; then
    heading "Building the release binary (preset release, fully static)"
    build release taskdns

    heading "The release binary in an empty root"
    packaging/test_empty_root.sh build/release/daemon/taskdns

    heading "What the release binary has against mistakes in it"
    python3 -B tests/packaging/hardening_test.py build/release/daemon/taskdns build/release/compile_commands.json

    heading "Integration tests: the release binary with real knotd, unbound, web servers and applications"
    # Most of them wait most of the time.
    TASKDNS_BINARY=$PWD/build/release/daemon/taskdns ctest --preset dev -j 6 -L integration
fi
finish_steps "All tests passed"
