"""Writes HDF5 files with h5py for hdf5_test.cpp to read: hdf5_reference.py FOLDER.

Element k of an array, in C's order, is k % 251 (true where odd, for bool; with -k % 251 as the imaginary part of a
complex one), as numpy_reference.py has it.
"""

import os
import shutil
import struct
import sys
import zlib

folder = sys.argv[1]
shutil.rmtree(folder, ignore_errors=True)
try:
    import h5py
    import numpy
except ImportError:
    print("left out: h5py is not installed (apt-get install python3-h5py)")
    sys.exit(0)
os.makedirs(folder)
SHAPE = (30, 41, 3)


def values(dtype):
    k = numpy.arange(30 * 41 * 3) % 251
    if numpy.dtype(dtype).kind == "b":
        k = k % 2 == 1
    elif numpy.dtype(dtype) == numpy.int8:
        k = k - 125
    elif numpy.dtype(dtype).kind == "c":
        k = k - 1j * k
    return k.astype(dtype).reshape(SHAPE)


TYPES = ["|b1", "|i1", "|u1", "<i2", ">i2", "<u4", ">i4", "<i8", ">u8", "<f4", ">f4", "<f8", ">f8", "<c8", ">c16"]
STORED = {
    "whole": {},
    "chunks": {"chunks": (8, 20, 3)},
    "deflate": {"chunks": (8, 20, 3), "compression": "gzip"},
    "shuffle": {"chunks": (8, 20, 3), "shuffle": True},
    "both": {"chunks": (8, 20, 3), "compression": "gzip", "compression_opts": 1, "shuffle": True},
    "checked": {"chunks": (8, 20, 3), "compression": "gzip", "shuffle": True, "fletcher32": True},
    "growing": {"chunks": (64, 7, 2), "maxshape": (None, 100, 3), "compression": "gzip"},
}

for name, options in [("old.h5", {}), ("new.h5", {"libver": "latest"}), ("block.h5", {"userblock_size": 512})]:
    with h5py.File(os.path.join(folder, name), "w", **options) as f:
        for dtype in TYPES:
            order = "big" if dtype[0] == ">" else "little"
            for stored, how in STORED.items():
                f.create_dataset(f"{dtype[1:]}/{order}/{stored}", data=values(dtype), **how)
        f.create_dataset("unwritten", shape=(5, 7), dtype="<f8", fillvalue=7)

with h5py.File(os.path.join(folder, "special.h5"), "w") as f:
    f["scalar"] = 2.5
    f.create_dataset("nothing", shape=(0, 3), dtype="<f4")
    f.create_dataset("nothing_yet", shape=(0, 3), maxshape=(None, 3), chunks=(5, 3), dtype="<f4")
    f.create_dataset("unwritten", shape=(5, 7), dtype="<f8", fillvalue=7)
    d = f.create_dataset("some_chunks", shape=(10, 10), chunks=(4, 4), dtype=">i4", fillvalue=-3, compression="gzip")
    d[4:8, 4:8] = 1
    d[9, 9] = 2
    space = h5py.h5s.create_simple((4,))
    how = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    how.set_layout(h5py.h5d.COMPACT)
    compact = h5py.h5d.create(f.id, b"compact", h5py.h5t.IEEE_F64BE, space, how)
    compact.write(space, space, numpy.arange(4.0))
    f.create_dataset("elsewhere", shape=(6,), dtype="<i4",
                     external=[(os.path.join(folder, "elsewhere.bin"), 0, h5py.h5f.UNLIMITED)])[...] = range(6)
    with h5py.File(os.path.join(folder, "other.h5"), "w") as other:
        other["ahead"] = numpy.zeros(1000)
        other["inside"] = numpy.arange(12.0)
    f["to_nothing"] = h5py.SoftLink("/nowhere")
    f["other_root"] = h5py.ExternalLink("other.h5", "/")
    f["linked"] = h5py.ExternalLink("other.h5", "/inside")
    how = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    how.set_chunk((500,))
    how.set_deflate(4)
    how.set_shuffle()  # behind deflate, whose results have any length
    space = h5py.h5s.create_simple((1000,))
    odd = h5py.h5d.create(f.id, b"shuffled_last", h5py.h5t.IEEE_F64LE, space, how)
    odd.write(space, space, numpy.arange(1000.0) % 7)
    f["hard_link"] = f["shuffled_last"]
    f["soft_link"] = h5py.SoftLink("/shuffled_last")
    parts = h5py.VirtualLayout(shape=(2, 10, 10), dtype=">i4")
    parts[0] = h5py.VirtualSource(d)
    parts[1] = h5py.VirtualSource(d)
    f.create_virtual_dataset("virtual", parts)
    tiny = f.create_dataset("tiny_chunks", shape=(1000, 1000), chunks=(10, 10), dtype="<f4", shuffle=True)
    tiny[...] = numpy.arange(1000000).reshape(1000, 1000)
    f.create_dataset("growing", shape=(10, 7), maxshape=(None, None), chunks=(4, 4), dtype="<i4", fillvalue=-3,
                     compression="gzip")
    # A chunk that has not been through the filter.
    skipped = f.create_dataset("skipped", shape=(300,), chunks=(100,), dtype="<i4", shuffle=True)
    skipped[...] = numpy.arange(300)
    for first in (0, 100, 200):
        skipped.id.write_direct_chunk((first,), numpy.arange(first, first + 100, dtype="<i4").tobytes(), filter_mask=1)
    # Chunks that have been through one of two filters, or none.
    skipped = f.create_dataset("skipped_some", data=numpy.arange(600).reshape(20, 30), dtype=">i4", chunks=(10, 10),
                               shuffle=True, compression="gzip")
    for i in (0, 10):
        for mask, j in enumerate((0, 10, 20), 1):
            chunk = skipped[i : i + 10, j : j + 10]
            stored = chunk.view("u1").reshape(100, 4).T.tobytes() if mask == 2 else chunk.tobytes()
            skipped.id.write_direct_chunk((i, j), zlib.compress(stored) if mask == 1 else stored, filter_mask=mask)
    # A chunk that is checked, and not shuffled, as another dataset has it.
    how = {"shape": (100,), "dtype": "<i4", "chunks": (100,), "fletcher32": True}
    checked = f.create_dataset("only_checked", **how)
    checked[...] = numpy.arange(100)
    skipped = f.create_dataset("checked_unshuffled", shuffle=True, **how)
    skipped.id.write_direct_chunk((0,), checked.id.read_direct_chunk((0,))[1], filter_mask=1)
    f.create_dataset("much_checked", data=numpy.zeros(1 << 17), chunks=(1 << 14,), fletcher32=True)
    # What is called as a dataset that weft is writing, and was not made by it.
    for name, mark in [("marked", numpy.arange(1, 4000, dtype="u8")), ("marked_small", numpy.uint8(7))]:
        f.create_dataset(name + ".unfinished", shape=(3,), dtype="<f8").attrs["weft.unfinished"] = mark
    # What is no array of numbers.
    f["text"] = "text"
    f["texts"] = numpy.array([b"a", b"bc"])
    f["records"] = numpy.zeros(3, dtype=[("x", "<f8"), ("y", "<i4")])
    f["half"] = numpy.zeros(3, dtype="<f2")
    f.create_dataset("colours", shape=(3,), dtype=h5py.enum_dtype({"red": 0, "green": 1}, basetype="i1"))
    f["empty"] = h5py.Empty("<f8")
    f.create_group("group")
    f.create_dataset("lzf", data=numpy.zeros((10, 10)), compression="lzf")
    f.create_dataset("many_axes", shape=(1,) * 9, dtype="<f8")

# A file that keeps what is free in it.
with h5py.File(os.path.join(folder, "persistent.h5"), "w", fs_strategy="fsm", fs_persist=True) as f:
    f["x"] = numpy.arange(1000.0)
    f["y"] = numpy.arange(1000.0)

# Chunks whose bytes are a multiple of 2^64; HDF5 itself refuses others that are too large.
damaged = os.path.join(folder, "damaged.h5")
with h5py.File(damaged, "w") as f:
    f.create_dataset("overflowing", shape=(15, 17, 19), chunks=(5, 7, 9), dtype="<f8")
with open(damaged, "rb") as f:
    content = f.read()
chunk, other = struct.pack("<4I", 5, 7, 9, 8), struct.pack("<4I", 1 << 31, 1 << 31, 1 << 3, 8)
assert content.count(chunk) == 1
with open(damaged, "wb") as f:
    f.write(content.replace(chunk, other))
