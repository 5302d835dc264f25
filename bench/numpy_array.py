#!/usr/bin/python3
"""The array benchmarks in NumPy, on one thread but for products: numpy_array.py WHAT N K prints milliseconds, without
what makes the arrays that are in memory. WHAT and K are what they are for dask_array.py."""
import sys
import time

import numpy as np

what, n, k = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
compressible = what.endswith("_compressible")
what = what.replace("_compressible", "")
mean = 0.25 if compressible else 0.5
some = np.random.default_rng(7)


def random(shape):
    x = some.random(shape)
    if compressible:
        x.reshape(-1)[::2] = 0
    return x


if what == "fused_chain":
    a, b, c = (np.arange(n, dtype=np.float64) + seed for seed in range(3))

    def run():
        return (a - b) * (a - b) + c / 2

elif what.startswith("basic_sum"):  # K columns in one piece, which nothing sleeps for

    def run():
        assert np.zeros((n, k)).sum(axis=1)[7] == 0

elif what == "double_diff":
    a, b = some.random((n, n)), some.random((n, n))

    def run():
        return a[1:, 1:] - b[:-1, :-1]

elif what == "double_diff_random":

    def run():
        return random((n, n))[1:, 1:] - random((n, n))[:-1, :-1]

elif what == "random_sum":  # of n numbers, in whatever chunks

    def run():
        assert abs(random(n).sum() / n - mean) < 0.01

elif what == "map_overlap_sample":

    def run():
        return some.random((n, n))[n // 2 : n // 2 + 10, n // 2 : n // 2 + 10].copy()

elif what == "svd_compressed":  # K columns
    x = some.random((n, k)) - 0.5

    def run():
        q = np.linalg.qr(x @ some.normal(size=(k, 15)))[0]
        return np.linalg.svd(q.T @ x)[1][:5]

elif what == "sum_residuals":
    a = some.integers(0, 1000, (n, n, n))

    def run():
        assert abs((a - a.mean(axis=0)).sum()) < 1

elif what == "random":

    def run():
        assert abs((some.normal(size=(n, n)) + some.random((n, n))).sum() / n / n - 0.5) < 0.01

elif what == "matmul":
    a = some.random((n, n), dtype=np.float32)

    def run():
        return a @ a

elif what == "qr":
    a = some.random((n, n)) - 0.5

    def run():
        return np.linalg.qr(a)

elif what == "dot_product":

    def run():
        x = random((n, n))
        assert abs((x @ x.T).sum() / n**3 / (mean / 2) - 1) < 0.01

elif what == "ols":

    def run():
        sought = np.linspace(-1, 1, 100)
        x = some.normal(size=(n, 100))
        y = x @ sought + some.normal(size=n)
        assert abs(np.linalg.solve(x.T @ x, x.T @ y) - sought).max() * n**0.5 < 6

elif what == "anom_mean":

    def run():
        x = random((100, k, n))
        assert abs((x - x.mean(axis=0)).mean(axis=(0, 1))[7]) < 1e-12

elif what == "climatic_mean":

    def run():
        return random((n, 4, k, 48, 7, 30, 48)).mean(axis=1)

elif what == "quadratic_mean":

    def run():
        u, v = some.random((n, 1, 494, 960)), some.random((n, 1, 494, 960))
        assert abs([(u**2).mean(axis=0), (v**2).mean(axis=0), (u * v).mean(axis=0)][2][0, 3, 5] - 0.25) < 2 / n**0.5

elif what == "vorticity":

    def run():
        u, v = (np.pad(random((n, n, k)), ((0, 1), (0, 0), (0, 0)), mode="wrap") for _ in "uv")
        dx, dy = random((n + 1, n)), random((n + 1, n))
        return dx[..., None] * u - dy[..., None] * v

else:
    sys.exit("unknown: " + what)

run()
begin = time.perf_counter()
run()
print((time.perf_counter() - begin) * 1e3)
