"""Writes arrays with NumPy, and with zarr where it is installed, for the tests to read: numpy_reference.py FOLDER.

The files' names tell what is in them: element k of an array, in C's order, is k % 251 (true where odd, for bool; with
-k % 251 as the imaginary part of a complex one).
"""

import os
import shutil
import sys

folder = sys.argv[1]
shutil.rmtree(folder, ignore_errors=True)
try:
    import numpy
except ImportError:
    print("left out: NumPy is not installed (apt-get install python3-numpy)")
    sys.exit(0)
os.makedirs(folder)


def values(shape, dtype):
    k = numpy.arange(int(numpy.prod(shape, dtype=int))) % 251
    if numpy.dtype(dtype).kind == "b":
        k = k % 2 == 1
    elif numpy.dtype(dtype).kind == "i" and numpy.dtype(dtype).itemsize == 1:
        k = k - 125
    elif numpy.dtype(dtype).kind == "c":
        k = k - 1j * k
    return k.astype(dtype).reshape(shape)


TYPES = ["|b1", "|i1", "|u1", "<i2", ">i2", "<u4", "<i8", ">u8", "<f4", ">f4", "<f8", ">f8", "<c8", ">c16"]
SHAPES = [(), (7,), (0, 3), (30, 41), (5, 6, 7, 3)]

for dtype in TYPES:
    for shape in SHAPES:
        for order in "CF":
            name = "_".join([dtype.replace("|", "n").replace("<", "l").replace(">", "b"), order, *map(str, shape)])
            numpy.save(os.path.join(folder, name + ".npy"), numpy.asarray(values(shape, dtype), order=order))

for version in [(1, 0), (2, 0), (3, 0)]:
    with open(os.path.join(folder, f"version_{version[0]}.npy"), "wb") as f:
        numpy.lib.format.write_array(f, values((4, 5), "<f8"), version=version)

numpy.save(os.path.join(folder, "text.npy"), numpy.array(["a", "bc"]))
numpy.save(os.path.join(folder, "records.npy"), numpy.zeros(3, dtype=[("x", "<f8"), ("y", "<i4")]))
numpy.save(os.path.join(folder, "objects.npy"), numpy.array([None, 1], dtype=object))
