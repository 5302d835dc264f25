#!/usr/bin/python3
"""Dask's threaded scheduler on a graph of trivial tasks that is there already: dask_graph.py SHAPE N THREADS prints
nanoseconds a task."""
import sys
import time
from operator import add

import dask.threaded


def inc(x):
    return x + 1


def independent(n):
    return {("x", i): (inc, i) for i in range(n)}, [("x", i) for i in range(n)], lambda r: r[-1] == n


def chain(n):
    d = {("x", 0): (inc, 0)}
    d.update({("x", i): (inc, ("x", i - 1)) for i in range(1, n)})
    return d, ("x", n - 1), lambda r: r == n


def tree(leaves):
    d, level, width = {("t", 0, i): (inc, i) for i in range(leaves)}, 0, leaves
    while width > 1:
        width //= 2
        level += 1
        d.update({("t", level, i): (add, ("t", level - 1, 2 * i), ("t", level - 1, 2 * i + 1)) for i in range(width)})
    return d, ("t", level, 0), lambda r: r == leaves * (leaves + 1) // 2


shape, n, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
graph, key, right = {"independent": independent, "chain": chain, "tree": tree}[shape](n)
dask.threaded.get({"w": (inc, 1)}, "w", num_workers=threads)
begin = time.perf_counter()
result = dask.threaded.get(graph, key, num_workers=threads)
took = time.perf_counter() - begin
if not right(result):
    sys.exit("dask gave a wrong value")
print(took * 1e9 / len(graph))
