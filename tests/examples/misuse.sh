#!/bin/sh
# What the examples say to wrong arguments and wrong files: misuse.sh FOLDER-OF-EXAMPLES
folder=$1
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
failures=0

# expect CODE TEXT PROGRAM ARGUMENT...
expect() {
  code=$1 text=$2 program=$3
  shift 3
  output=$("$folder/$program" "$@" 2>&1)
  got=$?
  if [ "$got" != "$code" ] || ! printf %s "$output" | grep -q -- "$text"; then
    echo "$program $*: ended with $got and said '$output'; expected $code and '$text'"
    failures=$((failures + 1))
  fi
}

: >"$here/empty"
printf 'Package: a\nthis is no field\n' >"$here/broken"
printf 'Package: a\nInstalled-Size: many\n' >"$here/size"
printf '\n\n' >"$here/blank"
printf 'Package: a\r\nDepends: a, b (>= 1) | c:any,,\r\n\r\n' >"$here/odd"
printf 'Package: a\nDepends: b\n\nPackage: b' >"$here/short"
expect 2 "unknown option '--tpo'" packages --tpo 3
expect 2 "needs a value" packages --top
expect 2 "not 'three'" packages --top three
expect 2 "not '-1'" packages --threads -1
expect 0 "usage:" packages --help
expect 1 "futures: usage: futures \[CHANNELS\]" futures none
export WEFT_THREADS=two
expect 1 "WEFT_THREADS is 'two': give it a number" futures
export WEFT_THREADS=1 WEFT_MEMORY=lots
expect 1 "WEFT_MEMORY is 'lots': give it a number of bytes" futures
export WEFT_MEMORY=256K
expect 0 "the same" futures
unset WEFT_THREADS WEFT_MEMORY
expect 1 "cannot open $here/missing" packages --input "$here/missing"
expect 1 "cannot read $here: it is a folder" packages --input "$here"
expect 1 "is empty" packages --input "$here/empty"
expect 1 "this is no field" packages --input "$here/broken"
expect 1 "Installed-Size: many" packages --input "$here/size"
expect 1 "has no package" packages --input "$here/blank"
expect 0 "matches" packages --input "$here/odd"
expect 0 "2 packages" packages --input "$here/short" --threads 3 --quiet

printf 'two words\n\nlast line has no end' >"$here/lines"
expect 2 "usage:" read_lines
expect 2 "usage:" read_lines --help
expect 1 "cannot open $here/missing: No such file" read_lines "$here/missing"
expect 1 "Is a directory" read_lines "$here"
expect 0 "0 lines" read_lines "$here/empty"
expect 0 "3 lines, 7 words; the longest has 20 characters: last line" read_lines "$here/lines"

if [ -x "$folder/images" ]; then
  expect 2 "unknown option '--image'" images --image 3
  expect 2 "needs a value" images --images
  expect 2 "from 100 to 70000, not '99'" images --images 99
  expect 2 "not '70001'" images --images 70001
  expect 2 "not '1000x'" images --images 1000x
  expect 2 "not '1K'" images --images 1K
  expect 0 "usage:" images --help
  expect 1 "apt-get install dataset-fashion-mnist" images --data "$here/missing"
  mkdir "$here/odd-data" "$here/short-data"
  train=train-images-idx3-ubyte.gz
  printf 'two words' >"$here/odd-data/$train"
  expect 1 "$train is no IDX file of pictures" images --data "$here/odd-data"
  printf '\0\0\10\3\0\0\0\377\0\0\0\34\0\0\0\34 and too little' | gzip >"$here/short-data/$train"
  expect 1 "$train ends too early" images --data "$here/short-data" --images 100
  printf '\0\0\10\3\0\0\0\377\0\0\0\0\0\0\0\34' >"$here/odd-data/$train"
  expect 1 "pictures of 0 x 28" images --data "$here/odd-data"
  { printf '\0\0\10\3\0\0\0\377\0\0\0\34\0\0\0\34' && head -c 199920 /dev/zero; } >"$here/odd-data/$train"
  expect 1 "apart by more than 1e-04" images --data "$here/odd-data" --images 255 --quiet
fi
if [ -x "$folder/echo_server" ]; then
  expect 2 "usage:" echo_server seven
  expect 2 "usage:" echo_server 70000
  expect 2 "usage:" echo_server 1 2
fi
[ "$failures" = 0 ]
