#!/bin/sh
# Counts the instructions of the hot paths with callgrind: figures that do not depend on how busy the machine is.
#   bench/instructions.sh [WEFT-BENCH]     a release build's by default: valgrind does not know AVX-512
# One worker, small sizes; what is printed is instructions a call or a task, the pool's start and end included.
set -eu
cd "$(dirname "$0")/.."
. tests/support/packages.sh
bench=${1:-build/release/bench/weft-bench}
[ -x "$bench" ] || { echo "$bench is not there: cmake --preset release && cmake --build build/release" >&2; exit 1; }
install_packages valgrind >&2
out=$(mktemp)
trap 'rm -f "$out"' EXIT

# count NAME UNITS: of two runs (one to warm up) of that measurement
count() {
  valgrind --tool=callgrind --callgrind-out-file=/dev/null "$bench" --quick --runs 1 --threads 1 --peers=no "$1" >/dev/null 2>"$out"
  awk -v name="$1" -v units="$2" '/Collected/ {printf "%-14s %8.1f instructions\n", name, $4 / (2 * units)}' "$out"
}
count fork.fib 1664079      # calls of fib(29)
count fork.skynet 111111
count wake.spawn 100000
count wake.post 50000
count io.deadline 100000
