#!/bin/sh
# What the main job says to wrong options and wrong files: packages_misuse.sh PROGRAM
program=$1
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
failures=0

# expect CODE TEXT ARGUMENT...
expect() {
  code=$1 text=$2
  shift 2
  output=$("$program" "$@" 2>&1)
  got=$?
  if [ "$got" != "$code" ] || ! printf %s "$output" | grep -q -- "$text"; then
    echo "packages $*: ended with $got and said '$output'; expected $code and '$text'"
    failures=$((failures + 1))
  fi
}

: >"$here/empty"
printf 'Package: a\nthis is no field\n' >"$here/broken"
printf 'Package: a\nInstalled-Size: many\n' >"$here/size"
printf '\n\n' >"$here/blank"
printf 'Package: a\r\nDepends: a, b (>= 1) | c:any,,\r\n\r\n' >"$here/odd"
printf 'Package: a\nDepends: b\n\nPackage: b' >"$here/short"
expect 2 "unknown option '--tpo'" --tpo 3
expect 2 "needs a value" --top
expect 2 "not 'three'" --top three
expect 2 "not '-1'" --threads -1
expect 0 "usage:" --help
expect 1 "cannot open $here/missing" --input "$here/missing"
expect 1 "cannot read $here" --input "$here"
expect 1 "is empty" --input "$here/empty"
expect 1 "this is no field" --input "$here/broken"
expect 1 "Installed-Size: many" --input "$here/size"
expect 1 "has no package" --input "$here/blank"
expect 0 "matches" --input "$here/odd"
expect 0 "2 packages" --input "$here/short" --threads 3 --quiet
[ "$failures" = 0 ]
