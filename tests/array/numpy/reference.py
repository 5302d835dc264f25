"""What NumPy makes of the arrays of the tests here: reference.py FILE

One result a line: its name, its dtype, its rank, its extents, and its elements: integers as they are, others as
hexadecimal numbers, complex ones as two.
"""
import sys
import warnings

import numpy as np

warnings.simplefilter("ignore")


def noise(n):
    """arrays::noise of 0, 1, ..."""
    with np.errstate(over="ignore"):
        x = (np.arange(n, dtype=np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        x ^= x >> np.uint64(29)
        x *= np.uint64(0xBF58476D1CE4E5B9)
        return (x >> np.uint64(11)).astype(np.float64) * 2.0**-53 - 0.5


shape = (23, 17, 5)
x = noise(23 * 17 * 5).reshape(shape)
f = x.astype(np.float32)
i = np.floor(x * 1000).astype(np.int32)
b = x > 0.3
z = np.where(x > 0.4, np.nan, x)
row = noise(5)
plane = noise(17 * 5).reshape(17, 5)

results = {}


def put(name, value):
    results[name] = np.asarray(value)


# Views.
put("slice", x[3:20:2, ::-1, 1])
put("slice_negative", x[-5:-20:-3, 4:-2, ::4])
put("slice_of_slice", x[2:, 1:][5:9, ::3][::-1])
put("slice_empty", x[5:5, :, :])
put("newaxis", x[:, None, 3])
put("transpose", x.T)
put("transpose_order", x.transpose(1, 2, 0)[::2])
put("flip", np.flip(x, 1)[3:])
put("broadcast", np.broadcast_to(row, (4, 3, 5)))
put("broadcast_slice", np.broadcast_to(plane[:, :1], (6, 17, 8))[::2, 3:, 5])
put("expand", np.expand_dims(x, -1)[2, 3])
put("squeeze", np.squeeze(x[:, 3:4, :], 1))
put("difference", x[1:, 1:] - x[:-1, :-1])
put("symmetric", x[:17, :, 0] + x[:17, :, 0].T)

# Lists and masks among other indices.
put("list_ellipsis", x[..., [1, 3], ::2])
put("list_ellipsis_last", x[2:9, ..., [4, 0, -1, 0]])
put("list_first", x[[5, -2, 5, 0], ::-1, 1:])
put("list_number", x[:, 3, [1, 2]])
put("list_apart", x[3, :, [1, 2, 0]])
put("list_apart_ellipsis", x[:, [1, 2], ..., 4])
put("list_apart_newaxis", x[:, [1, 2, 16], None, 4])
put("list_newaxis", x[None, ::4, [16, 0], None])
put("list_empty", x[1:, []])
put("list_long", x[::5, (np.arange(500) * 7919) % 17, 2])
put("mask_last", x[..., row > 0])
put("mask_middle", x[::-3, plane[:, 0] > 0, 1])
put("mask_none", x[x[:, 0, 0] > 9])
put("ellipsis", x[..., 2])
put("ellipsis_middle", x[3, ..., 1:4])
put("ellipsis_newaxis", x[..., None, 1:4])
put("ellipsis_of_nothing", x[1, 2:4, ..., 3])

# Points.
def vindex(v, *indices):
    """Dask's vindex: the axes of lists come first."""
    lists = [a for a, at in enumerate(indices) if not isinstance(at, slice)]
    for a, at in enumerate(indices):
        if isinstance(at, slice):
            v = v[(slice(None),) * a + (at,)]
    return np.moveaxis(v, lists, range(len(lists)))[tuple(indices[a] for a in lists)]


whole = slice(None)
count = np.arange(1000)
columns = np.nonzero(plane[:, 0] > 0)[0]
put("vindex_two", x[[5, -2, 5, 0], [0, 3, 16, 3]])
put("vindex_all", x[count * 7919 % 23, count * 31 % 17, count * count % 5])
put("vindex_broadcast", x[np.array([[1], [22]]), :, np.array([0, 4, 2])])
put("vindex_last", vindex(x, slice(None, None, -2), [3, 4, 3], [1, 1, 4]))
put("vindex_number", x[3, [1, 16], [0, 4]])
put("vindex_one", vindex(x, whole, whole, [1, 2, 3, 1]))
put("vindex_apart", vindex(x, [20, 3, 20, 9], slice(2, 11, 3), [-1, 0, -1, 2]))
put("vindex_empty", x[np.zeros(0, int), np.zeros(0, int)])
put("vindex_empty_axis", x[np.zeros((3, 0), int), np.zeros(1, int)])
put("vindex_mask", vindex(x, whole, columns, [2]))
order = np.argsort(x[:, 2, 1], kind="stable")
put("by_order", x[order])
put("by_few", x[:, ::-1, np.array([4, -5, 1, 4])])
put("by_apart", x[3, :, np.array([1, 2, 0])])
put("by_axis", np.take(x, i[5, :, 2] % 17, axis=1))
put("by_mod", np.take(row, i[:, 0, 0] % 5))
put("along_first", np.take_along_axis(x, np.argsort(x, axis=0, kind="stable"), axis=0))
put("along_other", np.take_along_axis(x, np.argsort(z, axis=1, kind="stable")[:, 3:9], axis=1))
put("along_broadcast", np.take_along_axis(x, i[:1, :, :] % 5 - 2, axis=2))
put("along_spread", np.take_along_axis(x[:, :1, :], i % 23, axis=0))
put("vindex_int", i[[22, 0, 22], [0, 16, 0], [4, 0, 4]])

# Reductions.
for name, axis in (("all", None), ("0", 0), ("1", 1), ("2", 2), ("02", (0, 2)), ("12", (1, 2))):
    put("sum_" + name, x.sum(axis))
    put("sum_float_" + name, f.sum(axis, dtype=np.float64).astype(np.float32))
    put("sum_int_" + name, i.sum(axis))
    put("prod_" + name, (1 + x / 100).prod(axis))
    put("mean_" + name, x.mean(axis))
    put("mean_int_" + name, i.mean(axis))
    put("var_" + name, x.var(axis))
    put("std_ddof_" + name, x.std(axis, ddof=1))
    put("min_" + name, x.min(axis))
    put("max_int_" + name, i.max(axis))
    put("max_nan_" + name, z.max(axis))
    put("any_" + name, b.any(axis))
    put("all_" + name, (~b).all(axis))
    put("count_" + name, np.count_nonzero(b, axis))
    put("nansum_" + name, np.nansum(z, axis))
    put("nanprod_" + name, np.nanprod(1 + z / 100, axis))
    put("nanmean_" + name, np.nanmean(z, axis))
    put("nanvar_" + name, np.nanvar(z, axis))
    put("nanstd_" + name, np.nanstd(z, axis))
    put("nanmin_" + name, np.nanmin(z, axis))
    put("nanmax_" + name, np.nanmax(z, axis))
    put("norm_" + name, np.sqrt((x * x).sum(axis)))
    put("moment_" + name, ((x - x.mean(axis, keepdims=True)) ** 3).mean(axis))
for name, axis in (("all", None), ("0", 0), ("1", 1), ("2", 2)):
    put("argmin_" + name, x.argmin(axis))
    put("argmax_int_" + name, (i // 100).argmax(axis))
    put("argmin_nan_" + name, z.argmin(axis))
    put("nanargmax_" + name, np.nanargmax(z, axis))
    put("nanargmin_" + name, np.nanargmin(z, axis))
put("keep", x - x.mean((0, 2), keepdims=True))
put("residuals", (x - x.mean(0)).sum() + 1.0 - 1.0)
put("filter_mean", np.where(x > 0.1, x, 0).sum() / (x > 0.1).sum())
put("sum_of_view", x[1:, :, ::-2].T.sum(1))
put("only_nan", np.nanmax(np.full(3, np.nan)))

mask = b | (plane > 0.1)
for name, axis in (("all", None), ("0", 0), ("1", 1), ("2", 2), ("02", (0, 2)), ("12", (1, 2))):
    put("sum_as_float_" + name, i.sum(axis, dtype=np.float64).astype(np.float32))  # ours are added in double
    put("sum_as_int8_" + name, i.sum(axis, dtype=np.int8))
    put("sum_as_bool_" + name, b.sum(axis, dtype=bool))
    put("sum_as_complex_" + name, x.sum(axis, dtype=complex))
    put("prod_as_int32_" + name, (i % 3 + 1).prod(axis, dtype=np.int32))
    put("max_as_double_" + name, i.max(axis).astype(np.float64))
    put("sum_initial_" + name, x.sum(axis, initial=2.5))
    put("sum_int_initial_" + name, i.sum(axis, initial=7))
    put("prod_initial_" + name, (1 + x / 100).prod(axis, initial=-3))
    put("max_initial_" + name, x.max(axis, initial=0.45))
    put("min_nan_initial_" + name, z.min(axis, initial=-1))
    put("min_int_initial_" + name, i.min(axis, initial=-450))
    put("sum_where_" + name, x.sum(axis, where=mask))
    put("sum_where_plane_" + name, i.sum(axis, where=plane > 0))
    put("prod_where_" + name, (1 + x / 100).prod(axis, where=mask, initial=2))
    put("max_where_" + name, x.max(axis, where=mask, initial=-9))
    put("min_where_" + name, i.min(axis, where=mask, initial=100))
    put("var_complex_" + name, (x + 1j * x[::-1]).var(axis))
    rounded = (x + 1j * x[::-1]).astype(np.complex64).astype(complex)
    put("std_complex_" + name, rounded.std(axis, ddof=1).astype(np.float32))
    put("nanvar_complex_" + name, np.nanvar(z + 1j * x[::-1], axis))
for name, axis in (("all", None), ("1", 1), ("02", (0, 2))):
    put("mean_where_" + name, x.mean(axis, where=mask))
    put("mean_where_plane_" + name, i.mean(axis, where=plane > 0))
    put("mean_as_float_" + name, i.mean(axis, dtype=np.float64).astype(np.float32))
    put("mean_as_complex_" + name, x.mean(axis, dtype=complex, where=mask))
    put("var_where_" + name, x.var(axis, where=mask))
    put("std_where_plane_" + name, i.std(axis, where=plane > 0, ddof=1))
    put("var_as_float_" + name, i.var(axis, dtype=np.float64, where=mask).astype(np.float32))
    put("nanmean_where_" + name, np.nanmean(z, axis, where=mask))
    put("nanstd_where_" + name, np.nanstd(z, axis, where=mask))
put("sum_keep", x.sum((0, 2), initial=1, keepdims=True, where=mask, dtype=np.float32))
put("mean_keep", x.mean((0, 2), keepdims=True, where=mask))
put("mean_where_none", x.mean(1, where=x[:, :1] > 0))
put("var_where_none", x.var(1, where=x[:, :1] > 0, ddof=1))
put("max_none_initial", np.zeros((3, 0)).max(1, initial=7))

# Norms.
waving = x + 1j * x[::-1]
for p_name, p in (("inf", np.inf), ("-inf", -np.inf), ("0", 0), ("1", 1), ("2", 2), ("-1", -1), ("2.5", 2.5)):
    for axis in range(3):
        put(f"norm_vector_{p_name}_{axis}", np.linalg.norm(x, p, axis))
        put(f"norm_vector_complex_{p_name}_{axis}", np.linalg.norm(waving, p, axis))
    put(f"norm_vector_float_{p_name}", np.linalg.norm(f.astype(float), p, 1, True).astype(np.float32))
    put(f"norm_vector_int_{p_name}", np.linalg.norm(i, p, -1, True))
    put(f"norm_line_{p_name}", np.linalg.norm(row, p))
for p_name, p in (("fro", "fro"), ("inf", np.inf), ("-inf", -np.inf), ("1", 1), ("-1", -1)):
    for name, axes in (("01", (0, 1)), ("20", (2, 0))):
        put(f"norm_matrix_{p_name}_{name}", np.linalg.norm(x, p, axes))
        put(f"norm_matrix_complex_keep_{p_name}_{name}", np.linalg.norm(waving, p, axes, True))
for p_name, p in (("fro", "fro"), ("nuc", "nuc"), ("inf", np.inf), ("1", 1), ("2", 2), ("-2", -2)):
    put(f"norm_plane_{p_name}", np.linalg.norm(plane, p))
    put(f"norm_plane_keep_{p_name}", np.linalg.norm(plane, p, (1, 0), True))
    put(f"norm_plane_int_{p_name}", np.linalg.norm(i[0], p))

# Cumulative forms.
for name, axis in (("all", None), ("0", 0), ("1", 1), ("2", 2)):
    put("cumsum_" + name, x.cumsum(axis))
    put("cumsum_float_" + name, f.cumsum(axis, dtype=np.float64).astype(np.float32))
    put("cumsum_int_" + name, i.cumsum(axis))
    put("cumsum_bool_" + name, b.cumsum(axis))
    put("cumsum_nan_" + name, z.cumsum(axis))
    put("cumprod_" + name, (1 + x / 100).cumprod(axis))
    put("cumprod_int_" + name, (i * 2 + 1).cumprod(axis) % 1000)
    put("nancumsum_" + name, np.nancumsum(z, axis))
    put("nancumprod_" + name, np.nancumprod(1 + z / 100, axis))


def push(v, axis, most=None):
    """Bottleneck's."""
    shape = [1] * v.ndim
    shape[axis] = -1
    at = np.arange(v.shape[axis]).reshape(shape)
    last = np.maximum.accumulate(np.where(np.isnan(v), -1, at), axis)
    found = np.take_along_axis(v, np.maximum(last, 0), axis)
    return np.where((last < 0) | (at - last > (v.size if most is None else most)), np.nan, found)


gaps = np.where(np.abs(x) > 0.2, np.nan, x)
for axis in range(3):
    put(f"push_{axis}", push(gaps, axis))
    put(f"push_float_{axis}", push(gaps.astype(np.float32), axis))
    for most in (0, 1, 3):
        put(f"push_{most}_{axis}", push(gaps, axis, most))

# Sorting.
def last(v, k, axis):
    """The k last along the axis, the last first; the -k first ones."""
    v = v if axis is not None else v.ravel()
    taken = np.arange(v.shape[axis])
    return v.take(taken[::-1][:k] if k > 0 else taken[:-k], axis)


for axis in range(3):
    put(f"sort_{axis}", np.sort(x, axis))
    put(f"sort_float_{axis}", np.sort(f, axis))
    put(f"sort_int_{axis}", np.sort(i // 100, axis))
    put(f"sort_bool_{axis}", np.sort(b, axis))
    put(f"sort_nan_{axis}", np.sort(z, axis))
    put(f"argsort_{axis}", np.argsort(x, axis))
    put(f"argsort_int_{axis}", np.argsort(i // 100, axis, kind="stable"))
    put(f"argsort_nan_{axis}", np.argsort(z, axis, kind="stable"))
    for k in (1, 3, 5, -1, -4):
        put(f"topk_{k}_{axis}", last(np.sort(x, axis), k, axis))
        put(f"topk_nan_{k}_{axis}", last(np.sort(z, axis), k, axis))
        put(f"argtopk_int_{k}_{axis}", last(np.argsort(i // 100, axis, kind="stable"), k, axis))
put("sort_flat", np.sort(x.ravel()))
put("argsort_flat", np.argsort((i // 100).ravel(), kind="stable"))
put("topk_flat", np.sort(z.ravel())[: -8:-1])

# Counting.
def hist(name, *args, **how):
    counts, edges = np.histogram(*args, **how)
    put("histogram_" + name, counts)
    put("edges_" + name, edges.astype(np.float64))  # ours are double, whatever is given


edges = [-0.4, -0.1, 0.0, 0.05, 0.3]
hist("bins", x, 10, (-0.5, 0.5))
hist("many_bins", x, 1000, (-0.3, 0.31))
hist("nan", z, 7, (-0.2, 0.2))
hist("edges", x, edges)
hist("int", i, 25, (-500, 500))
hist("int_edges", i % 10, [0, 1, 2, 5, 9])
hist("density", x, 10, (-0.3, 0.5), density=True)
hist("density_edges", x, edges, density=True)
hist("weights", x, 10, (-0.5, 0.5), weights=np.broadcast_to(plane, shape))
hist("weights_density", x, edges, weights=x * x, density=True)
# Counts are int64 in ours, as those of histogram are in NumPy.
counts = np.histogram2d(x.ravel(), (x * x).ravel(), (5, 8), ((-0.5, 0.5), (0, 0.2)))[0]
put("histogram2d", counts.astype(np.int64))
put("histogram2d_weights", np.histogram2d(x.ravel(), z.ravel(), (edges, edges[1:]), weights=x.ravel())[0])
put("histogram2d_density", np.histogram2d(x.ravel(), z.ravel(), (edges, edges[1:]), density=True)[0])
points = x.reshape(-1, 5)[:, :3]
sizes, ranges = (4, 3, 5), ((-0.5, 0.5), (-0.4, 0.3), (0, 0.4))
put("histogramdd", np.histogramdd(points, sizes, ranges)[0].astype(np.int64))
put("histogramdd_weights", np.histogramdd(points, (edges, edges[1:], edges), weights=points[:, 0] ** 2)[0])
put("histogramdd_density", np.histogramdd(points, (edges, edges[1:], edges), density=True)[0])
for d, e in enumerate(np.histogramdd(points, sizes, ranges)[1]):
    put(f"histogramdd_edges_{d}", e)
counts = np.histogramdd([x.ravel(), np.broadcast_to(plane, shape).ravel()], (edges, edges))[0]
put("histogramdd_arrays", counts.astype(np.int64))
put("bincount", np.bincount((i % 40).ravel(), minlength=50))
put("bincount_weights", np.bincount((i % 40).ravel(), x.ravel(), 50))
for name, v in (("x", x), ("nan", z), ("int", i // 100)):
    put("digitize_" + name, np.digitize(v, edges))
    put("digitize_right_" + name, np.digitize(v, edges, right=True))
put("searchsorted", np.searchsorted([-3, -1, -1, 2, 4], (i // 100)))
put("searchsorted_right", np.searchsorted([-3, -1, -1, 2, 4], (i // 100), side="right"))
put("isin", np.isin(i, [7, -3, 400, -3]))
put("isin_real", np.isin(i, [7.5, -3.0]))
for name, v in (("int", i // 100), ("nan", np.floor(z * 10)), ("x", x), ("bool", b)):
    values, first, inverse, counts = np.unique(v, return_index=True, return_inverse=True, return_counts=True)
    put("unique_index_" + name, first)
    put("unique_" + name, values)
    put("unique_inverse_" + name, inverse.reshape(v.shape))
    put("unique_counts_" + name, counts)
put("union1d", np.union1d(np.round(x * 10), np.round(row * 10)))
put("union1d_int", np.union1d(i // 100, np.round(plane * 10)))

# Quantiles.
some = [0, 0.1, 0.25, 0.5, 0.77, 1]
for name, axis in (("two", (2, 0)), ("three", (0, 1, 2))):
    put("median_" + name, np.median(x, axis))
    put("nanmedian_" + name, np.nanmedian(z, axis, keepdims=True))
    put("quantile_" + name, np.quantile(i, some, axis, keepdims=True, method="hazen"))
for name, axis in (("all", None), ("0", 0), ("1", 1), ("2", 2)):
    put("median_" + name, np.median(x, axis))
    put("median_int_" + name, np.median(i, axis))
    put("median_nan_" + name, np.median(z, axis))
    put("nanmedian_" + name, np.nanmedian(z, axis))
    put("quantile_" + name, np.quantile(x, some, axis))
    put("percentile_" + name, np.percentile(x, 30, axis))
    put("nanpercentile_" + name, np.nanpercentile(z, [10, 30], axis))
    for how in ("lower", "higher", "nearest", "midpoint"):
        # Ours are double: the type does not depend on the method, which is known when the program runs.
        put(f"quantile_{how}_{name}", np.quantile(i, some, axis, method=how).astype(np.float64))
        put(f"nanquantile_{how}_{name}", np.nanquantile(z, 0.3, axis, method=how))
    for how in ("inverted_cdf", "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf", "hazen",
                "weibull", "median_unbiased", "normal_unbiased", "linear"):
        # (Of two observations that are as near NumPy 1 takes the other one: there are none here.)
        q = [0, 0.02, 0.11, 0.21, 0.31, 0.77, 0.99, 1]
        put(f"quantile_{how}_{name}", np.quantile(x, q, axis, method=how, keepdims=True))
        put(f"nanquantile_one_{how}_{name}", np.nanquantile(x, 0.31, axis, method=how, keepdims=True))
    put("median_keep_" + name, np.median(i, axis, keepdims=True))

# Products.
turned = x.transpose(0, 2, 1)
put("matmul", plane @ plane.T)
put("matmul_batch", x @ turned)
put("matmul_batch_right", x @ plane.T)
put("matmul_batch_left", plane @ turned)
put("matmul_broadcast", x[:1] @ turned)
put("matmul_vector", x @ row)
put("matmul_vector_left", row @ turned)
put("matmul_int", i @ i.transpose(0, 2, 1))
put("dot", row @ row)
put("dot_of_three", np.dot(plane, x.transpose(0, 2, 1)))
put("dot_of_three_and_vector", np.dot(x, row))
put("tensordot", np.tensordot(x, plane, ((1, 2), (0, 1))))
put("tensordot_order", np.tensordot(x, plane, ((2,), (-1,))))
put("tensordot_2", np.tensordot(x, plane, 2))
put("outer", np.outer(row, plane[3]))
put("outer_of_matrices", np.outer(plane, x[:2, 3]))
put("outer_of_number", np.outer(x[1, 2, 3], row))
put("einsum_product", np.einsum("aij,kj->ik", x, plane))
put("einsum_implicit", np.einsum("aij,kj", x, plane))
put("einsum_batch", np.einsum("aij, akj -> aik", x, x))
put("einsum_order", np.einsum("aij,bij->jba", x, x))
put("einsum_four", np.einsum("aij,bj,b,kk->ia", x, plane, x[:17, 0, 0], x[:5, :5, 0]))
put("einsum_order_of_ones", np.einsum("ij,...j,kj->...k", x[:1, 0], x[:, :1], plane))
put("einsum_nine", np.einsum(",".join(["ij"] * 8) + ",j->i", *[plane] * 8, row))
put("einsum_three", np.einsum("aij,ij,j->ia", x, plane, row))
put("einsum_sum", np.einsum("aij->j", x))
put("einsum_transpose", np.einsum("aij->jai", x))
put("einsum_trace", np.einsum("ii", x[:17, :, 0]))
put("einsum_diagonal", np.einsum("ii->i", x[:17, :, 0]))
put("einsum_rest", np.einsum("...j,j->...", x, row))
put("einsum_rest_broadcast", np.einsum("a...,...->...a", x, plane))
put("einsum_one", np.einsum("aij,aj->ai", x[:, :, :1], x[:, 2]))
put("einsum_all", np.einsum("aij,aij->", x, x))
put("einsum_float", np.einsum("ij,ij->i", i[2], i[3]))

# Covariances.
put("cov", np.cov(plane))
put("cov_columns", np.cov(plane, rowvar=False))
put("cov_all", np.cov(plane, ddof=0))
put("cov_int", np.cov(i[0]))
put("cov_float", np.cov(f[:, 1]))
put("cov_both", np.cov(plane, plane[::-1] ** 2))
put("cov_both_columns", np.cov(plane, plane[:, 0] ** 2, rowvar=False))
put("cov_vector", np.cov(x[:, 1, 2]))
put("cov_vectors", np.cov(x[:, 1, 2], x[:, 2, 2] ** 2))
put("corrcoef", np.corrcoef(plane))
put("corrcoef_columns", np.corrcoef(plane, rowvar=False))
put("corrcoef_both", np.corrcoef(plane, x[0]))
put("corrcoef_vector", np.corrcoef(row))
put("corrcoef_still", np.corrcoef([row, row * 0 + 1, row]))
waves = x[:, :, 0] + 1j * x[:, :, 1]
for name, value in (("cov", np.cov(waves)), ("corrcoef", np.corrcoef(waves))):
    put(name + "_complex_real", value.real)
    put(name + "_complex_imaginary", value.imag)

# Factorisations.
tall = x[:, :, 1]
positive = tall.T @ tall
put("qr_r", np.abs(np.linalg.qr(tall)[1]))
put("svd_s", np.linalg.svd(tall)[1])
put("svd_s_wide", np.linalg.svd(tall.T)[1])
put("svd_vt", np.abs(np.linalg.svd(tall, full_matrices=False)[2]))
put("cholesky", np.linalg.cholesky(positive))
put("solve", np.linalg.solve(positive, tall.T))
put("solve_vector", np.linalg.solve(positive, tall[3]))
put("inv", np.linalg.inv(positive))
put("solve_triangular", np.linalg.solve(np.triu(positive), tall[3]))
put("lstsq", np.linalg.lstsq(tall, x[:, 2, 0], rcond=None)[0])
put("lstsq_residuals", np.linalg.lstsq(tall, x[:, :3, 0], rcond=None)[1])
waving_tall = tall + 1j * x[:, :, 2]
waving_positive = waving_tall.conj().T @ waving_tall
put("complex_qr_r", np.abs(np.linalg.qr(waving_tall)[1]))
put("complex_svd_s", np.linalg.svd(waving_tall)[1])
put("complex_cholesky", np.linalg.cholesky(waving_positive))
put("complex_solve", np.linalg.solve(waving_positive, waving_tall[:3].T))
put("complex_inv", np.linalg.inv(waving_positive))
put("complex_lstsq", np.linalg.lstsq(waving_tall, x[:, :3, 0] + 0j, rcond=None)[0])
put("complex_lstsq_residuals", np.linalg.lstsq(waving_tall, x[:, :3, 0] + 0j, rcond=None)[1])
put("complex_norm_nuclear", np.linalg.norm(waving_tall, "nuc"))
low = tall @ tall[:5].T @ tall[:5]
for name, matrix in (("tall", tall), ("wide", tall.T), ("low", low), ("low_wide", low.T)):
    solution, _, rank, values = np.linalg.lstsq(matrix, matrix[:, 0] * 0 + x[: len(matrix), 1, 3], rcond=None)
    put("lstsq_solution_" + name, solution)
    put("lstsq_rank_" + name, np.int64(rank))
    put("matrix_rank_" + name, np.int64(np.linalg.matrix_rank(matrix)))
    put("pinv_" + name, np.linalg.pinv(matrix, rcond=1e-12))
put("lstsq_values", np.linalg.lstsq(tall, x[:, 2, 0], rcond=None)[3])
put("pinv_complex", np.linalg.pinv(waving_tall))
for name, matrix in (("real", tall[:17]), ("complex", waving_tall[:17])):
    put("det_" + name, np.linalg.det(matrix))
    put("slogdet_sign_" + name, np.linalg.slogdet(matrix)[0])
    put("slogdet_log_" + name, np.linalg.slogdet(matrix)[1])
for name, p in (("2", 2), ("minus_2", -2), ("1", 1), ("inf", np.inf), ("fro", "fro")):
    put("cond_" + name, np.linalg.cond(tall[:17], p))
put("cond_tall", np.linalg.cond(tall))
put("cond_complex", np.linalg.cond(waving_tall))
for n in (0, 1, 2, 7, -2):
    put(f"matrix_power_{n}", np.linalg.matrix_power(tall[:17], n))
put("matrix_power_int", np.linalg.matrix_power(i[:17, :, 1].astype(np.int64), 3))
put("multi_dot", np.linalg.multi_dot([tall, tall.T, tall, tall[2]]))
put("inner", np.inner(x, plane))
put("inner_vectors", np.inner(row, plane[2]))
put("svdvals", np.linalg.svd(tall)[1])
put("tensorinv", np.linalg.tensorinv(x[:6, :4, 0].reshape(2, 3, 4)[:, :2].reshape(4, 2, 2), 1))
put("tensorinv_2", np.linalg.tensorinv(x[:4, :9].reshape(180)[:144].reshape(3, 4, 12)))
put("tensorsolve", np.linalg.tensorsolve(x[:4, :9].reshape(180)[:144].reshape(3, 4, 6, 2), plane[:3, :4]))
put("tensorsolve_axes", np.linalg.tensorsolve(x[:4, :9].reshape(180)[:144].reshape(3, 6, 2, 4), plane[:3, :4], (1, 2)))
put("multi_dot_number", np.linalg.multi_dot([tall[1], tall.T, tall, tall[2]]))

# Fourier transforms.
for name, value in (
    ("fft_0", np.fft.fft(x, axis=0)),
    ("fft_1", np.fft.fft(x, axis=1)),
    ("fft_last", np.fft.fft(x)),
    ("ifft", np.fft.ifft(x, axis=1)),
    ("fft_int", np.fft.fft(i, axis=1)),
    ("fft2", np.fft.fft2(x)),
    ("fftn", np.fft.fftn(plane)),
    ("rfft", np.fft.rfft(x, axis=0)),
):
    put(name + "_real", value.real)
    put(name + "_imaginary", value.imag)
put("irfft", np.fft.irfft(x, axis=0))
put("irfft_odd", np.fft.irfft(x, 31, axis=0))
put("irfft_short", np.fft.irfft(x, 20, axis=0))
some_x = x[:6]
wavy = some_x + 1j * some_x[::-1]
for norm in ("backward", "ortho", "forward"):
    for n in (None, 1, 8, 17, 31):
        for name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft"):
            put(f"{name}_{n or 0}_{norm}", getattr(np.fft, name)(some_x, n, 1, norm))
    for name, v in (("fft", wavy), ("ifft", wavy), ("rfft", some_x), ("irfft", wavy)):
        put(f"{name}2_{norm}", getattr(np.fft, name + "2")(v, norm=norm))
        put(f"{name}2_axes_{norm}", getattr(np.fft, name + "2")(v, (20, 6), (1, 0), norm))
        put(f"{name}n_{norm}", getattr(np.fft, name + "n")(v, norm=norm))
        put(f"{name}n_axes_{norm}", getattr(np.fft, name + "n")(v, axes=(0, -1), norm=norm))
        put(f"{name}n_last_{norm}", getattr(np.fft, name + "n")(v, (7, 9), norm=norm))
put("fftn_int", np.fft.fftn(i))
put("hfft_complex", np.fft.hfft(wavy, axis=0))
for n in (1, 2, 7, 10):
    put(f"fftfreq_{n}", np.fft.fftfreq(n, 0.3))
    put(f"rfftfreq_{n}", np.fft.rfftfreq(n, 0.3))
put("fftshift", np.fft.fftshift(x))
put("fftshift_1", np.fft.fftshift(x, 1))
put("ifftshift_02", np.fft.ifftshift(x, (0, 2)))
put("ifftshift", np.fft.ifftshift(x))

# Other shapes.
put("concatenate_0", np.concatenate([x, x[::-1], x[:4]], 0))
put("concatenate_1", np.concatenate([x, x[:, 3:9]], 1))
put("concatenate_many", np.concatenate([x[k : k + 2, 1] for k in range(20)], 1))
put("stack_0", np.stack([plane, plane + 1, plane[::-1]]))
put("stack_last", np.stack([plane, plane + 1], -1))
put("reshape_merge", x.reshape(23 * 17, 5))
put("reshape_ravel", x.ravel())
put("reshape_split", x.reshape(23, 17 * 5)[3:].reshape(4, 5, 5, 17))
put("reshape_other", x[:20].reshape(17, 20, -1))
put("reshape_transposed", x.T.reshape(5, -1))
put("reshape_part", x.reshape(17, 23, 5)[3:9, 20:, 1])
put("reshape_ones", x.reshape(1, 23, 1, 17, 5, 1))
put("roll", np.roll(x, 5, 0))
put("roll_back", np.roll(x, -31, 1)[2:7])
put("tile", np.tile(plane, (2, 3, 1)))
put("tile_last", np.tile(x, 2))
put("repeat_0", np.repeat(x, 3, 0))
put("repeat_by", np.repeat(x, [0, 1, 3, 0, 2, 1, 1, 0, 0, 5, 1, 2, 3, 0, 1, 1, 0], 1))
put("repeat_2", np.repeat(x, 2, 2))
for mode in ("edge", "reflect", "symmetric"):
    put("pad_" + mode, np.pad(x, ((2, 3), (0, 40), (6, 1)), mode))
# (Before 1.25 NumPy wraps wrongly more than once around.)
put("pad_wrap", x[np.ix_(np.arange(-2, 26) % 23, np.arange(57) % 17, np.arange(-6, 6) % 5)])
put("pad_constant", np.pad(x, ((2, 3), (0, 4), (6, 1)), constant_values=7.5)[1:-1])
widths = ((2, 3), (0, 4), (6, 1))
put("pad_constants", np.pad(x, widths, constant_values=((1, 2), (3, 4), (5, 6))))
put("pad_constants_of_all", np.pad(i, widths, constant_values=(7, -7)))
for mode in ("maximum", "minimum", "mean"):
    put("pad_" + mode, np.pad(x, widths, mode))
    put("pad_int_" + mode, np.pad(i, widths, mode))
    put("pad_bool_" + mode, np.pad(b[:, :3], ((1, 0), (2, 2), (0, 3)), mode))
put("pad_complex_mean", np.pad(x + 1j * x[::-1], widths, "mean"))
put("pad_function", np.concatenate([plane, np.broadcast_to(np.median(plane, 1, keepdims=True), (17, 3))], 1))


def write_ends(line, width, axis, _):
    before, after = width
    line[:before] = line[before] + (10 * axis + before)
    line[len(line) - after :] = line[before + 1] * 2


put("pad_line", np.pad(x, widths, write_ends))
put("pad_line_of_all", np.pad(x, 2, write_ends))
put("pad_all", np.pad(x, 1))
put("pad_all_reflect", np.pad(x, ((1, 2),), "reflect"))
put("pad_all_mean", np.pad(x, 1, "mean"))
put("pad_ramp", np.pad(x, widths, "linear_ramp"))
put("pad_ramp_ends", np.pad(x, widths, "linear_ramp", end_values=((1, 2), (-3, 4), (5, 0.25))))
put("pad_ramp_int", np.pad(i, widths, "linear_ramp", end_values=(100, -1000)))
doubles = np.pad(f.astype(np.float64), widths, "linear_ramp", end_values=1)  # in which ours are computed
put("pad_ramp_float", doubles.astype(np.float32))
put("pad_ramp_complex", np.pad(x + 1j * x[::-1], widths, "linear_ramp", end_values=2))
put("take_0", x.take([5, 0, -1, 5, 22, 7], 0))
long_list = (np.arange(500) * 7919) % 17
put("take_1", x.take(long_list, 1))
put("take_part", x.take(long_list, 1)[4:, 100:130:3])
put("take_transposed", x.T.take([1, 1, 4], 0))
put("compress", x[x > 0.2])
put("compress_axis", x[:, plane[:, 0] > 0])
y = x.copy()
y[3:9, ::-2, 1] = -1
put("assign_scalar", y)
y = x.copy()
y[::2, 4:6] = plane[:2] * 2
put("assign_array", y)
y = x.copy()
y[-3, :, 1:] = row[:4]
put("assign_row", y)
y = x.copy()
y[20:1:-3] = plane
put("assign_backwards", y[2:, :, ::2])
y = x.copy()
y[..., [3, 0]] = 7
put("assign_list_scalar", y)
y = x.copy()
y[::2, [5, -1, 3, 4, 16], 1:] = plane[:5, :4]  # the last row twice: its last value stays
put("assign_list", y)
y = x.copy()
y[2, :, [4, 1]] = plane[:2, :1] * 3
put("assign_list_apart", y)
y = x.copy()
y[:, plane[:, 0] > 0] = row
put("assign_mask", y)
y = x.copy()
y[(np.arange(40) * 7) % 23] = np.arange(40)[:, None, None]
put("assign_list_long", y)
few = np.array([4, -5, 1, 4])
y = x.copy()
y[..., few] = 7
put("assign_by_scalar", y)
y = x.copy()
y[few] = x[10:14] * 2  # row 4 twice: its last value stays
put("assign_by", y)
y = x.copy()
y[::2, i[5, :, 2] % 17, 1:] = plane[:, :4]
put("assign_by_other", y)
y = x.copy()
y[2, :, np.array([1, 2, 0])] = plane[:3, :1] * 3
put("assign_by_apart", y)
y = x.copy()
y[:, plane[:, 0] > 0] = row
put("assign_by_mask", y)
y = x.copy()
y[3, ::-1, row > 0] = 2
put("assign_by_mask_apart", y)
y = i.copy()
y[few] = x[10:14] * 1000
put("assign_by_int", y)
y = i.copy()
y[:, 3:5] = x[:, 6:8] * 1000
put("assign_of_other_type", y)

# Elements put in, taken out, and blocks.
put("insert_scalar", np.insert(x, 2, 7.5, 1))
put("insert_slice", np.insert(x, -1, plane[:, 1:2], 0))
put("insert_slice_middle", np.insert(x, 17, x[:, 0] * 2, 1))
put("insert_several", np.insert(x, 3, x[:4], 0))
put("insert_one_place", np.insert(x, [4], x[..., :3], 2))
put("insert_list", np.insert(x, [5, 0, -1, 5], plane[:4, None], 0))
put("insert_list_scalar", np.insert(x, [17, 3, 17, 0], 7, 1))
put("insert_steps", np.insert(x, slice(None, None, 4), row, 1))
put("insert_long", np.insert(x, np.arange(100) * 7 % 24, np.arange(100)[:, None, None], 0))
put("insert_none", np.insert(x, [], 1.0, 0))
put("insert_flat", np.insert(plane, [0, 85, 7], [1.0, 2.0, 3.0]))
put("erase_one", np.delete(x, -2, 1))
put("erase_list", np.delete(x, [5, 0, -1, 5, 6, 7], 0))
put("erase_slice", np.delete(x, slice(3, 20), 0))
put("erase_steps", np.delete(x, slice(None, None, -3), 1))
put("erase_mask", np.delete(x, plane[:, 0] > 0, 1))
put("erase_all", np.delete(x, slice(None), 2))
put("erase_none", np.delete(x, slice(5, 5), 0))
put("erase_flat", np.delete(plane, [84, 3]))
put("append", np.append(x, x[:, :, :2] * 2, 2))
put("append_flat", np.append(plane, row))
put("append_scalar", np.append(i[0], 2.5))
put("block", np.block([[plane, plane[:, :2]], [row[None, :3], np.ones((1, 4))]]))
put("block_row", np.block([row, row[1:]]))
put("block_deep", np.block([[[x], [x[:, :2]]], [[x[:4]], [x[:4, 3:5]]]]))
put("block_ranks", np.block([[plane], [row]]))

# Places of elements.
for n, m in ((6, 6), (7, 3), (3, 7), (1, 4), (5, 0)):
    for k in (-9, -3, -1, 0, 1, 2, 9):
        for name, make in (("tril", np.tril_indices), ("triu", np.triu_indices)):
            put(f"{name}_{n}_{m}_{k}", np.array(make(n, k, m)))
numbers = np.abs(i) % (23 * 17 * 5)
for axis, value in enumerate(np.unravel_index(numbers, shape)):
    put(f"unravel_{axis}", value)
places = np.unravel_index(numbers, shape)
put("ravel", np.ravel_multi_index(places, shape))
put("ravel_wrap", np.ravel_multi_index((i[:, :, 0], i[:, :, 1] // 9), (23, 17), mode="wrap"))
put("ravel_clip", np.ravel_multi_index((i[:, :, 0] // 20, i[:, :, 1] // 9), (23, 17), mode="clip"))
for name, of in (("some", np.floor(4 * x)), ("bool", b), ("nan", np.where(x > 0.4, np.nan, 0)), ("row", row > 0),
                 ("none", i > 5000), ("int", i // 900), ("complex", np.where(b, 0, 1j))):
    put(f"nonzero_{name}", np.array(np.nonzero(of)))
    put(f"argwhere_{name}", np.argwhere(of))
    put(f"flatnonzero_{name}", np.flatnonzero(of))

# Windows, and functions along axes.
sliding = np.lib.stride_tricks.sliding_window_view
put("windows", sliding(x, 4, 1))
put("windows_last", sliding(x, 5, -1)[::3])
put("windows_several", sliding(x, (3, 2), (1, 0)))
put("windows_twice", sliding(x, (3, 2), (0, 0)))
put("windows_all", sliding(plane, (17, 2)))
put("windows_mean", sliding(x, 7, 0).mean(-1))
put("windows_int", sliding(i, 3, 2))
put("windows_part", sliding(x, 6, 0)[9:12, 4, :, 2:])
put("coarsen", x[:22, :15].reshape(11, 2, 5, 3, 5, 1).mean((1, 3, 5)))
put("coarsen_max", x.reshape(23, 1, 17, 1, 1, 5).max((1, 3, 5)))
put("coarsen_wide", x[:20].reshape(1, 20, 17, 1, 5, 1).max((1, 3, 5)))
put("coarsen_int", i[:21, :16].reshape(3, 7, 4, 4, 5, 1).min((1, 3, 5)))
put("along_scalar", np.apply_along_axis(lambda a: a[0] - a[-1], 1, x))
put("along_line", np.apply_along_axis(lambda a: a[::-1] * 2, 0, x))
put("along_longer", np.apply_along_axis(lambda a: np.concatenate([a, a[:2]]), 1, x))
put("along_type", np.apply_along_axis(lambda a: (a > 0).sum(), 2, x))
put("along_vector", np.apply_along_axis(lambda a: a[3] * 2, 0, row))
put("over_axes", np.apply_over_axes(np.sum, x, (0, 2)))
put("over_axes_int", np.apply_over_axes(np.sum, i, (-1, 1)))
put("over_axes_same", np.apply_over_axes(np.cumsum, x, (0, 1)))

# Functions.
p = np.abs(x) + 0.1
for name in "exp exp2 expm1 log log2 log10 log1p sqrt cbrt sin cos tan sinh cosh tanh".split():
    put(name, getattr(np, name)(p))
put("asin", np.arcsin(x))
put("acos", np.arccos(x))
put("atan", np.arctan(x))
for name in "floor ceil trunc rint sign square".split():
    put(name, getattr(np, name)(10 * x))
put("abs_int", np.abs(i))
put("exp_int", np.exp((i % 7)))
put("atan2", np.arctan2(x, p))
put("hypot", np.hypot(x, row))
put("pow", p**2.5)
put("pow_int", (i % 5) ** 3)
put("floor_divide", np.floor_divide(i, 7))
put("floor_divide_negative", np.floor_divide(i, -7))
put("remainder", i % 7)
put("remainder_negative", i % -7)
put("remainder_real", x % 0.3)
put("divide_int", i / 7)
put("minimum", np.minimum(x, row))
put("maximum_nan", np.maximum(z, 0.1))
put("where", np.where(x > row, x, -1.0))
put("clip", np.clip(x, -0.2, 0.2))
put("isnan", np.isnan(z))
put("piecewise", np.piecewise(x, [x < -0.2, x > 0.1, x > 0.3], [-1, lambda v: v * v, lambda v: 1 / v]))
put("piecewise_otherwise", np.piecewise(i, [i > 100, b], [lambda v: v // 3, 7, lambda v: -v]))
put("isfinite", np.isfinite(1 / np.where(x > 0, 0, z)))
put("isinf", np.isinf(1 / np.where(x > 0, 0, z)))
put("astype", (x * 100).astype(np.int16))
put("negative", -i)
put("logical", ((x > 0) & (row < 0.2)) | ~b)
put("compare", (i == 7) | (i != i + 1))
put("compare_mixed", i < i.astype(np.uint8).astype(np.uint32).astype(np.int64))
put("bits", (i & 12) ^ (i | 3))
put("float_scalar", f * 2.5 + 1)
put("float_int", (f + i).astype(np.float64))

put("asinh", np.arcsinh(x))
put("acosh", np.arccosh(p + 1))
put("atanh", np.arctanh(x))
put("signbit", np.signbit(x))
put("nan_to_num", np.nan_to_num(np.where(x > 0.3, np.inf, np.where(x < -0.3, -np.inf, z))))
put("fmin", np.fmin(z, row))
put("fmax", np.fmax(row, z))
put("logaddexp", np.logaddexp(500 * x, row))
put("logaddexp_infinite", np.logaddexp(np.where(x > 0, -np.inf, x), -np.inf))
put("copysign", np.copysign(p, x))
put("logical_xor", np.logical_xor(b, i % 2))
put("select", np.select([x > 0.2, x > 0, row > x], [x, 7.5, row * 2.0], -1.0))
put("round", np.round(x, 2))
put("round_0", np.round(10 * x))
put("round_tens", np.round(1000 * x, -2))
put("round_int", np.round(i))
put("isclose", np.isclose(x, x + 1e-6))
put("isclose_loose", np.isclose(x, row, 0, 0.1))
put("isclose_nan", np.isclose(z, z, equal_nan=True))
put("deg2rad", np.deg2rad(x))
put("rad2deg", np.rad2deg(x))
put("angle", np.angle(x + 1j * p))
put("conj", np.conj(x + 1j * p).imag)

# Weights, differences, diagonals.
put("ptp_all", np.ptp(x))
put("ptp_1", np.ptp(i, 1))
put("average_all", np.average(x, weights=np.broadcast_to(np.abs(plane), shape)))
put("average_1", np.average(x, 1, weights=np.abs(plane[:, 0])))
put("average_0", np.average(x, 0, weights=p))
put("average_2", np.average(i, -1, weights=np.arange(5)))
put("diff", np.diff(x))
put("diff_0", np.diff(i, axis=0))
put("diff_third", np.diff(x, 3, axis=1))
put("diff_bool", np.diff(b, axis=1))
put("ediff1d", np.ediff1d(i))
for axis in range(3):
    put(f"gradient_{axis}", np.gradient(x, 0.5, axis=axis))
    put(f"gradient_int_{axis}", np.gradient(i, axis=axis, edge_order=2))
    for order in (1, 2):
        put(f"gradient_places_{axis}_{order}",
            np.gradient(x, np.cumsum(p[:x.shape[axis], 0, 0] if axis == 0 else p[0, :, 0] if axis == 1 else p[0, 0]),
                        axis=axis, edge_order=order))
for number, value in enumerate(np.gradient(x, 0.5, 2, axis=(2, 0))):
    put(f"gradient_several_{number}", value)
put("diff_prepend", np.diff(x, axis=1, prepend=3.5))
put("diff_both", np.diff(i, 2, axis=0, prepend=i[:1, :, :], append=np.int32(7)))
put("diff_append", np.diff(x, 2, axis=1, append=x[:, :2]))
put("ediff1d_begin", np.ediff1d(row, to_begin=-99))
put("ediff1d_end", np.ediff1d(row, to_end=88))
put("ediff1d_ends", np.ediff1d(row, to_begin=-99, to_end=[88, 77]))
put("average_returned", np.average(x, 0, weights=p, returned=True)[1])
put("linspace_open", np.linspace(-3, 11, 23, endpoint=False))
put("atleast_1d", np.atleast_1d(row[2]))
put("atleast_1d_row", np.atleast_1d(row))
put("atleast_2d", np.atleast_2d(row))
put("atleast_3d", np.atleast_3d(row))
put("atleast_3d_plane", np.atleast_3d(plane))
put("rollaxis", np.rollaxis(x, 2))
put("rollaxis_1", np.rollaxis(x, 0, -1))
put("rollaxis_end", np.rollaxis(x, 0, 3))
put("fliplr", np.fliplr(x))
put("flipud", np.flipud(x))
for number, value in enumerate(np.broadcast_arrays(plane, row, x[:, :1])):
    put(f"broadcast_arrays_{number}", value)
put("diagonal_axes", np.diagonal(x, -2, 2, 0))
put("rot90_axes", np.rot90(x, 3, (2, 1)))
put("hstack_list", np.hstack([plane, 2 * plane]))
put("vstack_list", np.vstack([row, 2 * row]))
put("dstack_list", np.dstack([row, 2 * row]))
put("eye", np.eye(7, 11, -2))
put("tri", np.tri(9, 5, 1, np.int16))
for k in (-20, -3, 0, 2, 9):
    put(f"tril_{k}", np.tril(x, k))
    put(f"triu_{k}", np.triu(x, k))
    put(f"diagonal_{k}", np.diagonal(x, k))
    put(f"trace_{k}", np.trace(plane, k))
    put(f"diag_{k}", np.diag(x[0, :, 1], k))
put("kron", np.kron(plane[:4, :3], x[:3, :2, 0]))
put("kron_ranks", np.kron(x[:3, :2], i[:2, 0, :3]))
put("kron_vectors", np.kron(row, plane[3]))
put("cross", np.cross(x[..., :3], plane[:, 2:]))
put("cross_axis", np.cross(i[:, :3], i[:, 3:6], axis=1))
put("vecdot", np.sum(x * plane, -1))
put("vecdot_complex", np.sum(np.conj(x + 1j * x[::-1]) * x, 0))
put("vander", np.vander(row))
put("vander_columns", np.vander(plane[:, 1], 4, True))
put("vander_int", np.vander(i[:, 0, 0], 3))
put("matrix_transpose", np.swapaxes(x, -1, -2))
for name, value in zip("ab", np.broadcast_arrays(x[:, :1], plane)):
    put("broadcast_arrays_" + name, value)
for k in range(-1, 4):
    put(f"rot90_{k}", np.rot90(x, k))
for name, value in zip("abc", np.meshgrid(row, x[:, 0, 0], plane[:, 0])):
    put("meshgrid_" + name, value)
for name, value in zip("abc", np.meshgrid(row, x[:, 0, 0], plane[:, 0], indexing="ij")):
    put("meshgrid_ij_" + name, value)

# Types: what becomes of pairs of them, what operations make of them, and what they do at their ends.
types = [np.dtype(t) for t in ("?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8", "c8", "c16")]
for s in types:
    for t in types:
        put(f"promoted_{s.name}_{t.name}", np.zeros(1, np.result_type(s, t)))
    for scalar in (True, 1, 1.0, 1j):
        put(f"beside_{s.name}_{type(scalar).__name__}", np.zeros(1, s) + scalar)


def samples(t):
    if t.kind == "b":
        return [False, True]
    if t.kind in "iu":
        return [0, 1, 2, 3, 7, 100, np.iinfo(t).max, np.iinfo(t).min, np.iinfo(t).max - 1]
    return [0.0, -0.0, 0.1, 1.0, -1.0, 2.0, -4.0, 6.0, 0.3, 1e10, -7.5, np.inf, -np.inf, np.nan, 5e-324]


operations = {
    "add": np.add, "subtract": np.subtract, "multiply": np.multiply, "divide": np.divide,
    "floor_divide": np.floor_divide, "remainder": np.remainder, "minimum": np.minimum, "maximum": np.maximum,
    "less": np.less, "equal": np.equal, "fmod": np.fmod,
    "nextafter": lambda p, q: np.nextafter(p, q, dtype=None if "f" in p.dtype.kind + q.dtype.kind else np.float64),
    "logaddexp2": lambda p, q: np.logaddexp2(p, q, dtype=np.divide(p[:1], q[:1]).dtype),
}  # fmt: skip
for s in types[:11]:
    a = np.array(samples(s)).astype(s)
    put("samples_" + s.name, a)
    for t in types[:11]:
        c = np.array(samples(t)).astype(t)
        for name, operation in operations.items():
            if name == "subtract" and s.kind == t.kind == "b":
                continue
            if name in ("less", "equal") and {s.kind, t.kind} == {"i", "u"}:
                compare = (lambda p, q: p < q) if name == "less" else (lambda p, q: p == q)
                value = np.array([[compare(int(p), int(q)) for q in c] for p in a])
            else:
                value = operation(a[:, None], c)
            put(f"{name}_{s.name}_{t.name}", value)
        if s.kind not in "iub" or t.kind not in "iub":
            continue
        if {s.name, t.name} & {"uint64"} and "i" in s.kind + t.kind:
            continue  # no type has them both
        for name in ("left_shift", "right_shift", "gcd", "lcm"):
            put(f"{name}_{s.name}_{t.name}", getattr(np, name)(a[:, None].astype(np.int8) if s.kind == t.kind == "b"
                                                              else a[:, None], c))
    real = a if s.kind == "f" else a.astype(np.float64)
    put("spacing_" + s.name, np.spacing(real))
    put("fabs_" + s.name, np.fabs(real))
    put("sinc_" + s.name, np.sinc(real))
    put("i0_" + s.name, np.where(np.isinf(real), np.inf, np.i0(real.astype(np.float64))).astype(real.dtype))
    for part, name in zip(np.modf(real), ("modf_fraction", "modf_whole")):
        put(f"{name}_{s.name}", part)
    for part, name in zip(np.frexp(real), ("frexp_fraction", "frexp_exponent")):
        put(f"{name}_{s.name}", part)
    whole = a.astype(np.int8) if s.kind == "b" else a
    put("reciprocal_" + s.name, np.reciprocal(whole) if s.kind == "f" else np.where(whole == 0, 0, np.reciprocal(
        np.where(whole == 0, whole + 1, whole))).astype(whole.dtype))
    put("isposinf_" + s.name, np.isposinf(real))
    put("isneginf_" + s.name, np.isneginf(real))
    if s.kind != "b":
        put("negate_" + s.name, -a)
    put("absolute_" + s.name, np.abs(a))
    put("square_" + s.name, np.square(a))
    put("reciprocals_" + s.name, np.array(1) / a)
    line = a if s.kind != "f" else a[2:11]
    for name in ("sum", "prod", "min", "max", "mean", "var", "std", "any", "all", "argmax", "cumsum", "cumprod", "ptp"):
        if not (name == "ptp" and s.kind == "b"):
            put(f"{name}_of_{s.name}", getattr(np, name)(line))
    put("count_of_" + s.name, np.count_nonzero(line))
    put("median_of_" + s.name, np.median(line))
    put("norm_of_" + s.name, np.linalg.norm(line.astype(s if s.kind == "f" else float)))
    put("where_of_" + s.name, np.where(line, np.float32(2), np.zeros(len(line), np.float32)))
    put("choice_of_" + s.name, np.where(line > 1, line, np.ones(len(line), np.uint8)))
    put("diff_of_" + s.name, np.diff(line))

# Other functions of elements.
put("left_shift", i << (np.abs(i) % 11))
put("right_shift", i >> (np.abs(i) % 11))
put("shift_number", (i << 3) >> 1)
put("divmod_quotient", np.divmod(x, row)[0])
put("divmod_rest", np.divmod(x, row)[1])
put("fmod_row", np.fmod(x, row))
put("gcd_lcm", np.gcd(i, 360) + np.lcm(i, 6))
put("float_power", np.float_power(np.abs(f), 2))
put("float_power_complex", np.float_power((f + 1j).astype(np.complex64), i % 3))
put("ldexp", np.ldexp(x, i % 40))
put("ldexp_float", np.ldexp(f, -3))
put("frexp_back", np.ldexp(*np.frexp(x)))
put("fix", np.fix(10 * x))
put("nan_to_num_named", np.nan_to_num(np.where(x > 0.3, np.inf, np.where(x < -0.3, -np.inf, z)), nan=7, posinf=1e3, neginf=-5))
put("nan_to_num_kept", np.nan_to_num(np.where(x > 0.3, np.inf, np.where(x < -0.3, -np.inf, z)), posinf=np.inf))
turned = x + 1j * np.where(x > 0, 0, x[::-1])
put("iscomplex", np.iscomplex(turned))
put("isreal", np.isreal(turned))
put("isclose_complex", np.isclose(turned, turned + 1e-5j * row, rtol=1e-5))
put("allclose_complex", np.allclose(turned, turned * (1 + 1e-7)))
put("sinc_complex", np.sinc(turned))
put("reciprocal_complex", np.reciprocal(turned + 2))
third = np.abs(i) % 3
put("choose", np.choose(third, [x, row, 7]))
put("choose_wrap", np.choose(i[:, :5], [i[:, :5], plane[0, :, None], f[:, :5]], mode="wrap"))
put("choose_clip", np.choose(i, [-1, 0, 1], mode="clip"))
ordered = np.sort(x.ravel())
for at in ("left", "right"):
    put(f"searchsorted_array_{at}", np.searchsorted(ordered, np.round(x, 2), at))
    put(f"searchsorted_array_equal_{at}", np.searchsorted(np.sort(i.ravel() // 50), i[:, 3] // 40, at))
    put(f"searchsorted_array_nan_{at}", np.searchsorted(np.sort(z.ravel()), z[:3], at))
put("digitize_array", np.digitize(x, np.sort(row)))
put("digitize_array_right", np.digitize(i[0], np.sort(i[:, 0, 0]), right=True))
put("isin_array", np.isin(i, i[::3, ::2] + 1))
put("isin_array_nan", np.isin(z, z[0]))

# Arrangements.
put("swapaxes", np.swapaxes(x, 0, -1))
put("moveaxis", np.moveaxis(x, 0, 2))
put("moveaxis_back", np.moveaxis(x, -1, 0))
put("moveaxis_two", np.moveaxis(x, (0, 1), (-1, 0)))
put("flip_two", np.flip(x, (0, -1)))
put("roll_two", np.roll(x, (5, -40, 3), (0, 1, 0)))
put("roll_one", np.roll(x, -3, (2, 0)))
put("expand_two", np.expand_dims(plane, (-1, 0)))
put("flip_all", np.flip(x))
put("roll_all", np.roll(x, 1234))
put("roll_all_back", np.roll(plane, -7))
put("hstack", np.hstack([x, i[:, :3]]))
put("hstack_vectors", np.hstack([row, np.int8(i[0, 0]), 2 * row]))
put("hstack_numbers", np.hstack([row[0], row[1]]))
put("vstack", np.vstack([f, i]))
put("vstack_vectors", np.vstack([row, plane, b[0, 0]]))
put("dstack", np.dstack([plane, 2 * plane, x[:17, 0, :, None] * np.ones((17, 5, 3))]))
put("dstack_vectors", np.dstack([row, i[0, 0]]))
put("concatenate_types", np.concatenate([b, i.astype(np.int8), i.astype(np.uint8)], 1))
put("stack_types", np.stack([i, f]))
put("allclose", np.allclose(x, x + 1e-9))
put("allclose_not", np.allclose(x, row))
put("vdot", np.vdot(x + 1j * x[::-1], x))
put("vdot_int", np.vdot(i[0], plane))

# Quotients and remainders of reals, and variances of what is large, or few.
numerators = [1.0, 6.0, 0.3, 0.7, -1.0, -4.0, 4.0, 0.0, -0.0, np.inf, -np.inf, np.nan, 1e300, -1e-300, 7.5, 12.0]
divisors = [0.1, -0.1, 2.0, -2.0, 3.0, 0.0, -0.0, np.inf, -np.inf, np.nan, 1e-300, 0.3, -0.7]
for t in (np.float32, np.float64):
    a, c = np.array(numerators, t)[:, None], np.array(divisors, t)
    put(f"table_floor_divide_{t.__name__}", np.floor_divide(a, c))
    put(f"table_remainder_{t.__name__}", np.remainder(a, c))
    put(f"table_floor_divide_signs_{t.__name__}", np.signbit(np.floor_divide(a, c)) & ~np.isnan(np.floor_divide(a, c)))
    put(f"table_remainder_signs_{t.__name__}", np.signbit(np.remainder(a, c)) & ~np.isnan(np.remainder(a, c)))
large = np.full((6, 5), 2.0**600)
infinite = x[0].copy()
infinite[3, 2] = np.inf
for d in (0, 1.5, 5, 6, 7, 30):
    for name in ("var", "std", "nanvar", "nanstd"):
        put(f"few_{name}_{d}", getattr(np, name)(x[:6, :5, 0], 0, ddof=d))
        put(f"few_equal_{name}_{d}", getattr(np, name)(large, 0, ddof=d))
for name in ("var", "std", "nanvar", "nanstd"):
    put(f"large_{name}", getattr(np, name)(large))
    put(f"infinite_{name}", getattr(np, name)(infinite, 0))


def text_of(e):
    if isinstance(e, (np.bool_, np.integer)):
        return str(int(e))
    return float(e).hex() if np.isfinite(e) else str(float(e))


with open(sys.argv[1], "w") as out:
    for name, value in results.items():
        words = [str(value.ndim), *map(str, value.shape)]
        if value.dtype.kind == "c":
            value = value.ravel().view(np.float32 if value.dtype == np.complex64 else np.float64)
            dtype = "complex" + str(value.itemsize * 16)
        else:
            dtype = value.dtype.name
        out.write(" ".join([name, dtype, *words, *map(text_of, value.ravel())]) + "\n")
