#!/bin/sh
# Builds weft with every test and runs them: sh tests/run.sh [PRESET]. Installs from Debian what is missing (as
# root, or through sudo). JOBS sets how many compilers run at once.
set -eu
cd "$(dirname "$0")/.."
preset=${1:-release}
. tests/support/packages.sh

need="g++ cmake ninja-build catch2 libasio-dev libboost1.81-dev libssl-dev libtomlplusplus-dev liburing-dev libzstd-dev libxxhash-dev zlib1g-dev
  libxtensor-dev libopenblas-dev libsimdjson-dev libblosc-dev libhdf5-dev python3-numpy python3-zarr
  python3-h5py dataset-fashion-mnist iproute2"
case $preset in
  clang) need="$need clang-19" ;;
  asan | tsan) need="$need clang-19 libclang-rt-19-dev llvm-19" ;;
esac
install_packages $need

export TSAN_OPTIONS="${TSAN_OPTIONS-} suppressions=$PWD/tests/support/exceptions.supp"
[ -f "build/$preset/build.ninja" ] || cmake --preset "$preset" -DWEFT_WERROR=ON
cmake --build "build/$preset" -j "${JOBS:-$(nproc)}"
status=0
ctest --test-dir "build/$preset" --output-on-failure -j "${JOBS:-$(nproc)}" || status=$?
grep -h '^skipped: ' "build/$preset/Testing/Temporary/LastTest.log" || true
exit $status
