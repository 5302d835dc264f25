"""Reads with h5py what hdf5_test.cpp has written: hdf5_check.py FILE. The elements are as hdf5_reference.py says."""

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
