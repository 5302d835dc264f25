#!/bin/sh
# Builds weft and runs its main jobs: sh examples/quickstart.sh [OPTION...]
#   packages  ranks the packages of this machine's Debian package index, on all cores
#   images    compares 40,000 pictures in pairs: 3 GiB of distances under a budget of 1 GiB, so that most are on the
#             disk in between, in /var/tmp or where WEFT_SPILL says
#   images    again, unchanged, on a cluster of two worker processes that speak TLS, one of which is killed midway
# Each checks what it finds against a second, simple implementation. Options go to the first; --help lists them, and
# runs neither. `build/quickstart/examples/images --help` lists those of the second, which is left out when its
# pictures cannot be installed. Installs from Debian what is missing, as root or through sudo.
set -eu
cd "$(dirname "$0")/.."
. tests/support/packages.sh

install_packages g++ cmake ninja-build libasio-dev libssl-dev libtomlplusplus-dev liburing-dev libzstd-dev libxxhash-dev\
  zlib1g-dev
jobs="packages images"
case " $* " in
  *" --help "*) jobs=packages ;;
  *) install_packages dataset-fashion-mnist || jobs=packages ;;
esac
[ -f build/quickstart/build.ninja ] ||
  cmake --preset release -B build/quickstart -DWEFT_TESTS=OFF -DWEFT_BENCH=OFF -DWEFT_ARRAYS=OFF
cmake --build build/quickstart --target $jobs -j "${JOBS:-$(nproc)}"
case " $* " in
  *" --input "* | *" --help "*) ;;
  *) [ -n "$(apt-cache dumpavail 2>/dev/null | head -c 1)" ] || refresh_packages ;;
esac

build/quickstart/examples/packages "$@"
case " $* " in *" --help "*) exit ;; esac
echo
if [ "$jobs" = packages ]; then
  echo "left out: images, whose pictures (apt-get install dataset-fashion-mnist) cannot be installed" >&2
else
  WEFT_MEMORY=${WEFT_MEMORY:-1G} build/quickstart/examples/images
  echo
  sh examples/kill_a_worker.sh build/quickstart/examples/images --images 12000 --local-cluster=2
fi
