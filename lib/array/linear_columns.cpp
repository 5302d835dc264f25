// The QR factorisation of matrices that are not tall, by columns of tiles: Golub and Van Loan, "Matrix computations",
// 4th ed., section 5.2.3. Step k factors column k from its diagonal on, by Householder's reflectors, and each column
// right of it is then multiplied by them. Q is made column by column too: column j of the identity, multiplied by the
// reflectors of columns j, j - 1, ..., 0; those after j leave it as it is.
//
// Columns are kept column by column, as LAPACK has them, each with a further element at its end: the factor of its
// reflector.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "array/blas.hpp"
#include "array/column_steps.hpp"
#include "array/linear.hpp"

namespace weft::detail::arrays {

namespace {

using blas::count_of;

/// Multiplies `width` columns of `rows` elements, `lead` apart, by the reflectors of a factored column, which begin
/// at row `first`: by Q^H, or by Q.
template <class T>
void reflect(bool adjoint, const block& panel, std::int64_t first, T* to, std::int64_t rows, std::int64_t width,
             std::int64_t lead) {
  demand_given(panel.of().item == sizeof(T), "a column of other elements");
  demand_given(panel.extents().size() == 2 && panel.extents()[1] == rows + 1 && first >= 0 && first <= rows,
               "a factored column of other rows");
  const std::int64_t own_lead = rows + 1, count = std::min(panel.extents()[0], rows - first);
  if (count == 0 || width == 0) return;
  const T* const a = panel.data<T>();
  std::vector<T> tau(static_cast<std::size_t>(count));
  for (std::int64_t c = 0; c < count; ++c) tau[static_cast<std::size_t>(c)] = a[c * own_lead + rows];
  blas::multiply_q_by<T>(adjoint, count_of(rows - first), count_of(width), count_of(count), a + first,
                         count_of(own_lead), tau.data(), to + first, count_of(lead));
}

struct qr_column {
  cut tile;
  std::int64_t rows = 0;
  std::string what;  // whom errors name
  block operator()(std::size_t task, values<block> own, values<block> a) const {
    demand_cut(tile);
    demand_given(rows >= 0 && tile.lead == tile.chunk, "a matrix that is none");
    const auto n = static_cast<std::size_t>(tile.count());
    const std::size_t k = task / n, j = task % n;
    demand_given(k < n && own.size() + a.size() == (j == k ? 1u : 2u) && a.size() == (k == 0 ? 1u : 0u),
                 "other columns than it takes");
    const block& before = k == 0 ? a[0] : own[0];
    const std::int64_t lead = rows + 1, first = tile.first(static_cast<std::int64_t>(k));
    demand_given(before.extents().size() == 2 && before.extents()[1] == (k == 0 ? rows : lead) && first <= rows,
                 "a column of other rows");
    const std::int64_t width = before.extents()[0];
    block column(before.of(), {width, lead});
    with_inexact(before.of(), [&](auto zero) {
      using T = decltype(zero);
      if (k == 0) demand_finite<T>(what.c_str(), before);
      T* const to = column.template data<T>();
      for (std::int64_t c = 0; c < width; ++c) {
        std::copy_n(before.data<T>() + c * before.extents()[1], rows, to + c * lead);
        to[c * lead + rows] = T(0);
      }
      if (j == k)
        factor<T>(to, first, width);
      else
        reflect<T>(true, own[k == 0 ? 0 : 1], first, to, rows, width, lead);
    });
    return column;
  }
  std::string task_name() const { return "qr-column"; }
  std::string task_subject(std::size_t task) const { return name_of_tile(task, tile); }

 private:
  template <class T>
  void factor(T* to, std::int64_t first, std::int64_t width) const {
    const std::int64_t lead = rows + 1, count = std::min(width, rows - first);
    std::vector<T> tau(static_cast<std::size_t>(count));
    if (count == 0) return;
    blas::factor_qr<T>(count_of(rows - first), count_of(width), to + first, count_of(lead), tau.data());
    for (std::int64_t c = 0; c < count; ++c) to[c * lead + rows] = tau[static_cast<std::size_t>(c)];
  }
};

/// R of a column: what is on and above the diagonal, in its first `kept` rows.
struct qr_triangle {
  cut tile;
  std::int64_t kept = 0;
  block operator()(std::size_t j, const block& column) const {
    demand_cut(tile);
    demand_matrix(column);
    demand_given(static_cast<std::int64_t>(j) < tile.count() && kept >= 0 && column.extents()[1] > kept,
                 "a column of fewer rows");
    const std::int64_t width = column.extents()[0], lead = column.extents()[1];
    block r(column.of(), {width, kept});
    with_inexact(column.of(), [&](auto zero) {
      using T = decltype(zero);
      for (std::int64_t c = 0; c < width; ++c) {
        const std::int64_t filled = std::min(kept, tile.first(static_cast<std::int64_t>(j)) + c + 1);
        T* const to = r.template data<T>() + c * kept;
        std::copy_n(column.data<T>() + c * lead, filled, to);
        std::fill(to + filled, to + kept, T(0));
      }
    });
    return r;
  }
  std::string task_name() const { return "qr-r"; }
  std::string task_subject(std::size_t j) const { return "chunk (0, " + std::to_string(j) + ")"; }
};

/// Column j of Q after the reflectors of column k; `before` is what those after k have made of it.
block column_of_q(const cut& across, std::int64_t rows, std::size_t j, std::size_t k, values<block> before,
                  const block& panel) {
  demand_cut(across);
  demand_given(across.lead == across.chunk && rows >= across.extent && j < static_cast<std::size_t>(across.count()) &&
                   k <= j && before.size() == (k == j ? 0u : 1u),
               "other columns than it takes");
  const auto at = static_cast<std::int64_t>(j);
  const std::int64_t width = across.size(at);
  if (k != j) {
    demand_alike(before[0], panel);
    demand_matrix(before[0], width, rows);
  }
  block column(panel.of(), {width, rows});
  with_inexact(panel.of(), [&](auto zero) {
    using T = decltype(zero);
    T* const to = column.template data<T>();
    if (k == j) {
      std::fill_n(to, column.count(), T(0));
      for (std::int64_t c = 0; c < width; ++c) to[c * rows + across.first(at) + c] = T(1);
    } else {
      std::copy_n(before[0].data<T>(), column.count(), to);
    }
    reflect<T>(false, panel, across.first(static_cast<std::int64_t>(k)), to, rows, width, rows);
  });
  return column;
}

/// Task s * n + j, s < j, multiplies column j of Q by the reflectors of column j - s.
struct q_order {
  static constexpr bool only_earlier = true;
  std::size_t n = 0;
  intervals of(std::size_t task) const noexcept {
    const std::size_t s = task / n, j = task % n;
    return s != 0 && s < j ? interval{task - n, task - n} : intervals();
  }
  intervals dependents(std::size_t task) const noexcept {
    const std::size_t s = task / n, j = task % n;
    return s + 1 < j ? interval{task + n, task + n} : intervals();
  }
};
/// It takes that column as it was factored, among `columns`.
struct reflectors_of {
  std::size_t n = 0, columns = 0;
  intervals of(std::size_t task) const noexcept {
    const std::size_t s = task / n, j = task % n;
    if (s >= j) return {};
    const std::size_t k = j - s, panel = k * columns + k;
    return interval{panel, panel};
  }
  intervals dependents(std::size_t panel) const noexcept {
    const std::size_t k = panel / columns;
    intervals all;
    if (k == 0 || panel % columns != k) return all;
    for (std::size_t s = 0; k + s < n; ++s) all.add({s * n + k + s, s * n + k + s});
    return all;
  }
};
struct q_step {
  cut across;
  std::int64_t rows = 0;
  block operator()(std::size_t task, values<block> own, values<block> panel) const {
    demand_cut(across);
    const auto n = static_cast<std::size_t>(across.count());
    const std::size_t s = task / n, j = task % n;
    demand_given(s < j && panel.size() == 1, "other columns than it takes");
    return column_of_q(across, rows, j, j - s, own, panel[0]);
  }
  std::string task_name() const { return "qr-q"; }
  std::string task_subject(std::size_t task) const { return name_of_tile(task, across); }
};

/// The last step of column j takes the step before it.
struct step_before_last {
  std::size_t n = 0;
  intervals of(std::size_t j) const noexcept {
    return j == 0 ? intervals() : interval{(j - 1) * n + j, (j - 1) * n + j};
  }
  intervals dependents(std::size_t task) const noexcept {
    return task / n + 1 == task % n ? interval{task % n, task % n} : intervals();
  }
};
/// And the reflectors of column 0.
struct first_reflectors {
  static constexpr bool single = true;
  std::size_t n = 0;
  intervals of(std::size_t) const noexcept { return interval{0, 0}; }
  intervals dependents(std::size_t panel) const noexcept { return panel == 0 ? interval{0, n - 1} : intervals(); }
};
struct q_column {
  cut across;
  std::int64_t rows = 0;
  block operator()(std::size_t j, values<block> before, const block& panel) const {
    return column_of_q(across, rows, j, 0, before, panel);
  }
  std::string task_name() const { return "qr-q"; }
  std::string task_subject(std::size_t j) const { return "chunk (0, " + std::to_string(j) + ")"; }
};

/// Wide enough for matrix products to be fast, and narrow enough for several tasks at once, in memory too.
cut columns_of(const grid& g, std::size_t item) noexcept {
  constexpr std::int64_t most_bytes = std::int64_t{256} << 20;
  const std::int64_t column = std::max<std::int64_t>(g.axes[0].extent * static_cast<std::int64_t>(item), 1);
  const std::int64_t width = std::clamp<std::int64_t>(g.axes[1].chunk, 32, 512);
  return chunks_of(g.axes[1].extent, std::min(width, std::max<std::int64_t>(most_bytes / column, 1)));
}

}  // namespace

qr_parts factor_qr_by_columns(const char* what, array_ref x) {
  const std::int64_t rows = x->chunks.axes[0].extent, kept = std::min(rows, x->chunks.axes[1].extent);
  const cut tile = columns_of(x->chunks, x->of.item), across = chunks_of(kept, tile.chunk);
  const auto n = static_cast<std::size_t>(tile.count()), steps = static_cast<std::size_t>(across.count());
  const client c = x->owner;
  const element e = x->of;
  const array_ref columns = in_chunks(transposed(std::move(x)), grid_of_axes({tile, one_chunk(rows)}));
  const array_ref factors =
      make_layered(c, e, values_only(n * steps), {columns},
                   recipe(steps * n - steps * (steps - 1) / 2, [=](std::span<const layer<block>> in) {
                     return layer_over_time(n * steps, qr_column{tile, rows, what}, column_order{n, steps},
                                            from(in[0], first_step{n}));
                   }));
  const array_ref r = make_layered(c, e, grid_of_axes({tile, one_chunk(kept)}), {factors},
                                   recipe(n, [=](std::span<const layer<block>> in) {
                                     return layer_of(n, qr_triangle{tile, kept}, in[0], after_steps{n, steps});
                                   }));
  const array_ref begun = make_layered(c, e, values_only(steps * steps), {factors},
                                       recipe(steps * (steps - 1) / 2, [=](std::span<const layer<block>> in) {
                                         return layer_over_time(steps * steps, q_step{across, rows}, q_order{steps},
                                                                from(in[0], reflectors_of{steps, n}));
                                       }));
  const array_ref q =
      make_layered(c, e, grid_of_axes({across, one_chunk(rows)}), {begun, factors},
                   recipe(steps, [=](std::span<const layer<block>> in) {
                     return layer_of(steps, q_column{across, rows}, from(in[0], step_before_last{steps}),
                                     from(in[1], first_reflectors{steps}));
                   }));
  return {transposed(q), transposed(r)};
}

}  // namespace weft::detail::arrays
