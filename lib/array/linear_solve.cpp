// Cholesky's factorisation, and triangular systems: tile by tile. A task makes one tile of the result,
// from what is left of it and above: each is written once, and the order of its sum is that of the tiles.
#include <algorithm>
#include <cmath>
#include <complex>
#include <cstring>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "array/blas.hpp"
#include "array/linear.hpp"

namespace weft::detail::arrays {

namespace {

using blas::count_of;
using blas::form;

/// C -= A B^H of row-major tiles.
template <class T>
void subtract_turned(block& c, const block& a, const block& b) {
  demand_alike(a, c);
  demand_alike(b, c);
  demand_matrix(a);
  demand_matrix(a, c.extents()[0], a.extents()[1]);
  demand_matrix(b, c.extents()[1], a.extents()[1]);
  const auto m = count_of(c.extents()[0]), n = count_of(c.extents()[1]), k = count_of(a.extents()[1]);
  blas::multiply<T>(form::adjoint, form::plain, n, m, k, T(-1), b.data<T>(), k, a.data<T>(), k, T(1), c.data<T>(), n);
}
/// C -= A B of row-major tiles.
template <class T>
void subtract(block& c, const block& a, const block& b) {
  demand_alike(a, c);
  demand_alike(b, c);
  demand_matrix(a);
  demand_matrix(a, c.extents()[0], a.extents()[1]);
  demand_matrix(b, a.extents()[1], c.extents()[1]);
  const auto m = count_of(c.extents()[0]), n = count_of(c.extents()[1]), k = count_of(a.extents()[1]);
  blas::multiply<T>(form::plain, form::plain, n, m, k, T(-1), b.data<T>(), n, a.data<T>(), k, T(1), c.data<T>(), n);
}
block copy_of(const block& b) {
  block c(b.of(), b.extents());
  if (b.count() != 0) std::memcpy(c.bytes().data(), b.bytes().data(), b.bytes().size());
  return c;
}

/// Tile (i, j) of L, among n x n, row-major: it takes those left of it, and those of row j up to the diagonal.
struct cholesky_order {
  static constexpr bool only_earlier = true;
  std::size_t n = 0;
  intervals of(std::size_t task) const noexcept {
    const std::size_t i = task / n, j = task % n;
    intervals all;
    if (j > i) return all;
    if (j != 0) all.add({i * n, i * n + j - 1});
    if (j != i) all.add({j * n, j * n + j});
    return all;
  }
  intervals dependents(std::size_t task) const noexcept {
    const std::size_t i = task / n, j = task % n;
    intervals all;
    if (j > i) return all;
    if (j != i) all.add({i * n + j + 1, i * n + i});
    for (std::size_t below = i + 1; below < n; ++below) all.add({below * n + i, below * n + i});
    return all;
  }
};

struct cholesky_tile {
  cut tile;
  block operator()(std::size_t task, values<block> own, const block& a) const {
    demand_cut(tile);
    const auto n = static_cast<std::size_t>(tile.count());
    const std::size_t i = task / n, j = task % n;
    demand_matrix(a);
    demand_given(own.size() == (j > i ? 0 : j == i ? j : 2 * j + 1), "other tiles than it takes");
    if (i == j) demand_matrix(a, a.extents()[0], a.extents()[0]);
    block c = copy_of(a);
    with_inexact(a.of(), [&](auto x) {
      using T = decltype(x);
      T* const to = c.template data<T>();
      const auto rows = c.extents()[0], columns = c.extents()[1];
      if (j > i) {
        std::fill_n(to, c.count(), T(0));
        return;
      }
      for (std::size_t k = 0; k < j; ++k) subtract_turned<T>(c, own[k], i == j ? own[k] : own[j + k]);
      if (i != j) {
        demand_alike(own[2 * j], c);
        demand_matrix(own[2 * j], columns, columns);
        // X L^H = C; column by column U^H Y = C', with X' as Y and L' as U
        blas::solve_triangular<T>(true, true, form::adjoint, false, count_of(columns), count_of(rows), T(1),
                                  own[2 * j].data<T>(), count_of(columns), to, count_of(columns));
        return;
      }
      const std::int64_t bad = rows == 0 ? 0 : blas::factor_cholesky<T>(count_of(rows), to, count_of(columns));
      if (bad != 0) {
        const std::string size = std::to_string(tile.first(static_cast<std::int64_t>(i)) + bad);
        throw std::domain_error("weft: cholesky: the matrix is not positive definite: its first " + size +
                                " rows and columns are not");
      }
      // LAPACK goes on with what is no number, and reads one triangle alone; all of that comes to the diagonal.
      for (std::int64_t r = 0; r < rows; ++r)
        if (!finite_number(to[r * columns + r])) refuse_not_finite("cholesky");
      for (std::int64_t r = 0; r < rows; ++r) std::fill(to + r * columns + r + 1, to + (r + 1) * columns, T(0));
    });
    return c;
  }
  std::string task_name() const { return "cholesky"; }
  std::string task_subject(std::size_t task) const { return name_of_tile(task, tile); }
};

/// Tile (i, c) of X takes those above it.
struct substitution_order {
  static constexpr bool only_earlier = true;
  std::size_t rows = 0, columns = 0;
  intervals of(std::size_t task) const noexcept {
    intervals all;
    for (std::size_t at = task % columns; at < task; at += columns) all.add({at, at});
    return all;
  }
  intervals dependents(std::size_t task) const noexcept {
    intervals all;
    for (std::size_t at = task + columns; at < rows * columns; at += columns) all.add({at, at});
    return all;
  }
};
/// And row i of A's tiles, up to the diagonal.
struct triangle_rows {
  std::size_t rows = 0, columns = 0;
  intervals of(std::size_t task) const noexcept {
    const std::size_t i = task / columns;
    return interval{i * rows, i * rows + i};
  }
  intervals dependents(std::size_t tile) const noexcept {
    const std::size_t i = tile / rows, k = tile % rows;
    return k > i ? intervals() : interval{i * columns, (i + 1) * columns - 1};
  }
};

/// Where a diagonal element is so small that its reciprocal, which BLAS multiplies by, is none.
template <class T>
void divide_by_triangle(T* x, const T* triangle, std::int64_t n, std::int64_t width) {
  for (std::int64_t r = 0; r < n; ++r) {
    T* const own = x + r * width;
    for (std::int64_t c = 0; c < r; ++c)
      for (std::int64_t j = 0; j < width; ++j) own[j] -= triangle[r * n + c] * x[c * width + j];
    for (std::int64_t j = 0; j < width; ++j) own[j] /= triangle[r * n + r];
  }
}

struct substitute {
  std::size_t columns = 0;
  bool unit = false;
  block operator()(std::size_t task, values<block> above, values<block> a, values<block> b) const {
    demand_given(columns != 0, "no columns");
    const std::size_t i = task / columns;
    demand_given(b.size() == 1 && above.size() == i && a.size() == i + 1, "other tiles than it takes");
    demand_matrix(b[0]);
    block x = copy_of(b[0]);
    if (x.count() == 0) return x;
    with_inexact(x.of(), [&](auto zero) {
      using T = decltype(zero);
      for (std::size_t k = 0; k < i; ++k) subtract<T>(x, a[k], above[k]);
      const block& diagonal = a[i];
      demand_alike(diagonal, x);
      demand_matrix(diagonal, x.extents()[0], x.extents()[0]);
      const auto n = count_of(diagonal.extents()[0]), width = count_of(x.extents()[1]);
      const T* const triangle = diagonal.data<T>();
      bool reciprocals = true;
      for (std::int64_t r = 0; !unit && r < n; ++r) {
        const T d = triangle[r * n + r];
        if (d == T(0))
          throw std::domain_error("weft: a system of equations is singular: a diagonal element of its triangle is 0");
        reciprocals = reciprocals && std::abs(d) >= std::numeric_limits<blas::real<T>>::min();
      }
      if (reciprocals)
        blas::solve_triangular<T>(false, true, form::plain, unit, width, n, T(1), triangle, n, x.template data<T>(),
                                  width);
      else
        divide_by_triangle(x.template data<T>(), triangle, n, width);
    });
    return x;
  }
  std::string task_name() const { return "solve-triangular"; }
  std::string task_subject(std::size_t task) const {
    return columns == 0 ? std::string() : name_of_chunk(task, {0, 0}, {task / columns + 1, columns});
  }
};

/// Both axes from the end: an upper triangle is a lower one then.
array_ref turned_round(array_ref x, bool both) {
  x = flip_view(std::move(x), 0);
  return both ? flip_view(std::move(x), 1) : x;
}

}  // namespace

cut tiles_of(const grid& g) noexcept {
  const cut& rows = g.axes[0];
  const bool of_one_size = rows.chunk == rows.lead && !rows.table;
  if (rows == g.axes[1] && of_one_size && rows.chunk >= 64 && rows.chunk <= 2048) return rows;
  if (rows == g.axes[1] && rows.count() == 1 && rows.extent <= 2048) return rows;
  return chunks_of(rows.extent, std::clamp<std::int64_t>(std::min(rows.chunk, g.axes[1].chunk), 64, 1024));
}

array_ref factor_cholesky(array_ref x) {
  need_square("cholesky", *x);
  const cut tile = tiles_of(x->chunks);
  const grid chunks = grid_of_axes({tile, tile});
  const auto n = static_cast<std::size_t>(tile.count());
  const client c = x->owner;
  const element e = x->of;
  return make_layered(
      c, e, chunks, {in_chunks(std::move(x), chunks)}, recipe(n * n, [=](std::span<const layer<block>> in) {
        return layer_over_time(n * n, cholesky_tile{tile}, cholesky_order{n}, from(in[0], one_to_one{}));
      }));
}

array_ref solve_triangle(array_ref a, array_ref b, bool lower, bool unit) {
  need_system("solve_triangular", *a, *b);
  if (b->chunks.rank == 1)
    return squeeze_view(solve_triangle(std::move(a), expand_view(std::move(b), 1), lower, unit), 1);
  if (!lower)
    return turned_round(
        solve_triangle(turned_round(std::move(a), true), turned_round(std::move(b), false), true, unit), false);
  const cut tile = tiles_of(a->chunks);
  const grid chunks = grid_of_axes({tile, b->chunks.axes[1]});
  const std::size_t rows = static_cast<std::size_t>(tile.count()), n = chunks.tasks(), columns = n / rows;
  const client c = a->owner;
  const element e = a->of;
  std::vector<array_ref> operands{in_chunks(std::move(a), grid_of_axes({tile, tile})),
                                  in_chunks(std::move(b), chunks)};
  return make_layered(c, e, chunks, std::move(operands), recipe(n, [=](std::span<const layer<block>> in) {
                        return layer_over_time(n, substitute{columns, unit}, substitution_order{rows, columns},
                                               from(in[0], triangle_rows{rows, columns}), from(in[1], one_to_one{}));
                      }));
}

array_ref solve_positive(array_ref a, array_ref b) {
  need_system("solve", *a, *b);
  if (b->chunks.rank == 1) return squeeze_view(solve_positive(std::move(a), expand_view(std::move(b), 1)), 1);
  const array_ref l = factor_cholesky(std::move(a));
  // L^H x = y is L' conj(x) = conj(y): b is small beside L, and is conjugated in its place.
  array_ref y = conjugated(solve_triangle(l, std::move(b), true, false));
  return conjugated(solve_triangle(transposed(l), std::move(y), false, false));
}

}  // namespace weft::detail::arrays
