#!/bin/sh
# Installs what weft-bench measures itself against: oneTBB, Asio, fio, NumPy, and Dask with SciPy, from Debian. Build weft-bench again after it.
set -eu
cd "$(dirname "$0")/.."
. tests/support/packages.sh
install_packages libtbb-dev libasio-dev fio python3-dask python3-numpy python3-distributed python3-scipy python3-zarr
