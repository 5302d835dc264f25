#!/bin/sh
# Runs a fuzzer for WEFT_FUZZ_SECONDS (20) over a copy of its corpus: fuzz.sh FUZZER CORPUS. What it finds stays in the
# working directory, as libFuzzer names it.
set -eu
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cp -r "$2" "$here/corpus"
"$1" -max_total_time="${WEFT_FUZZ_SECONDS:-20}" -print_final_stats=1 -rss_limit_mb=4096 "$here/corpus"
