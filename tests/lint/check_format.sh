#!/bin/sh
# Every C++ file looks as clang-format 14 writes it. Usage: check_format.sh [ROOT] [--fix]
# Exit status 77 (skipped) where clang-format 14 is not installed: other versions write other text.
set -eu
root=${1:-$(dirname "$0")/../..}
action="--dry-run -Werror"
[ "${2:-}" = --fix ] && action=-i

format=
for candidate in clang-format-14 /usr/lib/llvm-14/bin/clang-format; do
    if command -v "$candidate" >/dev/null 2>&1; then
        format=$candidate
        break
    fi
done
if [ -z "$format" ]; then
    echo "check_format: clang-format-14 is not installed (packaging/install_dependencies.sh test)"
    exit 77
fi

cd "$root"
# shellcheck disable=SC2086  # two words
find daemon tests \( -name '*.cpp' -o -name '*.hpp' \) -print0 | xargs -0 -r "$format" $action
echo "check_format: well"
