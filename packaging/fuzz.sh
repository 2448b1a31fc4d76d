#!/bin/bash
# The fuzz targets under libFuzzer: installs what they need, builds them (preset fuzz), and runs each for some minutes
# of processor time on a copy of its corpus, so that what is found on the way lies in build/fuzz/corpora.
# Usage: packaging/fuzz.sh [--minutes M] [--jobs N] [--merge] [--coverage] [TARGET]...
#   --minutes M   of processor time for each target; 10 if not given, 0: only what follows
#   --jobs N      so many targets at once; 1 if not given
#   --merge       afterwards: inputs that reach what no other does join tests/fuzz/corpus/
#   --coverage    afterwards: lines and branches of what each target is for, as its corpus in tests/fuzz/ reaches them
#   TARGET        answer, message, ...: docs/fuzzing.md; all of them if none is named
# Exit status 1: an input broke a rule; it is named, with the command that replays it. Nothing is sent to anybody.
set -euo pipefail
cd "$(dirname "$0")/.."
source packaging/steps.sh
require_system fuzz

all=(answer config environment http http_answer message metadata resolv_conf snapshot tcp tcp_diag upstream_answer)
minutes=10
jobs=1
merge=
coverage=
targets=()

usage() {
    sed -n '2,11p' "$0" | cut -c 3-
    exit "$1"
}

while [ $# -gt 0 ]; do
    case $1 in
        -h | --help) usage 0 ;;
        --minutes | --jobs)
            [[ ${2:-} =~ ^[0-9]+$ ]] || usage 2 >&2
            if [ "$1" = --jobs ]; then jobs=$2; else minutes=$2; fi
            shift
            ;;
        --merge) merge=yes ;;
        --coverage) coverage=yes ;;
        *)
            [ -f "tests/fuzz/fuzz_$1.cpp" ] || {
                echo "fuzz.sh: no target '$1' (known: ${all[*]})" >&2
                exit 2
            }
            targets+=("$1")
            ;;
    esac
    shift
done
[ ${#targets[@]} -gt 0 ] || targets=("${all[@]}")

out=build/fuzz/corpora
findings=build/fuzz/findings
logs=build/fuzz/logs

build() { # PRESET
    mkdir -p "build/$1"
    cmake --preset "$1" >"build/$1/configure.log" 2>&1 || {
        cat "build/$1/configure.log"
        exit 1
    }
    cmake --build --preset "$1" --target "${targets[@]/#/fuzz_}"
}

# Sets `used`: the processor time of this shell's children that have ended, in hundredths of a second. (In a subshell
# `times` would begin at 0, so its output goes through a file.)
take_processor_time() { # FILE
    times >"$1"
    used=$(sed -n '2s/[ms]/ /gp' "$1" | LC_ALL=C awk '{ printf "%d", ($1 * 60 + $2 + $3 * 60 + $4) * 100 }')
}

report_finding() { # TARGET
    local input
    input=$(grep -a -o 'Test unit written to .*' "$logs/$1.log" | tail -n 1 | cut -d ' ' -f 5)
    echo "$1: a finding after $((used / 100)) s of processor time:"
    grep -a -E 'broken rule|ERROR: |SUMMARY: ' "$logs/$1.log" | tail -n 3 | sed 's/^/    /'
    echo "    input:  ${input:-none: see $logs/$1.log}"
    echo "    replay: build/fuzz/tests/fuzz/fuzz_$1 $input"
    echo "    once it is mended, keep the input: cp $input tests/fuzz/corpus/$1/"
}

# libFuzzer counts wall time: it is started again until the processor time is used up. In a subshell of its own. Status
# 1: a finding.
run_target() { # TARGET
    local target=$1 wanted=$((minutes * 60 * 100)) used=0 runs
    local dictionary=tests/fuzz/dictionaries/$target.dict options=()
    [ ! -f "$dictionary" ] || options+=("-dict=$dictionary")
    mkdir -p "$out/$target" "$findings/$target" $logs
    cp -n tests/fuzz/corpus/"$target"/* "$out/$target"/
    : >"$logs/$target.log"
    while [ "$used" -lt "$wanted" ]; do
        if ! build/fuzz/tests/fuzz/fuzz_"$target" -max_total_time=$(((wanted - used) / 100 + 1)) -rss_limit_mb=2048 \
            -timeout=10 -max_len=4096 -print_final_stats=1 -artifact_prefix="$findings/$target/" "${options[@]}" \
            "$out/$target" >>"$logs/$target.log" 2>&1; then
            take_processor_time "$logs/$target.times"
            report_finding "$target"
            return 1
        fi
        take_processor_time "$logs/$target.times"
    done
    runs=$(awk '/number_of_executed_units/ { sum += $2 } END { print sum }' "$logs/$target.log")
    printf '%-16s %d s of processor time, %d runs, no finding\n' "$target" $((used / 100)) "$runs"
}

# The files that a target is meant for; the others that it runs through belong to other targets.
files_of() { # TARGET
    case $1 in
        answer) echo dns/query dns_server/answer dns_server/special_names dns_server/chaos dns_server/builder dns/wire ;;
        config) echo config/yaml_tree config/yaml_map config/values config/size config/mistakes config/text_check \
            config/read_all config/read_service config/read_settings ;;
        environment) echo config/load config/read_all config/expand config/service_list ;;
        http) echo http_server/routes http_server/target http_server/query http_server/change http_server/receive \
            http_server/session http_server/message http_server/accept http_server/entity_tag http_server/route_table ;;
        http_answer) echo health/http_probe ;;
        message) echo dns/message dns/name dns/compressed_name ;;
        metadata) echo task/metadata task/other_containers ;;
        resolv_conf) echo task/resolv_conf_text ;;
        snapshot) echo membership/snapshot ;;
        tcp) echo dns_server/tcp_connection dns_server/responder upstream/exchange ;;
        tcp_diag) echo health/tcp_diag ;;
        upstream_answer) echo forward/upstream_answer forward/client_answer forward/cache ;;
    esac
}

# The summary of llvm-cov as a row of a table in Markdown: TARGET, FILE.
coverage_row() {
    # shellcheck disable=SC2016  # Python's, not the shell's
    python3 -c 'import json, sys
for one in json.load(sys.stdin)["data"][0]["files"]:
    if not one["filename"].endswith("/" + sys.argv[2]): continue  # llvm-cov tells of all if it knows nothing of this one
    lines, branches = one["summary"]["lines"], one["summary"]["branches"]
    share = "%d of %d" % (branches["covered"], branches["count"]) if branches["count"] else "none"
    print("| %s | `%s` | %d of %d | %s |" % (sys.argv[1], sys.argv[2], lines["covered"], lines["count"], share))' "$@"
}

show_coverage() {
    local target name file profile
    printf '| target | file | lines | branches |\n|---|---|---|---|\n'
    for target in "${targets[@]}"; do
        profile=build/fuzz-coverage/$target
        LLVM_PROFILE_FILE=$profile.profraw build/fuzz-coverage/tests/fuzz/fuzz_"$target" "tests/fuzz/corpus/$target" 0 \
            >"$profile.log"
        llvm-profdata-14 merge -sparse "$profile.profraw" -o "$profile.profdata"
        for name in $(files_of "$target"); do
            for file in "daemon/$name.cpp" "daemon/$name.hpp"; do
                [ -f "$file" ] || continue
                llvm-cov-14 export -summary-only -instr-profile="$profile.profdata" \
                    build/fuzz-coverage/tests/fuzz/fuzz_"$target" "$PWD/$file" | coverage_row "$target" "$file"
            done
        done
    done
}

heading "What the fuzz targets need: compiler, libraries, clang with its runtime, LLVM's tools"
packaging/install_dependencies.sh build test fuzz

failed=0
if [ "$minutes" -gt 0 ] || [ -n "$merge" ]; then
    heading "Building (preset fuzz)"
    build fuzz
fi
if [ "$minutes" -gt 0 ]; then
    heading "Running: $minutes minutes of processor time for each of ${#targets[@]}"
    running=0
    for target in "${targets[@]}"; do
        if [ "$running" -ge "$jobs" ]; then
            wait -n || failed=1
            running=$((running - 1))
        fi
        run_target "$target" &
        running=$((running + 1))
    done
    while [ "$running" -gt 0 ]; do
        wait -n || failed=1
        running=$((running - 1))
    done
fi
if [ -n "$merge" ]; then
    heading "Merging what is new into tests/fuzz/corpus/"
    for target in "${targets[@]}"; do
        [ -d "$out/$target" ] || continue
        # The fewest that reach every edge: with the counters of loops it would be hundreds.
        build/fuzz/tests/fuzz/fuzz_"$target" -set_cover_merge=1 -use_counters=0 -rss_limit_mb=2048 -timeout=10 \
            -max_len=4096 "tests/fuzz/corpus/$target" "$out/$target" >"$logs/$target.merge.log" 2>&1
        echo "$target: $(find "tests/fuzz/corpus/$target" -type f | wc -l) inputs"
    done
fi
if [ -n "$coverage" ]; then
    heading "Coverage (preset fuzz-coverage)"
    build fuzz-coverage
    show_coverage
fi
finish_steps "Ended"
exit $failed
