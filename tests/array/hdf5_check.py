"""Reads with h5py what hdf5_test.cpp and hdf5_write_test.cpp have written: hdf5_check.py FILE. The elements are as
hdf5_reference.py says."""

import os
import sys

try:
    import h5py
    import numpy
except ImportError:
    print("left out: h5py is not installed (apt-get install python3-h5py)")
    sys.exit(0)

k = numpy.arange(30 * 41 * 3).reshape(30, 41, 3) % 251
with h5py.File(sys.argv[1], "r") as f:
    assert sorted(f) == ["scalar", "types"], sorted(f)
    expected = {"b1": "|b1", "i2": "<i2", "u8": "<u8", "f4": "<f4", "f8": "<f8", "c8": "<c8", "c16": "<c16"}
    assert sorted(f["types"]) == sorted(expected), sorted(f["types"])
    for name, dtype in expected.items():
        d = f["types"][name]
        assert d.dtype == dtype and d.shape == k.shape and d.chunks is None, name
        wanted = k % 2 == 1 if name == "b1" else k - 1j * k if name[0] == "c" else k
        assert (d[...] == wanted).all(), name
    assert f["scalar"][()] == 1.5 and f["scalar"].shape == ()

CHUNKS = sys.argv[1] + ".chunks.h5"
assert os.path.exists(CHUNKS), CHUNKS
with h5py.File(CHUNKS, "r+") as f:
    expected = {
        "b1": ("|b1", (11, 20, 3), "gzip", 9, True),
        "i8": ("<i8", (8, 20, 3), "gzip", 4, True),
        "f8": ("<f8", (7, 41, 1), None, None, False),
    }
    assert sorted(f["in/chunks"]) == sorted(expected), sorted(f["in/chunks"])
    for name, how in expected.items():
        d = f["in/chunks"][name]
        assert (d.dtype, d.chunks, d.compression, d.compression_opts, d.shuffle) == how, name
        assert (d[...] == (k % 2 == 1 if name == "b1" else k)).all(), name
    d = f["growing"]
    assert (d[...] == numpy.arange(70).reshape(10, 7)).all()
    d.resize((13, 9))
    assert (d[:10, :7] == numpy.arange(70).reshape(10, 7)).all()
    assert (d[10:] == -3).all() and (d[:, 7:] == -3).all()
