#!/bin/bash
# The benchmarks: installs what they need, builds, and measures: parts of taskdns by themselves, then taskdns beside
# gdnsd, knot, unbound, dnsmasq and a bare responder. About 10 minutes, on a machine that does nothing else.
# Usage: packaging/bench.sh [--write] [option of tests/bench/peers.py]...
#        packaging/bench.sh balancing [option of tests/bench/balancing.py]...
#        packaging/bench.sh flood [option of tests/bench/flood.py]...
#   --write          writes docs/benchmarks/ too: peers.txt, peers.svg, micro.txt
#   balancing        instead: order least_connections beside HAProxy, about 25 minutes; --write: least_connections.txt
#   flood            instead: configured names beside a flood of forwarded ones, about 4 minutes; --write: flood.txt
#   --only ROW       only this row of the comparison, and nothing by itself; may be repeated
#   --rounds N, --seconds S, --starts N, ...: tests/bench/README.md
# All traffic stays on loopback, on ports that are free; nothing is left running.
set -euo pipefail
cd "$(dirname "$0")/.."
source packaging/steps.sh
require_system bench

comparison=peers
case ${1:-} in
    balancing | flood)
        comparison=$1
        shift
        ;;
esac
micro=yes
[ "$comparison" = peers ] || micro=no
micro_file=/dev/null
for argument in "$@"; do
    case $argument in
        -h | --help)
            sed -n '2,12p' "$0" | cut -c 3-
            exit 0
            ;;
        --only | --only=*) micro=no ;;
        --write) micro_file=docs/benchmarks/micro.txt ;;
    esac
done

heading "What the benchmarks need: compiler, libraries, Google Benchmark, the other servers"
packaging/install_dependencies.sh build bench

heading "Building (preset bench)"
mkdir -p build/bench
cmake --preset bench >build/bench/configure.log 2>&1 || {
    cat build/bench/configure.log
    exit 1
}
cmake --build --preset bench

if [ $micro = yes ]; then
    heading "By themselves: parsing, answering, publishing"
    mkdir -p "$(dirname $micro_file)"
    {
        [ $micro_file = /dev/null ] || echo "# Machine, versions and date: peers.txt, written in the same run."
        build/bench/tests/bench/bench_micro --benchmark_min_time=0.3 --benchmark_counters_tabular=true
    } | tee $micro_file
fi

heading "$([ "$comparison" = flood ] && echo "Flooded" || echo "Beside the others")"
python3 -B "tests/bench/$comparison.py" "$@"
finish_steps "Measured"
