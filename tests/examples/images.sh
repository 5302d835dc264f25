#!/bin/sh
# The example images on a few pictures, under a budget that they do not fit: images.sh PROGRAM SANITIZERS. Ends with 77
# where there are no pictures.
program=$1 sanitizers=$2
data=/usr/share/datasets/fashion-mnist
if [ ! -r "$data/train-images-idx3-ubyte.gz" ]; then
  echo "skipped: there are no pictures in $data (apt-get install dataset-fashion-mnist)"
  exit 77
fi
failures=0

# run [NAME=VALUE]... ARGUMENT...: leaves what it printed in `output`.
run() {
  what=$*
  settings=
  while case ${1-} in *=*) case $1 in -*) false ;; esac ;; *) false ;; esac; do
    settings="$settings $1"
    shift
  done
  output=$(env $settings "$program" --quiet "$@" 2>&1)
  got=$?
  [ "$got" = 0 ] || fail "ended with $got"
}

# fail WHAT
fail() {
  echo "images $what: $1; it printed"
  echo "$output"
  failures=$((failures + 1))
}

# has TEXT; lacks TEXT
has() { printf %s "$output" | grep -q -- "$1" || fail "did not print '$1'"; }
lacks() { ! printf %s "$output" | grep -q -- "$1" || fail "printed '$1'"; }

# The last strip is half as wide as the others; 17 MB of distances.
run WEFT_MEMORY=8M --images 2500
has "^check: .* matches"
has "2500 pictures of 784 pixels, 0.017 GB of distances, budget 0.008 GB"
lacks "distances .* spilled *0.000 GB"
lacks "passes .* reloaded *0.000 GB"

# One strip, and all of it fits.
run WEFT_THREADS=1 --images 300
has "^check: .* matches"
has "passes .* spilled *0.000 GB.* reloaded *0.000 GB"
run --images 200 --no-check
lacks "^check"
has "^scaling of the distances  *[0-9]"

# On two worker processes.
run --images 1500 --local-cluster=2
has "^check: .* matches"

# And as the quickstart does: one of them is killed. With sanitizers it would take minutes.
if [ -z "$sanitizers" ]; then
  what="with a worker killed"
  kill_one=$(dirname "$0")/../../examples/kill_a_worker.sh
  output=$(sh "$kill_one" "$program" --quiet --images 12000 --local-cluster=2 2>&1)
  got=$?
  [ "$got" = 0 ] || fail "ended with $got"
  has "^killed the worker"
  has "^check: .* matches"
fi

[ "$failures" = 0 ]
