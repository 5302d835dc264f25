#!/bin/sh
# A cluster over three network namespaces, with TLS: namespaces.sh WEFT PROGRAM. A scheduler, a worker at an address of its
# own, and a client, joined by a bridge in a fourth. The link goes down and comes back, becomes slow, and connections are
# cut. Ends with 77 where namespaces cannot be made.
weft=$1 program=$2
here=$(mktemp -d)
tag=weft$$
failures=0
processes=
cleanup() {
  for process in $processes; do kill -9 "$process" 2>/dev/null; done
  for space in $tag-b $tag-s $tag-w $tag-c; do ip netns del "$space" 2>/dev/null; done
  rm -rf "$here"
}
trap cleanup EXIT
. "$(dirname "$0")/support.sh"

[ "$(id -u)" = 0 ] || skip "only root can make network namespaces"
command -v ip >/dev/null || skip "there is no ip (apt-get install iproute2)"
said=$(ip netns add "$tag-b" 2>&1) || skip "this kernel or container makes no network namespaces: $said"
said=$(ip -n "$tag-b" link add bridge type bridge 2>&1) || skip "no bridge can be made in a network namespace: $said"
ip -n "$tag-b" link set bridge up
# place LETTER ADDRESS: a namespace with one link, called up$LETTER at the bridge's end.
place() {
  ip netns add "$tag-$1" && ip -n "$tag-$1" link set lo up &&
    ip -n "$tag-b" link add "up$1" type veth peer name eth netns "$tag-$1" &&
    ip -n "$tag-b" link set "up$1" master bridge up &&
    ip -n "$tag-$1" addr add "$2/24" dev eth && ip -n "$tag-$1" link set eth up
}
place s 10.77.0.1 && place w 10.77.0.2 && place c 10.77.0.3 || skip "no veth pair can be made here"
in_space() {
  space=$1
  shift
  ip netns exec "$tag-$space" "$@"
}

"$weft" certs "$here/certs" --host 10.77.0.1 >/dev/null || { fail "no certificates were made"; exit 1; }
export WEFT_CERTIFICATES="$here/certs"
# What others can reach is not plain.
if WEFT_CERTIFICATES= in_space s "$weft" scheduler --listen 10.77.0.1:0 >"$here/plain.log" 2>&1; then
  fail "a scheduler listens to everybody without TLS"
else
  grep -q -- --insecure "$here/plain.log" || fail "the flag --insecure is not named"
fi

in_space s "$weft" scheduler --listen 10.77.0.1:0 --address-file "$here/address" >"$here/scheduler.log" 2>&1 &
processes="$processes $!"
until_true 20 test -s "$here/address" || { fail "the scheduler did not start"; exit 1; }
scheduler=$(cat "$here/address")
info() { in_space c "$weft" info --cluster "$scheduler" --json; }
info_has() { info 2>/dev/null | grep -q -- "$1"; }
# worker NAME ARGUMENT...
worker() {
  name=$1
  shift
  in_space w "$weft" worker --scheduler "$scheduler" --name "$name" --threads 1 --program-cache "$here/cache" \
    --program-idle 1h "$@" >"$here/$name.log" 2>&1 &
  processes="$processes $!"
}

done_tasks() { info 2>/dev/null | sed 's/.*"done":\([0-9]*\).*/\1/'; }
at_least() { [ "$(done_tasks)" -ge "$1" ] 2>/dev/null; }
# run_client NAME LEAVES: leaves its process in `client`.
run_client() {
  in_space c "$program" graph "$2" 12500 10 --cluster "$scheduler" --threads 1 >"$here/$1.log" 2>&1 &
  client=$!
  processes="$processes $client"
}
# is_right NAME
is_right() {
  wait "$client" || fail "$1: the client failed"
  grep -qx right "$here/$1.log" || fail "$1: the client's answer is not right"
  info_has '"slots":2' || fail "$1: a worker was lost"
}

# The first worker has no program: it comes with the client. The second has its own.
worker w1 --listen 10.77.0.2:0
run_client brings 20
wait "$client" && grep -qx right "$here/brings.log" || { fail "the program did not come to its worker"; exit 1; }
worker w2 "$program"
until_true 20 info_has '"slots":2' || { fail "the workers did not come"; exit 1; }

run_client plain 20
is_right plain

# A partition of a second, between the worker's machine and all others, and then of the client's.
before=$(done_tasks)
run_client partition 100
until_true 20 at_least $((before + 40)) || fail "partition: the client did not begin"
ip -n "$tag-b" link set upw down
sleep 1
ip -n "$tag-b" link set upw up
until_true 20 at_least $((before + 80)) || fail "partition: nothing went on after it"
ip -n "$tag-b" link set upc down
sleep 1
ip -n "$tag-b" link set upc up
is_right partition
info_has "\"done\":$((before + 299))," || fail "partition: tasks were lost, though no worker was: $(info)"

# Cut: both ends read that the connection is gone.
if in_space w ss -K dst 10.77.0.1 >/dev/null 2>&1; then
  before=$(done_tasks)
  run_client cut 100
  until_true 20 at_least $((before + 40)) || fail "cut: the client did not begin"
  in_space w ss -K dst 10.77.0.1 >/dev/null 2>&1
  until_true 20 at_least $((before + 80)) || fail "cut: nothing went on after it"
  in_space c ss -K dst 10.77.0.1 >/dev/null 2>&1
  is_right cut
  info_has "\"done\":$((before + 299))," || fail "cut: tasks were lost, though no worker was: $(info)"
else
  echo "ss cannot cut connections here: that is not tested"
fi

# A link of 20 MBit/s.
if ip netns exec "$tag-b" tc qdisc add dev upw root tbf rate 20mbit burst 32kb latency 400ms 2>/dev/null; then
  run_client slow 30
  is_right slow
else
  echo "tc has no tbf here: the slow link is not tested"
fi
[ "$failures" = 0 ]
