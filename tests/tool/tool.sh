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
for name in scheduler worker run certs info config; do expect 0 out "^usage: weft $name" "$name" --help; done
expect 2 err 'needs a command'
expect 2 err "did you mean 'scheduler'" shceduler
expect 2 err "did you mean '--listen'" scheduler --lisen a:1
expect 2 err 'needs a program' run
expect 2 err "idle_timeout is 'soon'" scheduler --idle-timeout soon

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
