#!/usr/bin/python3
"""The benchmarks of Zarr's stores with zarr-python and NumPy, on one thread but for Blosc's: numpy_zarr.py WHAT
STORE N prints milliseconds. WHAT and N are what they are for dask_zarr.py."""
import sys
import time

import zarr

what, store, n = sys.argv[1], sys.argv[2], int(sys.argv[3])

begin = time.perf_counter()
x = zarr.open(store, mode="r")
if what == "filter_then_average":
    a = x[:]
    some = a[a > n]
    assert len(some) == 0 if n == 255 else abs(some.mean() - (n + 256) / 2) < 0.5
elif what == "access_slices":
    assert x[:n, :n, :n].shape == (n, n, n)
elif what == "sum_residuals":
    a = x[:]
    assert abs((a - a.mean(axis=0)).sum()) < 1
elif what == "select_scalar":
    assert 0 <= x[n, 5, 20, 40] < 1
else:
    sys.exit("unknown: " + what)
print((time.perf_counter() - begin) * 1e3)
