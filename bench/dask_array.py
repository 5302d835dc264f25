#!/usr/bin/python3
"""The array benchmarks on Dask's threads: dask_array.py WHAT N CHUNK THREADS prints milliseconds, without what makes
the arrays that are in memory."""
import sys
import time

import dask
import dask.array as da
import numpy as np

what, n, chunk, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
dask.config.set(scheduler="threads", num_workers=threads)


class Nowhere:
    def __setitem__(self, key, value):
        pass


def block(block_info=None):
    shape = block_info[None]["chunk-shape"]
    return np.arange(np.prod(shape), dtype=np.float64).reshape(shape) % 1000


def kept(shape, dtype):
    chunks = da.core.normalize_chunks((chunk,) * len(shape), shape)
    x = da.map_blocks(lambda block_info=None: block(block_info).astype(dtype), chunks=chunks, dtype=dtype)
    return x.persist()


if what == "basic_sum":

    def run():
        assert da.zeros((n, n), chunks=(n, chunk)).sum(axis=1).compute()[7] == 0

elif what == "double_diff":
    a, b = kept((n, n), np.float64), kept((n, n), np.float64)

    def run():
        da.store(a[1:, 1:] - b[:-1, :-1], Nowhere(), lock=False)

elif what == "sum_residuals":
    a = kept((n, n, n), np.int64)

    def run():
        assert abs((a - a.mean(axis=0)).sum().compute()) < 1

elif what == "rechunk":
    chunks = da.core.normalize_chunks((n, chunk), (n, n))
    x = da.map_blocks(lambda block_info=None: block(block_info).astype(np.float32), chunks=chunks, dtype=np.float32)
    x = x.persist()

    def run():
        da.store(x.rechunk((chunk, n)), Nowhere(), lock=False)

elif what == "random":

    def run():
        some = da.random.RandomState(7) if not hasattr(da.random, "default_rng") else da.random.default_rng(7)
        uniform = some.random if hasattr(some, "random") else some.random_sample
        x = some.normal(size=(n, n), chunks=(chunk, chunk)) + uniform(size=(n, n), chunks=(chunk, chunk))
        assert abs(x.sum().compute() / n / n - 0.5) < 0.01

elif what == "map_overlap_sample":

    def run():
        x = da.random.random((n, n), chunks=(chunk, chunk))
        y = x.map_overlap(lambda block: block, depth=1, boundary="none")
        assert y[n // 2 : n // 2 + 10, n // 2 : n // 2 + 10].compute().shape == (10, 10)

elif what == "anom_mean":  # n places; `chunk` is the number of groups, as xarray makes them without flox

    def run():
        x = da.random.random((100 * chunk, n), chunks=(1, n))
        days = [x[day::chunk] for day in range(chunk)]
        rest = da.concatenate([day - day.mean(axis=0) for day in days]).mean(axis=0).compute()
        assert abs(rest[7]) < 1e-12

elif what == "climatic_mean":  # n members of an ensemble; `chunk` is the number of groups, as for anom_mean

    def run():
        x = da.random.random((n, 4 * chunk, 48, 7, 30, 48), chunks=(1, 1, -1, -1, -1, -1))
        climate = da.stack([x[:, day::chunk].mean(axis=1) for day in range(chunk)], axis=1)
        da.store(climate, Nowhere(), lock=False)

elif what == "quadratic_mean":

    def run():
        u, v = (da.random.random((n, 1, 494, 960), chunks=(chunk, 1, -1, -1)) for _ in "uv")
        uu, vv, uv = da.compute((u**2).mean(axis=0), (v**2).mean(axis=0), (u * v).mean(axis=0))
        assert abs(uv[0, 3, 5] - 0.25) < 2 / n**0.5

elif what == "vorticity":  # `chunk` levels
    u, v = (da.random.random((n, n, chunk), chunks=(n, n, 1)) for _ in "uv")
    dx, dy = (da.random.random((n + 1, n), chunks=(n + 1, n)) for _ in "xy")

    def wrapped(field):
        wide = da.pad(field, ((0, 1), (0, 0), (0, 0)), mode="wrap")
        return wide.rechunk({0: n + 1})

    def run():
        da.store(dx[..., None] * wrapped(u) - dy[..., None] * wrapped(v), Nowhere(), lock=False)

elif what == "dot_product":

    def run():
        x = da.random.random((n, n), chunks=(chunk, chunk))
        assert abs((x @ x.T).sum().compute() / n**3 / 0.25 - 1) < 0.01

elif what in ("tiles_to_rows", "adjacent_groups", "heal_oversplit"):
    shape, made, cut = {
        "tiles_to_rows": ((n, n), (n // 10, n // 10), (n // 100, n)),
        "adjacent_groups": ((n, 10, 10000), (100, 2, 5000), (20, 5, 10000)),
        "heal_oversplit": ((n, n), (250, 250), (1000, 1000)),
    }[what]

    def run():
        assert abs(da.random.random(shape, chunks=made).rechunk(cut).mean().compute() - 0.5) < 0.01

else:
    sys.exit("unknown: " + what)

begin = time.perf_counter()
run()
print((time.perf_counter() - begin) * 1e3)
