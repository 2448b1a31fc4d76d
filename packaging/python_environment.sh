#!/bin/sh
# Makes build/python, a Python with what each tests/*/requirements.txt names. Says nothing where it is up to date.
set -eu
cd "$(dirname "$0")/.."
made=build/python
wanted=$(grep -hv '^#' tests/*/requirements.txt)
[ "$(cat $made/requirements.txt 2>/dev/null)" != "$wanted" ] || exit 0

echo "python_environment: installing $(echo "$wanted" | tr '\n' ' ')"
rm -rf $made
mkdir -p build
log=$(mktemp)
# shellcheck disable=SC2086  # words
if ! { python3 -m venv $made && $made/bin/pip install --quiet --disable-pip-version-check $wanted; } >"$log" 2>&1; then
    tail -n 30 "$log" >&2
    echo "python_environment: cannot make $made (packaging/install_dependencies.sh test installs python3-venv)" >&2
    exit 1
fi
rm -f "$log"
echo "$wanted" >$made/requirements.txt # the mark of being complete
