#!/bin/sh
# Shell scripts pass shellcheck. Usage: check_scripts.sh [ROOT]. Exit status 77 (skipped) where it is not installed.
set -eu
cd "${1:-$(dirname "$0")/../..}"
if ! command -v shellcheck >/dev/null 2>&1; then
    echo "check_scripts: shellcheck is not installed (packaging/install_dependencies.sh ci)"
    exit 77
fi
find packaging tests/lint .ci \( -name '*.sh' -o -path .ci/run \) -exec shellcheck -x {} +
echo "check_scripts: well"
