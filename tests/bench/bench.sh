#!/bin/sh
# What weft-bench lists, prints and refuses: bench.sh WEFT-BENCH
bench=$1
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
failures=0
fail() {
  echo "$1"
  failures=1
}

# twice NAME...: measurements of arrays of both kinds of numbers
twice() {
  for name in "$@"; do echo "array.$name array.${name}_compressible"; done
}

"$bench" --list >"$here/list" || fail "--list failed"
names="fork.fib fork.skynet fork.nqueens fork.matmul fork.sort wake.spawn wake.post wake.round_trip
       wake.round_trip_latency_mode wake.idle_cpu io.file_read io.file_write io.timer graph.independent graph.chain
       graph.tree graph.million graph.submit graph.memory_per_task metg.trivial metg.stencil metg.nearest metg.fft
       metg.trivial_futures metg.stencil_futures metg.nearest_futures metg.fft_futures metg.trivial_coroutines
       metg.stencil_coroutines metg.nearest_coroutines metg.fft_coroutines spill.write spill.read spill.small
       spill.working_set_4x spill.reload"
grep -q '^asio\.' "$here/list" &&
  names="$names asio.hop_in asio.hop_out asio.echo_compute asio.latency_under_load"
grep -q '^cluster\.' "$here/list" &&
  names="$names cluster.round_trip cluster.round_trip_leased cluster.latency_under_load cluster.tasks cluster.tasks_tls
         cluster.zero_worker cluster.chain cluster.chain_local cluster.tree cluster.submit cluster.transfer
         cluster.transfer_unix cluster.transfer_tls cluster.transfer_zstd cluster.memory_per_task cluster.recover
         cluster.metg_tcp cluster.metg_tcp_placed cluster.metg_tls cluster.simulated_1000"
grep -q '^array\.' "$here/list" &&
  names="$names array.fused_chain array.basic_sum array.double_diff array.sum_residuals
         array.map_overlap_sample array.rechunk array.random array.unfused_chain array.basic_sum_slow_thin
         array.basic_sum_slow_square array.quadratic_mean array.filter_then_average_50 array.filter_then_average_100
         array.filter_then_average_200 array.filter_then_average_255 array.access_slices_700 array.access_slices_75
         array.access_slices_1 array.sum_residuals_zarr array.select_scalar array.swap_axes_spill $(twice anom_mean climatic_mean vorticity \
         double_diff_random spilling spilling_release tiles_to_rows tiles_to_rows_auto swap_axes_in_memory \
         swap_axes_in_memory_auto swap_axes_out_of_core swap_axes_out_of_core_auto adjacent_groups \
         adjacent_groups_auto heal_oversplit)"
grep -q '^array\.matmul ' "$here/list" &&  # which is there with BLAS alone, as these
  names="$names array.ols array.qr array.svd_compressed $(twice dot_product dot_product_spill)"
for name in $names; do grep -q "^$name " "$here/list" || fail "$name is not listed"; done

"$bench" --quick --runs 1 --json fork.fib fork.sort >"$here/one.json" || fail "--json failed"
[ "$(grep -cE '^\{"bench":"fork\.(fib|sort)","unit":"[^"]+","weft":[0-9.e+-]+,"min":[0-9.e+-]+,"max":[0-9.e+-]+,"runs":1,"threads":2,"peer":("[^"]*"|null),"peer_value":([0-9.e+-]+|null),"ratio":([0-9.e+-]+|null),"peak_rss_mib":[0-9]+,"note":"[^"]*"\}$' "$here/one.json")" = 2 ] ||
  fail "--json printed: $(cat "$here/one.json")"
"$bench" --quick --runs 1 --peers=no --against "$here/one.json" fork.fib 2>&1 | grep -q "moved beyond the noise" ||
  fail "--against compared nothing"
# Each run checks its result: a few that take little are run for that.
grep -q '^array\.' "$here/list" && checked="array.sum_residuals array.map_overlap_sample"
grep -q '^array\.matmul ' "$here/list" && checked="$checked array.ols array.qr"
[ -z "${checked-}" ] || "$bench" --quick --runs 1 --peers=no $checked >"$here/checked" 2>&1 ||
  fail "$checked: $(cat "$here/checked")"
# The program is its own worker.
if grep -q '^cluster\.' "$here/list"; then
  "$bench" --quick --runs 1 --peers=no --json cluster.tasks_tls >"$here/cluster.json" || fail "cluster.tasks_tls failed"
  grep -q '^{"bench":"cluster.tasks_tls","unit":"us/task","weft":[0-9]' "$here/cluster.json" ||
    fail "cluster.tasks_tls printed: $(cat "$here/cluster.json")"
fi

# refused CODE TEXT ARGUMENT...
refused() {
  code=$1 text=$2
  shift 2
  said=$("$bench" "$@" 2>&1)
  got=$?
  [ "$got" = "$code" ] && printf %s "$said" | grep -q -- "$text" || fail "weft-bench $*: ended with $got, said '$said'"
}
refused 2 "no measurement or group 'fork.fob'" fork.fob
refused 2 "unknown option '--jsn'" --jsn fork
refused 2 "takes a number from 1 to 1024" --threads none fork
refused 2 "name a group"
refused 1 "cannot open" --quick --runs 1 --peers=no --against "$here/missing" fork.fib
exit $failures
