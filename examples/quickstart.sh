#!/bin/sh
# Builds weft and runs its main job over this machine's package index: sh examples/quickstart.sh [OPTION...]
# Options go to the job (--help lists them). Installs from Debian what is missing, as root or through sudo.
set -eu
cd "$(dirname "$0")/.."
. tests/support/packages.sh

install_packages g++ cmake ninja-build liburing-dev libzstd-dev libxxhash-dev
[ -f build/quickstart/build.ninja ] ||
  cmake --preset release -B build/quickstart -DWEFT_TESTS=OFF -DWEFT_BENCH=OFF
cmake --build build/quickstart --target packages -j "${JOBS:-$(nproc)}"
case " $* " in
  *" --input "* | *" --help "*) ;;
  *) [ -n "$(apt-cache dumpavail 2>/dev/null | head -c 1)" ] || refresh_packages ;;
esac
exec build/quickstart/examples/packages "$@"
