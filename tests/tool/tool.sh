#!/bin/sh
# The command as users have it: tool.sh WEFT
weft=$1
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
failures=0
unset WEFT_CONFIG WEFT_CLUSTER WEFT_CERTIFICATES WEFT_MEMORY WEFT_SPILL WEFT_THREADS XDG_CONFIG_HOME
export HOME="$here"

# expect STATUS STREAM TEXT ARGUMENT...: the other stream stays empty
expect() {
  status=$1 stream=$2 text=$3
  shift 3
  "$weft" "$@" >"$here/out" 2>"$here/err"
  got=$?
  other=err
  [ "$stream" = out ] || other=out
  if [ "$got" != "$status" ] || ! grep -q -- "$text" "$here/$stream" || [ -s "$here/$other" ]; then
    echo "weft $*: ended with $got, said '$(cat "$here/out" "$here/err")'; expected $status and '$text' on std$stream"
    failures=$((failures + 1))
  fi
}

expect 0 out '^weft [0-9]' --version
expect 0 out '^usage: weft COMMAND' --help
for name in scheduler worker run certs info retire config; do expect 0 out "^usage: weft $name" "$name" --help; done
expect 2 err 'needs a command'
expect 2 err "did you mean 'scheduler'" shceduler
expect 2 err "did you mean '--listen'" scheduler --lisen a:1
expect 2 err 'needs a program' run
expect 2 err "idle_timeout is 'soon'" scheduler --idle-timeout soon

# The program has the settings of `weft run`, whatever stood in the environment, and its process.
export WEFT_CLIENT_SCHEDULER=other:1 WEFT_SECURITY_CERTIFICATES=/other WEFT_SECURITY_INSECURE=true
for line in WEFT_CLUSTER=node1:8786 WEFT_CLIENT_SCHEDULER=node1:8786 WEFT_CLIENT_CONNECT_TIMEOUT=3s WEFT_CERTIFICATES=/c \
            WEFT_SECURITY_CERTIFICATES=/c WEFT_SECURITY_INSECURE=false; do
  expect 0 out "^$line\$" run --cluster node1:8786 --certificates /c --no-insecure --connect-timeout 3s env
done
unset WEFT_CLIENT_SCHEDULER WEFT_SECURITY_CERTIFICATES WEFT_SECURITY_INSECURE
expect 7 out '^$' run sh -c 'echo; exit 7'
expect 1 err 'cannot start /nowhere/program' run /nowhere/program
"$weft" run sh -c 'trap "exit 9" TERM; echo there; while :; do sleep 0.01; done' >"$here/out" 2>&1 &
process=$!
tries=0
until grep -q there "$here/out" || [ "$tries" = 1000 ]; do
  tries=$((tries + 1))
  sleep 0.01
done
kill -TERM "$process"
wait "$process"
got=$?
[ "$got" = 9 ] || {
  echo "a signal to \`weft run\` did not come to its program: it ended with $got"
  failures=$((failures + 1))
}

mkdir -p "$here/.config/weft"
printf '[worker]\nthreads = 3\n' >"$here/.config/weft/weft.toml"
expect 0 out "^threads = 3 .*# $here/.config/weft/weft.toml:2:11" config
export WEFT_THREADS=5
expect 0 out '^threads = 5 .*# variable WEFT_THREADS' config
export WEFT_THREADS=two
expect 2 err "variable WEFT_THREADS: worker.threads is 'two'" config
unset WEFT_THREADS
printf '[worker]\nthread = 3\n' >"$here/.config/weft/weft.toml"
expect 2 err "weft.toml:2:1: there is no setting 'worker.thread': did you mean 'threads'" config
rm "$here/.config/weft/weft.toml"
if [ -c /dev/full ]; then
  "$weft" config >/dev/full 2>"$here/err"
  [ $? = 1 ] && grep -q 'cannot be written' "$here/err" || { echo "a full disk passed unseen"; failures=$((failures + 1)); }
fi

expect 0 out 'weft worker --certificates .* --scheduler node1:8786' certs "$here/certs" --host node1
[ "$(stat -c %a "$here/certs" "$here/certs/ca-key.pem" "$here/certs/worker-key.pem" | tr '\n' ' ')" = "700 600 600 " ] || {
  echo "the keys are not the owner's only"
  failures=$((failures + 1))
}
expect 2 err '--force' certs "$here/certs"
expect 0 out 'signed by the authority that was there' certs "$here/certs" --force
[ "$failures" = 0 ]
