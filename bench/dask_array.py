#!/usr/bin/python3
"""The array benchmarks on Dask's threads: dask_array.py WHAT N CHUNK THREADS prints milliseconds, without what makes
the arrays that are in memory. N and CHUNK are numbers, or numbers with commas between. Behind WHAT may be
_compressible: every second one of the random numbers is 0. A fifth argument is the memory, in bytes, of a worker of
Dask's that does it instead, in this process, and spills what is beyond."""
import os
import sys
import tempfile
import time

import dask
import dask.array as da
import numpy as np

what, threads = sys.argv[1], int(sys.argv[4])
n, chunk = (tuple(map(int, word.split(","))) if "," in word else int(word) for word in sys.argv[2:4])
compressible = what.endswith("_compressible")
what = what.replace("_compressible", "")
mean = 0.25 if compressible else 0.5
if len(sys.argv) > 5:
    dask.config.set({"logging.distributed": "error"})  # it warns of every pause
    from distributed import Client, LocalCluster, wait

    spilled = tempfile.TemporaryDirectory(dir=os.environ.get("WEFT_SPILL", "/var/tmp"))
    dask.config.set({"temporary-directory": spilled.name})
    how = {"threads_per_worker": threads, "processes": False, "memory_limit": int(sys.argv[5])}
    cluster = LocalCluster(n_workers=1, dashboard_address=None, **how)
    client = Client(cluster)
else:
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


def every_second_zero(block):
    flat = block.reshape(-1)
    flat[::2] = 0
    return flat.reshape(block.shape)


def random(shape, chunks):
    x = da.random.random(shape, chunks=chunks)
    return x.map_blocks(every_second_zero, dtype=x.dtype) if compressible else x


def slow(block):
    time.sleep(0.005)
    return block.copy()


if what in ("basic_sum", "basic_sum_slow_thin", "basic_sum_slow_square"):  # `chunk` columns

    def run():
        rows = n // chunk if what.endswith("square") else n
        x = da.zeros((n, chunk), chunks=(rows, chunk if rows < n else 1))
        if "slow" in what:
            x = x.map_blocks(slow, dtype=x.dtype)
        assert x.sum(axis=1).compute()[7] == 0

elif what == "double_diff":
    a, b = kept((n, n), np.float64), kept((n, n), np.float64)

    def run():
        da.store(a[1:, 1:] - b[:-1, :-1], Nowhere(), lock=False)

elif what == "double_diff_random":

    def run():
        a, b = (random((n, n), (chunk, chunk)) for _ in "ab")
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
        x = random((100 * chunk, n), (1, n))
        days = [x[day::chunk] for day in range(chunk)]
        rest = da.concatenate([day - day.mean(axis=0) for day in days]).mean(axis=0).compute()
        assert abs(rest[7]) < 1e-12

elif what == "climatic_mean":  # n members of an ensemble; `chunk` is the number of groups, as for anom_mean

    def run():
        x = random((n, 4 * chunk, 48, 7, 30, 48), (1, 1, -1, -1, -1, -1))
        climate = da.stack([x[:, day::chunk].mean(axis=1) for day in range(chunk)], axis=1)
        da.store(climate, Nowhere(), lock=False)

elif what == "quadratic_mean":

    def run():
        u, v = (da.random.random((n, 1, 494, 960), chunks=(chunk, 1, -1, -1)) for _ in "uv")
        uu, vv, uv = da.compute((u**2).mean(axis=0), (v**2).mean(axis=0), (u * v).mean(axis=0))
        assert abs(uv[0, 3, 5] - 0.25) < 2 / n**0.5

elif what == "vorticity":  # `chunk` levels
    u, v = (random((n, n, chunk), (n, n, 1)) for _ in "uv")
    dx, dy = (random((n + 1, n), (n + 1, n)) for _ in "xy")

    def wrapped(field):
        wide = da.pad(field, ((0, 1), (0, 0), (0, 0)), mode="wrap")
        return wide.rechunk({0: n + 1})

    def run():
        da.store(dx[..., None] * wrapped(u) - dy[..., None] * wrapped(v), Nowhere(), lock=False)

elif what == "dot_product":

    def run():
        x = random((n, n), (chunk, chunk))
        assert abs((x @ x.T).sum().compute() / n**3 / (mean / 2) - 1) < 0.01

elif what == "ols":  # n rows, a hundred columns

    def run():
        sought = np.linspace(-1, 1, 100)
        x = da.random.normal(size=(n, 100), chunks=(chunk, 100))
        y = x @ da.from_array(sought, chunks=100) + da.random.normal(size=n, chunks=chunk)
        found = da.linalg.solve(x.T @ x, x.T @ y).compute()
        assert abs(found - sought).max() * n**0.5 < 6

elif what == "rechunked_sum":  # N is the shape, `chunk` the extents of the chunks before and after
    made, cut = chunk[: len(n)], chunk[len(n) :]

    def run():
        assert abs(random(n, made).rechunk(cut).mean().compute() - mean) < 0.01

elif what in ("spilling", "spilling_release", "dot_product_spill", "swap_axes_spill"):  # in a worker alone

    def run():
        x = random((n, n), (chunk, chunk) if what != "swap_axes_spill" else (n, chunk)).persist()
        wait(x)
        if what == "dot_product_spill":
            total, of = (x @ x.T).sum(), n**3 * mean / 2
        else:
            total, of = x.rechunk((chunk, n)).sum() if what == "swap_axes_spill" else x.sum(), n**2 * mean
        total = total.persist()
        if what == "spilling_release":
            del x
        assert abs(total.compute() / of - 1) < 0.01

else:
    sys.exit("unknown: " + what)

begin = time.perf_counter()
run()
print((time.perf_counter() - begin) * 1e3)
if len(sys.argv) > 5:
    client.close()
    cluster.close()
