#!/bin/sh
# Installs weft from a build, builds a program outside the tree with it, and runs that on a cluster on this machine, and
# then on one over network namespaces: outside.sh ROOT BUILD CXX. Ends with 77 where the latter cannot be made.
set -eu
root=$1 build=$2 compiler=$3
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cmake --install "$build" --prefix "$here/prefix" >/dev/null
cp -r "$root/tests/package/cluster_consumer" "$here/source"
cmake -S "$here/source" -B "$here/build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_COMPILER="$compiler" \
  -DCMAKE_PREFIX_PATH="$here/prefix" >"$here/log" 2>&1 || { cat "$here/log"; exit 1; }
cmake --build "$here/build" >"$here/log" 2>&1 || { cat "$here/log"; exit 1; }
"$here/build/program" local 20 1000 1 >"$here/log" 2>&1 || { cat "$here/log"; exit 1; }
grep -qx right "$here/log" || { cat "$here/log"; exit 1; }
sh "$root/tests/cluster/faults/namespaces.sh" "$here/prefix/bin/weft" "$here/build/program"
