#!/bin/sh
# Runs PROGRAM in a cgroup of its own with half a processor's time; 77 where no cgroup can be made.
program=$1
if [ -f /sys/fs/cgroup/cgroup.controllers ]; then
  group=/sys/fs/cgroup/weft-test-$$
  mkdir "$group" 2>/dev/null && echo "50000 100000" >"$group/cpu.max" 2>/dev/null
else
  group=/sys/fs/cgroup/cpu/weft-test-$$
  mkdir "$group" 2>/dev/null && echo 100000 >"$group/cpu.cfs_period_us" && echo 50000 >"$group/cpu.cfs_quota_us"
fi
if [ $? != 0 ]; then
  echo "skipped: no cgroup with a quota can be made here (this needs root, and the cpu controller)"
  rmdir "$group" 2>/dev/null
  exit 77
fi
sh -c 'echo $$ >"$0/cgroup.procs" && exec "$1"' "$group" "$program"
result=$?
rmdir "$group"
exit $result
