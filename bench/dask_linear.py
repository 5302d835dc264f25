#!/usr/bin/python3
"""array.svd_compressed on Dask's threads: dask_linear.py ROWS COLUMNS CHUNK THREADS prints milliseconds."""
import sys
import time

import dask
import dask.array as da

rows, columns, chunk, threads = (int(x) for x in sys.argv[1:5])
dask.config.set(scheduler="threads", num_workers=threads)

begin = time.perf_counter()
x = da.random.random((rows, columns), chunks=(chunk, columns)) - 0.5
u, s, v = da.linalg.svd_compressed(x, 5, seed=0)
s.compute()
print((time.perf_counter() - begin) * 1e3)
