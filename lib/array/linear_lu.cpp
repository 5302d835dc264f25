// LU with partial pivoting, by columns of tiles: pivots are chosen among all rows, as LAPACK chooses them.
//
// Step k factors column k from its diagonal on, and each column right of it then takes part in the interchanges and
// is reduced: Golub and Van Loan, "Matrix computations", 4th ed., section 3.2.11. Columns are kept column by column,
// each with a further element at its end for its pivot.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "array/blas.hpp"
#include "array/column_steps.hpp"
#include "array/linear.hpp"

namespace weft::detail::arrays {

namespace {

using blas::form;

/// Task j takes those after it.
struct later {
  std::size_t n = 0;
  intervals of(std::size_t j) const noexcept { return j + 1 < n ? interval{j + 1, n - 1} : intervals(); }
  intervals dependents(std::size_t i) const noexcept { return i != 0 ? interval{0, i - 1} : intervals(); }
};

/// Of the `rows` rows of a column some change places as column k's pivots say, from row `first` on.
template <class T, class P>
void interchange(T* column, std::int64_t rows, std::int64_t first, const P* pivots, std::int64_t count,
                 std::int64_t pivot_step) {
  demand_given(first >= 0 && first <= rows && count <= rows - first, "more pivots than rows");
  for (std::int64_t r = 0; r < count; ++r) {
    const auto at = std::real(pivots[r * pivot_step]);
    demand_given(at >= 0 && at < static_cast<decltype(at)>(rows), "the pivot of a row that there is not");
    std::swap(column[first + r], column[static_cast<std::int64_t>(at)]);
  }
}
/// An array of int64, as pivots are.
void check_pivots(const block& p) {
  demand_given(p.of().type == dtype::i64 && p.extents().size() == 1, "pivots that are none");
}

struct lu_column {
  cut tile;
  std::string what;  // whom errors name
  block operator()(std::size_t task, values<block> own, values<block> a) const {
    demand_cut(tile);
    const auto n = static_cast<std::size_t>(tile.count());
    const std::size_t k = task / n, j = task % n;
    demand_given(k < n && own.size() + a.size() == (j == k ? 1u : 2u) && a.size() == (k == 0 ? 1u : 0u),
                 "other columns than it takes");
    const block& before = k == 0 ? a[0] : own[0];
    const std::int64_t rows = tile.extent, lead = rows + 1;
    demand_given(before.extents().size() == 2 && before.extents()[1] >= rows, "a column of fewer rows");
    const std::int64_t width = before.extents()[0];
    block column(before.of(), {width, lead});
    with_inexact(before.of(), [&](auto zero) {
      using T = decltype(zero);
      if (k == 0) demand_finite<T>(what.c_str(), before);
      T* const to = column.template data<T>();
      const std::int64_t own_lead = before.extents()[1];
      for (std::int64_t c = 0; c < width; ++c) {
        std::copy_n(before.data<T>() + c * own_lead, rows, to + c * lead);
        to[c * lead + rows] = T(0);
      }
      const std::int64_t first = tile.first(static_cast<std::int64_t>(k));
      if (j != k)
        reduce<T>(to, own[k == 0 ? 0 : 1], first, rows, width);
      else if (!factor<T>(to, first, rows, width)) {
        for (std::int64_t c = 0; c < width; ++c) std::copy_n(before.data<T>() + c * own_lead, rows, to + c * lead);
        factor_by_quotients<T>(to, first, rows, width);
      }
    });
    return column;
  }
  std::string task_name() const { return "lu-column"; }
  std::string task_subject(std::size_t task) const { return name_of_tile(task, tile); }

 private:
  /// False where a pivot is so small that its reciprocal, which BLAS multiplies by, is none.
  template <class T>
  static bool factor(T* to, std::int64_t first, std::int64_t rows, std::int64_t width) {
    std::vector<blas::index> pivots(static_cast<std::size_t>(width));
    if (width == 0) return true;
    const auto lead = static_cast<blas::index>(rows + 1);
    blas::factor_lu<T>(static_cast<blas::index>(rows - first), static_cast<blas::index>(width), to + first, lead,
                       pivots.data());
    for (std::int64_t c = 0; c < width; ++c)
      to[c * (rows + 1) + rows] = static_cast<blas::real<T>>(first + pivots[static_cast<std::size_t>(c)] - 1);
    for (std::int64_t c = 0; c < width; ++c) {
      const T pivot = to[c * lead + first + c];
      if (pivot != T(0) && size_of(pivot) < std::numeric_limits<blas::real<T>>::min()) return false;
    }
    return true;
  }
  /// As LAPACK's izamax has it.
  template <class T>
  static blas::real<T> size_of(T x) {
    return std::abs(std::real(x)) + std::abs(std::imag(x));
  }
  /// The same, element by element: Golub and Van Loan, algorithm 3.4.1. What is divided is no larger than the pivot.
  template <class T>
  static void factor_by_quotients(T* to, std::int64_t first, std::int64_t rows, std::int64_t width) {
    const std::int64_t lead = rows + 1;
    for (std::int64_t c = 0; c < width; ++c) {
      T* const own = to + c * lead;
      const std::int64_t top = first + c;
      std::int64_t pivot = top;
      for (std::int64_t r = top + 1; r < rows; ++r)
        if (size_of(own[r]) > size_of(own[pivot])) pivot = r;
      own[rows] = static_cast<blas::real<T>>(pivot);
      if (pivot != top)
        for (std::int64_t d = 0; d < width; ++d) std::swap(to[d * lead + top], to[d * lead + pivot]);
      if (own[top] == T(0)) continue;
      for (std::int64_t r = top + 1; r < rows; ++r) own[r] /= own[top];
      for (std::int64_t d = c + 1; d < width; ++d)
        for (std::int64_t r = top + 1; r < rows; ++r) to[d * lead + r] -= own[r] * to[d * lead + top];
    }
  }
  template <class T>
  static void reduce(T* to, const block& panel, std::int64_t first, std::int64_t rows, std::int64_t width) {
    const std::int64_t lead = rows + 1, depth = panel.extents()[0], below = rows - first - depth;
    demand_given(panel.of().item == sizeof(T), "a panel of other elements");
    demand_matrix(panel, depth, lead);
    demand_given(below >= 0, "a panel of more columns than it has");
    const T* const l = panel.data<T>();
    for (std::int64_t c = 0; c < width; ++c) interchange(to + c * lead, rows, first, l + rows, depth, lead);
    const auto ld = static_cast<blas::index>(lead), m = static_cast<blas::index>(depth),
               n = static_cast<blas::index>(width);
    blas::solve_triangular<T>(true, false, form::plain, true, m, n, T(1), l + first, ld, to + first, ld);
    if (below > 0)
      blas::multiply<T>(form::plain, form::plain, static_cast<blas::index>(below), n, m, T(-1), l + first + depth, ld,
                        to + first, ld, T(1), to + first + depth, ld);
  }
};

/// The rows that column k's rows changed places with.
struct lu_pivots {
  block operator()(std::size_t, const block& column) const {
    demand_given(column.extents().size() == 2 && column.extents()[1] >= 1, "a column that is none");
    const std::int64_t width = column.extents()[0], lead = column.extents()[1];
    block pivots(element_of<std::int64_t>, weft::shape(width));
    with_inexact(column.of(), [&](auto zero) {
      using T = decltype(zero);
      for (std::int64_t c = 0; c < width; ++c)
        pivots.data<std::int64_t>()[c] = static_cast<std::int64_t>(std::real(column.data<T>()[c * lead + lead - 1]));
    });
    return pivots;
  }
  std::string task_name() const { return "lu-pivots"; }
  std::string task_subject(std::size_t) const { return {}; }
};

/// A factored column takes part in later interchanges, and its pivots go.
struct lu_result {
  cut tile;
  block operator()(std::size_t j, values<block> columns, values<block> pivots) const {
    demand_cut(tile);
    demand_given(columns.size() == 1 && columns[0].extents().size() == 2 && columns[0].extents()[1] >= 1,
                 "a column that is none");
    demand_given(j < (std::size_t{1} << 32) && static_cast<std::int64_t>(j + pivots.size()) < tile.count(),
                 "more pivots than there are columns");
    for (const block& p : pivots) check_pivots(p);
    const block& column = columns[0];
    const std::int64_t width = column.extents()[0], lead = column.extents()[1], rows = lead - 1;
    block result(column.of(), {width, rows});
    with_inexact(column.of(), [&](auto zero) {
      using T = decltype(zero);
      for (std::int64_t c = 0; c < width; ++c) {
        T* const to = result.template data<T>() + c * rows;
        std::copy_n(column.data<T>() + c * lead, rows, to);
        for (std::size_t p = 0; p < pivots.size(); ++p)
          interchange(to, rows, tile.first(static_cast<std::int64_t>(j + 1 + p)), pivots[p].data<std::int64_t>(),
                      pivots[p].extents()[0], 1);
      }
    });
    return result;
  }
  std::string task_name() const { return "lu"; }
  std::string task_subject(std::size_t j) const { return "chunk (0, " + std::to_string(j) + ")"; }
};

struct permutation {
  std::int64_t rows = 0;
  block operator()(std::size_t, values<block> pivots) const {
    demand_given(rows >= 0, "a number of rows that is none");
    block all(element_of<std::int64_t>, weft::shape(rows));
    auto* const to = all.data<std::int64_t>();
    std::iota(to, to + rows, 0);
    std::int64_t first = 0;
    for (const block& p : pivots) {
      check_pivots(p);
      interchange(to, rows, first, p.data<std::int64_t>(), p.extents()[0], 1);
      first += p.extents()[0];
    }
    return all;
  }
  std::string task_name() const { return "lu-order"; }
  std::string task_subject(std::size_t) const { return {}; }
};

/// Rows of a column of b in the order of the permutation.
struct permute_rows {
  block operator()(std::size_t, values<block> b, values<block> order) const {
    demand_given(b.size() == 1 && b[0].extents().size() == 2, "a column that is none");
    demand_given(order.size() == 1, "no permutation");
    check_pivots(order[0]);
    const block& from = b[0];
    const std::int64_t rows = from.extents()[0];
    demand_given(static_cast<std::int64_t>(order[0].count()) == rows, "a permutation of other rows");
    block to(from.of(), from.extents());
    const std::size_t row = static_cast<std::size_t>(from.extents()[1]) * from.of().item;
    const auto* at = order[0].data<std::int64_t>();
    for (std::size_t r = 0; r < order[0].count() && row != 0; ++r) {
      demand_given(at[r] >= 0 && at[r] < rows, "a permutation of other rows");
      std::memcpy(to.bytes().data() + r * row, from.bytes().data() + static_cast<std::size_t>(at[r]) * row, row);
    }
    return to;
  }
  std::string task_name() const { return "permute-rows"; }
  std::string task_subject(std::size_t j) const { return "chunk (0, " + std::to_string(j) + ")"; }
};

}  // namespace

array_ref lu_steps(const char* what, array_ref x, const cut& tile) {
  const auto n = static_cast<std::size_t>(tile.count());
  const client c = x->owner;
  const element e = x->of;
  array_ref columns = in_chunks(transposed(std::move(x)), grid_of_axes({tile, one_chunk(tile.extent)}));
  return make_layered(
      c, e, values_only(n * n), {std::move(columns)}, recipe(n * (n + 1) / 2, [=](std::span<const layer<block>> in) {
        return layer_over_time(n * n, lu_column{tile, what}, column_order{n, n}, from(in[0], first_step{n}));
      }));
}

namespace {

lu_parts factor_lu(const char* what, array_ref x) {
  need_square(what, *x);
  const cut tile = tiles_of(x->chunks);
  const auto n = static_cast<std::size_t>(tile.count());
  if (real_element(x->of).type == dtype::f32 && tile.extent > (std::int64_t{1} << 24))
    throw misuse("weft: " + std::string(what) + " of an array of shape " + shape_text(*x) +
                 " of floats: give doubles");
  const client c = x->owner;
  const element e = x->of;
  const array_ref steps = lu_steps(what, std::move(x), tile);
  const array_ref pivots = make_layered(
      c, element_of<std::int64_t>, grid_of_axes({tile}), {steps},
      recipe(n, [=](std::span<const layer<block>> in) { return layer_of(n, lu_pivots{}, in[0], factored{n}); }));
  const array_ref packed =
      make_layered(c, e, grid_of_axes({tile, one_chunk(tile.extent)}), {steps, pivots},
                   recipe(n, [=](std::span<const layer<block>> in) {
                     return layer_of(n, lu_result{tile}, from(in[0], factored{n}), from(in[1], later{n}));
                   }));
  lu_parts found;
  found.packed = transposed(packed);
  found.permutation = make_layered(c, element_of<std::int64_t>, grid_of_axes({one_chunk(tile.extent)}), {pivots},
                                   recipe(1, [rows = tile.extent](std::span<const layer<block>> in) {
                                     return layer_of(1, permutation{rows}, in[0], every{});
                                   }));
  return found;
}

array_ref solve_square(const char* what, array_ref a, array_ref b) {
  need_system(what, *a, *b);
  if (b->chunks.rank == 1) return squeeze_view(solve_square(what, std::move(a), expand_view(std::move(b), 1)), 1);
  const lu_parts lu = factor_lu(what, std::move(a));
  const client c = b->owner;
  const element e = b->of;
  const grid chunks = grid_of_axes({one_chunk(b->chunks.axes[0].extent), b->chunks.axes[1]});
  const std::size_t n = chunks.tasks();
  const array_ref ordered =
      make_layered(c, e, chunks, {in_chunks(std::move(b), chunks), lu.permutation},
                   recipe(n, [=](std::span<const layer<block>> in) {
                     return layer_of(n, permute_rows{}, from(in[0], one_to_one{}), from(in[1], every{}));
                   }));
  return solve_triangle(lu.packed, solve_triangle(lu.packed, ordered, true, true), false, false);
}

}  // namespace

lu_parts factor_lu(array_ref x) { return factor_lu("lu", std::move(x)); }
array_ref solve_square(array_ref a, array_ref b) { return solve_square("solve", std::move(a), std::move(b)); }

array_ref invert(const char* what, array_ref a) {
  need_square(what, *a);
  array_ref one = identity_of(a->owner, a->chunks, a->of);
  return solve_square(what, std::move(a), std::move(one));
}
array_ref invert(array_ref a) { return invert("inv", std::move(a)); }

}  // namespace weft::detail::arrays
