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

# What stands at the top.
if command -v git >/dev/null && git rev-parse --git-dir >/dev/null 2>&1; then
  say "these do not belong at the top:" "$(git ls-files | cut -d/ -f1 | sort -u | grep -v '^\.' | grep -vxE \
    'CMakeLists.txt|include|lib|net|storage|tests|examples|bench|docs|README.md|LICENSE|CMakePresets.json')"
fi

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
# simulated network beside the real ones, files through the seam and storage/uring.
seam='_clock::now|random_device|mt19937|minstd_rand|default_random_engine|__rdtsc|this_thread::sleep'
seam="$seam|std::(thread|jthread|async)\\b|\\btime\\((NULL|nullptr|0|&)|\\b(fork|vfork)\\(\\)"
seam="$seam|\\b(clock_gettime|gettimeofday|nanosleep|usleep|rand|srand|getrandom|pthread_create)\\("
seam="$seam|\\b(execv[pe]*|posix_spawn|popen|system)\\("
sockets='(^|[^:a-z_>])::(socket|accept4?|connect|bind)\(|asio::ip::(tcp|udp)::(socket|acceptor)'
say "outside the environment seam:" "$(grep -nE "$seam" $(sources include lib storage net | grep -v '^lib/env/') \
  /dev/null | grep -vE '//.*_clock::now|^[^:]*:[0-9]+: *///?')"
say "sockets outside net/transport:" "$(grep -nE "$sockets" \
  $(sources include lib storage net | grep -vE '^(lib/env|net/transport)/') /dev/null)"
# Each of these lines is one that the rules catch.
while IFS= read -r line; do
  echo "$line" | grep -qE "$seam|$sockets" || say "the rules do not see:" "$line"
done <<'LINES'
  auto t = std::chrono::steady_clock::now();
  long t = time(nullptr);
  long t = ::time(NULL);
  std::this_thread::sleep_for(1ms);
  std::minstd_rand numbers;
  std::jthread t([] {});
  if (::fork() == 0) return;
  const int s = ::socket(AF_INET, SOCK_STREAM, 0);
  asio::ip::tcp::socket s(context);
  ::clock_gettime(CLOCK_MONOTONIC, &now);
LINES
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
