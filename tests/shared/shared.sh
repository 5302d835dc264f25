#!/bin/sh
# The library's kernels on workers of another program: shared.sh WEFT PROGRAM STATIC
set -eu
weft=$1 program=$2 static=$3
here=$(mktemp -d)
unset WEFT_CONFIG WEFT_CLUSTER WEFT_CERTIFICATES WEFT_MEMORY WEFT_SPILL WEFT_THREADS XDG_CONFIG_HOME
export HOME="$here" OPENBLAS_NUM_THREADS=1 LC_ALL=C
scheduler='' worker=''
end() {
  for process in $worker $scheduler; do kill "$process" 2>/dev/null && wait "$process" || :; done
  rm -rf "$here"
}
trap end EXIT
fail() {
  echo "$1" >&2
  for log in "$here"/*; do [ ! -f "$log" ] || sed "s|^|$(basename "$log"): |" "$log" >&2; done
  exit 1
}
# refused NAME SENTENCE COMMAND...: it ends with an error that says so
refused() {
  name=$1 sentence=$2
  shift 2
  if "$@" >"$here/$name" 2>&1; then fail "$name was not refused"; fi
  grep -q -- "$sentence" "$here/$name" || fail "$name was refused by other words than '$sentence'"
}
at="unix:$here/socket"

"$weft" scheduler --listen "$at" >"$here/scheduler" 2>&1 &
scheduler=$!
"$weft" worker --library --scheduler "$at" --threads 2 >"$here/worker" 2>&1 &
worker=$!
"$program" kernels >"$here/here" 2>"$here/errors" || fail "the program failed by itself"
[ "$(wc -l <"$here/here")" -ge 15 ] || fail "the program printed less than it should"
"$program" --cluster "$at" --library kernels >"$here/there" 2>"$here/errors" || fail "the program failed on the cluster"
cmp "$here/here" "$here/there" || fail "the worker of another program computed something else"

# What is the program's own is refused as it is submitted, and the session goes on for others.
refused own "it is code of the program, and this session is for the library's kernels alone" \
  "$program" --cluster "$at" --library own
refused expression "cannot encode an array's kernel: it is code of the program" \
  "$program" --cluster "$at" --library expression
refused leased "it is code of the program" "$program" --cluster "$at" --library leased
# Where weft is in the program itself there is no such session.
refused static 'link it with weft::shared' "$static" --cluster "$at" --library graph 2 10 1
# What it is told where nobody has the library is what to start, also where workers run another program.
kill "$worker" && wait "$worker" || :
"$static" --worker "$at" --threads 1 >"$here/other" 2>&1 &
worker=$!
refused other 'weft worker --library' "$program" --cluster "$at" --library kernels
# A nanny that runs the programs of clients could take this one, which it is not asked to.
kill "$worker" && wait "$worker" || :
worker=''
"$weft" worker --scheduler "$at" --threads 1 >"$here/nanny" 2>&1 &
worker=$!
refused alone 'weft worker --library' "$program" --cluster "$at" --library kernels
