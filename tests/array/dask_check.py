"""Reads with Dask the stacks of files that npy_stack_test.cpp has written: dask_check.py FOLDER. The elements are as
numpy_reference.py says."""

import os
import sys

try:
    import dask.array
    import numpy
except ImportError:
    print("left out: Dask is not installed (apt-get install python3-dask)")
    sys.exit(0)

folder = sys.argv[1]
names = sorted(os.listdir(folder))
assert len(names) == 4 * 3, f"{len(names)} stacks were written"
for name in names:
    x = dask.array.from_npy_stack(os.path.join(folder, name))
    k = numpy.arange(30 * 41 * 3).reshape(30, 41, 3) % 251
    expected = k % 2 == 1 if name[0] == "b" else k - 1j * k if name[0] == "c" else k
    assert x.dtype == {"b": "|b1", "i": "<i2", "f": "<f4", "c": "<c16"}[name[0]], name
    axis = int(name[1])
    cut = ((8, 8, 8, 6), (20, 20, 1), (3,))
    assert x.chunks == tuple(c if a == axis else (sum(c),) for a, c in enumerate(cut)), name
    assert (x.compute() == expected).all(), name
