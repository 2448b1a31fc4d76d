#!/bin/bash
# The soak: the release binary under churn at 50 times its real pace, on loopback. Memory, descriptors, latency and wrong answers
# over time; exit status 1 if one of them is not as promised. docs/soak.md explains it.
# Usage: packaging/soak.sh [--minutes M] [--write] [option of tests/bench/soak.py]...
#   --minutes M      how long (30); the long run is --minutes 120
#   --write          writes docs/benchmarks/soak.txt and soak.svg too
# All traffic stays on loopback, on ports that are free; nothing is left running.
set -euo pipefail
cd "$(dirname "$0")/.."
source packaging/steps.sh
require_system soak

case ${1:-} in
    -h | --help)
        sed -n '2,7p' "$0" | cut -c 3-
        exit 0
        ;;
esac

heading "What the soak needs: compiler, libraries, Python"
packaging/install_dependencies.sh build soak

heading "Building (preset release)"
mkdir -p build/release
cmake --preset release >build/release/configure.log 2>&1 || {
    cat build/release/configure.log
    exit 1
}
cmake --build --preset release --target taskdns

heading "Soaking"
python3 -B tests/bench/soak.py --taskdns build/release/daemon/taskdns "$@"
finish_steps "Soaked"
