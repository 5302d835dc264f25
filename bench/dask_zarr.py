#!/usr/bin/python3
"""The benchmarks of Zarr's stores on Dask's threads: dask_zarr.py WHAT STORE N THREADS prints milliseconds."""
import sys
import time

import dask
import dask.array as da

what, store, n, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
dask.config.set(scheduler="threads", num_workers=threads)

begin = time.perf_counter()
x = da.from_zarr(store)
if what == "filter_then_average":  # of integers from 0 to 255
    found = x[x > n].mean().compute()
    assert found != found if n == 255 else abs(found - (n + 256) / 2) < 0.5
elif what == "access_slices":
    assert x[:n, :n, :n].compute().shape == (n, n, n)
elif what == "sum_residuals":
    assert abs((x - x.mean(axis=0)).sum().compute()) < 1
elif what == "select_scalar":
    assert 0 <= x[n, 5, 20, 40].compute() < 1
else:
    sys.exit("unknown: " + what)
print((time.perf_counter() - begin) * 1e3)
