#!/usr/bin/python3
"""Linear algebra on Dask's threads: dask_linear.py WHAT ROWS COLUMNS CHUNK THREADS prints milliseconds."""
import sys
import time

import dask
import dask.array as da

what = sys.argv[1]
rows, columns, chunk, threads = (int(x) for x in sys.argv[2:6])
dask.config.set(scheduler="threads", num_workers=threads)

if what == "svd_compressed":
    begin = time.perf_counter()
    x = da.random.random((rows, columns), chunks=(chunk, columns)) - 0.5
    u, s, v = da.linalg.svd_compressed(x, 5, seed=0)
    s.compute()
elif what == "qr":  # of whole rows: Dask has no other
    x = (da.random.random((rows, columns), chunks=(chunk, columns)) - 0.5).persist()
    begin = time.perf_counter()
    dask.compute(*da.linalg.qr(x))
else:
    sys.exit("unknown: " + what)
print((time.perf_counter() - begin) * 1e3)
