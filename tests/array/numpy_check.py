"""Reads with zarr-python what zarr_test.cpp and zarr_store_test.cpp have written: numpy_check.py FOLDER STORES. The
elements are as numpy_reference.py says."""

import os
import sys

try:
    import numpy
    import zarr
except ImportError:
    print("left out: zarr is not installed (apt-get install python3-zarr)")
    sys.exit(0)

folder = sys.argv[1]
arrays = sorted(os.listdir(folder))
assert len(arrays) == 8 * 4 * 2, f"{len(arrays)} arrays were written"
for name in arrays:
    a = zarr.open(os.path.join(folder, name), mode="r")
    k = numpy.arange(30 * 41 * 3).reshape(30, 41, 3) % 251
    expected = k % 2 == 1 if a.dtype.kind == "b" else k - 1j * k if a.dtype.kind == "c" else k
    assert a.shape == expected.shape and a.chunks == (8, 20, 3) and a.order == name[2], name
    assert (a[...] == expected).all(), name
    one = {"b": True, "c": 1 - 1j}.get(a.dtype.kind, 1)
    assert a.fill_value == one, name

stores = sys.argv[2]
names = sorted(os.listdir(stores))
assert len(names) == 3 * 6, f"{len(names)} stores were written"
for name in names:
    a = zarr.open(os.path.join(stores, name), mode="r")
    k = numpy.arange(30 * 41 * 3).reshape(30, 41, 3) % 251
    expected = k % 2 == 1 if name[0] == "b" else k
    assert a.shape == expected.shape and a.chunks == (8, 20, 3), name
    assert a.dtype == {"i": "<i8", "f": "<f4", "b": "|b1"}[name[0]], name
    assert (a[...] == expected).all(), name
    codec = {"0": None, "1": "zstd", "2": "lz4", "3": "zstd", "4": "gzip", "5": "zlib"}[name[1]]
    assert a.attrs.asdict() == {"units": "mm", "of": [1, 2.5]}, name
    assert (a.compressor and getattr(a.compressor, "cname", a.compressor.codec_id)) == codec, name
