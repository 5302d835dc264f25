#!/bin/sh
# Runs a program that starts workers of its own, and kills one of them while it works: kill_a_worker.sh PROGRAM ARG...
# Ends as the program does.
"$@" &
program=$!
# The children of the program that were started with --worker.
workers() {
  for process in /proc/[0-9]*; do
    [ "$(cut -d' ' -f4 "$process/stat" 2>/dev/null)" = "$program" ] || continue
    tr '\0' '\n' <"$process/cmdline" 2>/dev/null | grep -q '^--worker' && echo "${process#/proc/}"
  done
}
# Busy: it has computed for a second (fields 14 and 15 of its stat, in hundredths).
busy() {
  set -- $(cut -d' ' -f14,15 "/proc/$1/stat" 2>/dev/null)
  [ $((${1:-0} + ${2:-0})) -ge 100 ]
}
while kill -0 "$program" 2>/dev/null; do
  for worker in $(workers); do
    busy "$worker" || continue
    kill -9 "$worker" && echo "killed the worker $worker" >&2
    wait "$program"
    exit
  done
  sleep 0.1
done
wait "$program"
status=$?
echo "the program has ended before a worker could be killed" >&2
[ "$status" = 0 ] && exit 1
exit "$status"
