#!/bin/sh
# The example principal_components on some pictures, under a budget that they do not fit, here and on two worker
# processes: principal_components.sh PROGRAM SANITIZERS. Ends with 77 where there are no pictures.
program=$1 sanitizers=$2
data=/usr/share/datasets/fashion-mnist
if [ ! -r "$data/train-images-idx3-ubyte.gz" ]; then
  echo "skipped: there are no pictures in $data (apt-get install dataset-fashion-mnist)"
  exit 77
fi
place=$(mktemp -d) || exit 1
trap 'rm -r "$place"' EXIT
failures=0

fail() {
  echo "principal_components $what: $1; it printed"
  echo "$output"
  failures=$((failures + 1))
}
has() { printf %s "$output" | grep -q -- "$1" || fail "did not print '$1'"; }

# 31 MB of numbers in 12 MB.
what="within 12 MB"
output=$(WEFT_MEMORY=12M "$program" --images 5000 --png "$place/here.png" 2>&1) || fail "ended with $?"
has "^check: .* matches"
has "0.031 GB of numbers, budget 0.013 GB"
case $output in *"spilled: 0.000 GB"*) fail "spilled nothing" ;; esac
[ "$(head -c 4 "$place/here.png" | tail -c 3)" = PNG ] || fail "wrote no PNG"

# 107 MB in two workers of 105 MB, of which a process takes a good half itself; with sanitizers it takes all.
if [ -z "$sanitizers" ]; then
  what="on two workers of 100 MiB"
  output=$(WEFT_MEMORY=100M "$program" --images 17000 --png "$place/there.png" --local-cluster=2 2>&1) ||
    fail "ended with $?"
  has "0.107 GB of numbers, budget 0.105 GB"
else
  what="on two workers"
  output=$("$program" --images 3000 --png "$place/there.png" --local-cluster=2 2>&1) || fail "ended with $?"
fi
has "^check: .* matches"

what="with a wrong option"
output=$("$program" --images 3 2>&1) && fail "did not fail"
has "a number from 1000 to 70000, not '3'"

[ "$failures" = 0 ]
