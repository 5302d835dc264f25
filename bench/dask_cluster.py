#!/usr/bin/python3
"""Dask's LocalCluster with two processes of one thread each: dask_cluster.py SATURATION reads lines `WHAT N`, and
answers each with microseconds a task. SATURATION is distributed.scheduler.worker-saturation: 1.1, the default, or
inf."""
import os
import sys
import tempfile
import time
from operator import add

for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import dask
from distributed import Client, LocalCluster


def inc(x):
    return x + 1


def tasks(client, n):
    assert client.gather(client.map(inc, range(n), pure=False))[-1] == n
    return n


def chain(client, n):
    x = client.submit(inc, 0, pure=False)
    for _ in range(n - 1):
        x = client.submit(inc, x, pure=False)
    assert x.result() == n
    return n


def tree(client, leaves):
    level, count = client.map(inc, range(leaves), pure=False), leaves
    while len(level) > 1:
        level = client.map(add, level[::2], level[1::2], pure=False)
        count += len(level)
    assert level[0].result() == leaves * (leaves + 1) // 2
    return count


def round_trip(client, n):
    for i in range(n):
        assert client.submit(inc, i, pure=False).result() == i + 1
    return n


def main():
    # A worker's own output must not come between the answers.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    dask.config.set({"distributed.scheduler.worker-saturation": float(sys.argv[1])})
    shapes = {"tasks": tasks, "chain": chain, "tree": tree, "round_trip": round_trip}
    with tempfile.TemporaryDirectory() as directory, LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", local_directory=directory
    ) as cluster:
        with Client(cluster) as client:
            for line in sys.stdin:
                what, n = line.split()
                begin = time.perf_counter()
                count = shapes[what](client, int(n))
                print((time.perf_counter() - begin) * 1e6 / count, file=answers)


if __name__ == "__main__":
    main()
