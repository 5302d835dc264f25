# What the tests with clusters of real processes share. They set `here`, a directory with logs, and `failures`.
skip() {
  echo "skipped: $1"
  exit 77
}
fail() {
  echo "$1"
  for log in "$here"/*.log; do echo "--- $log"; cat "$log"; done
  failures=$((failures + 1))
}
# until_true SECONDS COMMAND...
until_true() {
  end=$(($(date +%s) + $1))
  shift
  until "$@"; do
    [ "$(date +%s)" -lt "$end" ] || return 1
    sleep 0.02
  done
}
