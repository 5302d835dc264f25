#!/bin/sh
# The rules of the tree that no compiler knows: layout.sh ROOT
cd "$1" || exit 1
failures=0
say() {
  [ -n "$2" ] || return 0
  echo "$1"
  echo "$2" | sed 's/^/  /'
  failures=1
}
sources() { find "$@" -name '*.hpp' -o -name '*.ipp' -o -name '*.cpp' 2>/dev/null; }

# No folder includes one that stands above it.
line="base env trace exec uring fs object spill graph engine column format array frame bag learn wire transport
      scheduler worker client http dashboard launch gateway tool"
place() {
  n=0
  for folder in $line; do
    n=$((n + 1))
    [ "$folder" = "$1" ] && echo "$n" && return
  done
}
upward=$(for file in $(sources lib storage net); do
  own=$(place "$(echo "$file" | cut -d/ -f2)")
  for other in $(sed -n 's/^#include "\([a-z]*\)\/.*/\1/p' "$file" | sort -u); do
    theirs=$(place "$other")
    [ -z "$theirs" ] || [ -n "$own" ] && [ "${theirs:-0}" -le "$own" ] || echo "$file includes $other"
  done
done)
say "these include what stands above them:" "$upward"
say "the public headers include what is private:" \
    "$(grep -nE '#include "(base|env|trace|exec|uring)/' $(sources include) /dev/null)"

# Clocks, randomness, threads and processes are reached through the seam (lib/env), sockets by net/transport, which has a
# simulated network beside the real ones, files through the seam and
# storage/uring.
outside=$(sources include lib storage net | grep -vE '^(lib/env|net/transport)/')
say "outside the environment seam:" "$(grep -nE \
  '_clock::now|random_device|mt19937|std::(thread|jthread|async)\b|\bfork\(\)|\b(clock_gettime|gettimeofday|time\(NULL|nanosleep|usleep|rand|srand|getrandom|pthread_create|vfork|execv[pe]*|posix_spawn|popen|system)\(|(^|[^:a-z_>])::(socket|accept4?|connect|bind)\(' \
  $outside /dev/null | grep -vE '//.*_clock::now|^[^:]*:[0-9]+: *///?')"
say "files outside storage/uring:" "$(grep -nE '::(open|openat|creat|pread|pwrite|fsync|mmap)\(' \
  $(sources include lib net | grep -vE '^lib/env/') /dev/null | grep -v 'file::open\|task<file> open')"

# Tests wait for conditions or use simulated time, and listen where the system lets them.
tests=$(sources tests)
say "tests that sleep, or use a fixed port:" \
    "$(grep -nE 'this_thread::sleep|usleep\(|nanosleep\(|[^a-z](port|PORT)[ =({]+[1-9][0-9]{3}' $tests /dev/null)"
# Catch names its operand a second time, unevaluated; g++ 12 evaluates a co_await there all the same.
say "checks whose operand awaits: name the value first:" \
    "$(grep -nE '(CHECK|REQUIRE)[A-Z_]*\([^"]*co_await [a-z]' $tests /dev/null)"
say "words that promise work not done:" \
    "$(grep -nEi '\b(todo|fixme|xxx|hack|for now|not implemented|placeholder)\b' $(sources include lib storage net tests examples bench) /dev/null)"
say "lines of more than 118 characters:" "$(awk 'length($0) > 118 && !/https?:/ {print FILENAME ":" FNR}' \
    $(sources include lib storage net tests examples bench))"
exit $failures
