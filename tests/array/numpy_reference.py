"""Writes arrays with NumPy, and with Dask and zarr where they are installed, for the tests to read:
numpy_reference.py FOLDER.

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

try:
    import dask.array
except ImportError:
    print("left out: Dask is not installed (apt-get install python3-dask)")
else:
    for dtype in ["|b1", "<i4", "<f8", ">f8", "<c8"]:
        for axis in range(3):
            name = "_".join(["stack", dtype.replace("|", "n").replace("<", "l").replace(">", "b"), str(axis)])
            whole = dask.array.from_array(values((30, 41, 3), dtype), chunks=(8, 20, 3))
            dask.array.to_npy_stack(os.path.join(folder, name), whole, axis)

try:
    import zarr
    from numcodecs import LZ4, Blosc, GZip, Zlib, Zstd
except ImportError:
    print("left out: zarr is not installed (apt-get install python3-zarr)")
    sys.exit(0)

CODECS = {
    "none": None,
    "zstd": Zstd(level=3),
    "lz4": Blosc(cname="lz4", clevel=5, shuffle=Blosc.SHUFFLE),
    "blosczstd": Blosc(cname="zstd", clevel=3, shuffle=Blosc.BITSHUFFLE),
    "zlib": Blosc(cname="zlib", clevel=9, shuffle=Blosc.NOSHUFFLE, blocksize=1024),
    "gzip": GZip(level=4),
    "deflate": Zlib(level=9),
    "auto": Blosc(cname="blosclz", clevel=1, shuffle=Blosc.AUTOSHUFFLE),
}
for codec, compressor in CODECS.items():
    for dtype in ["|b1", "|u1", "<i4", ">f8", "<f8", "<c16"]:
        for order in "CF":
            for separator in "./":
                name = "_".join([codec, dtype[1:], "little" if dtype[0] != ">" else "big", order,
                                 "dot" if separator == "." else "slash"])
                a = zarr.open(os.path.join(folder, name + ".zarr"), mode="w", shape=(30, 41, 3), chunks=(8, 20, 3),
                              dtype=dtype, compressor=compressor, order=order, dimension_separator=separator)
                a[...] = values((30, 41, 3), dtype)

# Chunks that nobody writes, and values that stand for them.
for name, dtype, fill in [("nan", "<f8", numpy.nan), ("infinity", "<f4", -numpy.inf), ("seven", ">i2", 7),
                          ("large", "<u8", 2**64 - 1), ("complex", "<c8", 1 - 2j), ("true", "|b1", True),
                          ("null", "<f4", None), ("tenth", "<f8", 0.1)]:
    zarr.open(os.path.join(folder, "fill_" + name + ".zarr"), mode="w", shape=(5,), chunks=(2,), dtype=dtype,
              fill_value=fill)
scalar = zarr.open(os.path.join(folder, "scalar.zarr"), mode="w", shape=(), dtype="<f8")
scalar[...] = 2.5
zarr.open(os.path.join(folder, "filtered.zarr"), mode="w", shape=(5,), dtype="<i4", filters=[zarr.Delta("<i4")])
zarr.open(os.path.join(folder, "lz4.zarr"), mode="w", shape=(5,), dtype="<i4", compressor=LZ4())
zarr.open(os.path.join(folder, "text.zarr"), mode="w", shape=(5,), dtype="<U3")
