#!/bin/sh
# Workers whose spill directory is a small disk that fills: full_disk.sh WEFT PROGRAM. Ends with 77 where none can be
# mounted.
weft=$1 program=$2
here=$(mktemp -d)
failures=0
processes=
cleanup() {
  for process in $processes; do kill -9 "$process" 2>/dev/null; done
  mountpoint -q "$here/disk" && umount -l "$here/disk"
  rm -rf "$here"
}
trap cleanup EXIT
. "$(dirname "$0")/support.sh"
[ "$(id -u)" = 0 ] || skip "only root can mount a small disk"
mkdir "$here/disk"
mount -t tmpfs -o size=80m tmpfs "$here/disk" 2>/dev/null || skip "no tmpfs can be mounted here"

"$weft" scheduler --listen 127.0.0.1:0 --address-file "$here/address" >"$here/scheduler.log" 2>&1 &
processes="$processes $!"
until_true 20 test -s "$here/address" || { fail "the scheduler did not start"; exit 1; }
scheduler=$(cat "$here/address")
info_has() { "$weft" info --cluster "$scheduler" --json 2>/dev/null | grep -q -- "$1"; }
"$program" --worker="$scheduler" --name=w --threads=1 --memory-limit=64M --spill-directory="$here/disk" \
  >"$here/worker.log" 2>&1 &
worker=$!
processes="$processes $worker"
until_true 20 info_has '"slots":1' || { fail "the worker did not come"; exit 1; }

# run NAME LEAVES NUMBERS: leaves the status in `status`; 124: it has not ended.
run() {
  timeout 20 "$program" graph "$2" "$3" 0 --cluster "$scheduler" --threads 1 >"$here/$1.log" 2>&1
  status=$?
  ! grep -q wrong "$here/$1.log" || fail "$1: the answer is wrong"
  kill -0 "$worker" 2>/dev/null || fail "$1: the worker is dead"
}
# 480 MB of values: more than memory and disk together. The disk has room for one segment of what is spilled.
run too_much 60 1000000
case $status in
  0) grep -qx right "$here/too_much.log" || fail "too_much: no answer" ;;
  1) grep -qi 'full\|space\|memory' "$here/too_much.log" || fail "too_much: the error does not say what is wrong" ;;
  *) fail "too_much: ended with $status" ;;
esac
# What fits is computed after it as before.
until_true 20 info_has '"tasks":0,"submitted"' || fail "the tasks are not forgotten"
run fits 10 12500
[ "$status" = 0 ] && grep -qx right "$here/fits.log" || fail "fits: ended with $status"
[ "$failures" = 0 ]
