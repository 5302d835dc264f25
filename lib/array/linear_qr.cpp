// The QR factorisation of tall matrices, by a tree: Benson, Gleich and Demmel, "Direct QR factorizations for
// tall-and-skinny matrices in MapReduce architectures", IEEE BigData 2013, and Demmel, Grigori, Hoemmen and Langou,
// "Communication-optimal parallel and sequential QR and LU factorizations", SIAM J. Sci. Comput. 34 (2012).
//
// (Matrices that are not tall are factored by columns of tiles: linear_columns.cpp.)
//
// Up the tree each task factors what its children left, R under R; down the tree each gives its children the rows of
// Q's product that belong to them. Blocks are row by row, so LAPACK sees them transposed, and R' Q' is an LQ
// factorisation; of complex numbers too, since the transpose of a unitary matrix is one.
#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "array/blas.hpp"
#include "array/linear.hpp"
#include "array/tree_rows.hpp"

namespace weft::detail::arrays {

namespace {

constexpr std::size_t fan_in = tree_rows::fan_in;

/// A factored block: its rows, and below them tau.
template <class T>
void factor(block& packed) {
  const auto rows = static_cast<blas::index>(packed.extents()[0] - 1);
  const auto columns = static_cast<blas::index>(packed.extents()[1]);
  T* const a = packed.data<T>();
  T* const tau = a + static_cast<std::ptrdiff_t>(rows) * columns;
  std::fill_n(tau, columns, T(0));
  if (rows != 0 && columns != 0) blas::factor_lq<T>(columns, rows, a, columns, tau);
}

struct factor_chunk {
  std::string what;  // whom errors name
  block operator()(std::size_t, const block& a) const {
    demand_matrix(a);
    block packed(a.of(), {a.extents()[0] + 1, a.extents()[1]});
    std::memcpy(packed.bytes().data(), a.bytes().data(), a.bytes().size());
    with_inexact(a.of(), [&](auto x) {
      demand_finite<decltype(x)>(what.c_str(), a);
      factor<decltype(x)>(packed);
    });
    return packed;
  }
};

void check_packed(const block& packed) {
  demand_matrix(packed);
  demand_given(packed.extents()[0] >= 1, "a block that is no factor");
}
std::int64_t kept_rows(const block& packed) { return std::min(packed.extents()[0] - 1, packed.extents()[1]); }

/// R's rows: the upper triangle of the factored block.
template <class T>
T* take_r(const block& packed, T* to) {
  const std::int64_t columns = packed.extents()[1];
  for (std::int64_t i = 0; i < kept_rows(packed); ++i) {
    std::fill_n(to, i, T(0));
    std::copy_n(packed.data<T>() + i * columns + i, columns - i, to + i);
    to += columns;
  }
  return to;
}

struct factor_children {
  block operator()(std::size_t, values<block> parts) const {
    demand_given(!parts.empty(), "no factors");
    std::int64_t rows = 0;
    for (const block& p : parts) {
      check_packed(p);
      demand_alike(p, parts[0]);
      demand_given(p.extents()[1] == parts[0].extents()[1], "factors of unlike numbers of columns");
      rows += kept_rows(p);
    }
    block packed(parts[0].of(), {rows + 1, parts[0].extents()[1]});
    with_inexact(packed.of(), [&](auto x) {
      using T = decltype(x);
      T* to = packed.data<T>();
      for (const block& p : parts) to = take_r(p, to);
      factor<T>(packed);
    });
    return packed;
  }
};

struct take_root_r {
  block operator()(std::size_t, const block& root) const {
    check_packed(root);
    block r(root.of(), {kept_rows(root), root.extents()[1]});
    with_inexact(r.of(), [&](auto x) { take_r(root, r.data<decltype(x)>()); });
    return r;
  }
};

/// Rows of Q: the block's reflectors on `from`, of `k` columns, with zeros below.
template <class T>
block rows_of_q(const block& packed, const T* from, std::int64_t rows_from, std::int64_t k) {
  const std::int64_t rows = packed.extents()[0] - 1, columns = packed.extents()[1];
  block q(packed.of(), {rows, k});
  T* const to = q.data<T>();
  std::fill_n(std::copy_n(from, rows_from * k, to), (rows - rows_from) * k, T(0));
  const std::int64_t reflectors = kept_rows(packed);
  if (reflectors == 0 || k == 0) return q;
  const auto lead = static_cast<blas::index>(columns), width = static_cast<blas::index>(k);
  blas::multiply_by_q<T>(width, static_cast<blas::index>(rows), static_cast<blas::index>(reflectors),
                         packed.data<T>(), lead, packed.data<T>() + rows * columns, to, width);
  return q;
}

struct root_rows {
  block operator()(std::size_t, const block& root) const {
    check_packed(root);
    return with_inexact(root.of(), [&](auto x) {
      using T = decltype(x);
      const std::int64_t k = kept_rows(root);
      std::vector<T> one(static_cast<std::size_t>(k * k), T(0));
      for (std::int64_t i = 0; i < k; ++i) one[static_cast<std::size_t>(i * k + i)] = T(1);
      return rows_of_q<T>(root, one.data(), k, k);
    });
  }
};

struct child_rows {
  tree_rows tree;
  std::size_t level = 0;
  block operator()(std::size_t j, const block& packed, const block& parent) const {
    check_packed(packed);
    demand_matrix(parent);
    demand_alike(packed, parent);
    const std::int64_t before = tree.before(level, j);
    const std::int64_t k = parent.extents()[1];
    demand_given(before >= 0 && before <= parent.extents()[0] && kept_rows(packed) <= parent.extents()[0] - before,
                 "fewer rows than it takes");
    return with_inexact(packed.of(), [&](auto x) {
      using T = decltype(x);
      return rows_of_q<T>(packed, parent.data<T>() + before * k, kept_rows(packed), k);
    });
  }
};

/// Task j takes the task of the level above that it is a child of.
struct parent {
  static constexpr bool single = true;
  std::size_t children = fan_in;
  intervals of(std::size_t j) const noexcept { return interval{j / children, j / children}; }
  intervals dependents(std::size_t i) const noexcept { return interval{i * children, i * children + children - 1}; }
  bool complete(std::size_t n, std::size_t m) const noexcept { return m != 0 && n == (m + children - 1) / children; }
};

array_ref node(const array_ref& like, const grid& chunks, std::vector<array_ref> operands, auto make) {
  return make_layered(like->owner, like->of, chunks, std::move(operands), recipe(chunks.tasks(), std::move(make)));
}

/// Whether a tree would have few tasks, or such as take too much: they have four times as many rows as columns.
bool by_columns(const grid& g, std::size_t item) noexcept {
  constexpr std::int64_t most_bytes = std::int64_t{512} << 20;
  const std::int64_t rows = g.axes[0].extent, columns = g.axes[1].extent;
  return rows != 0 && g.axes[1].count() > 1 &&
         (rows / 8 < columns || columns > most_bytes / (4 * static_cast<std::int64_t>(item)) / columns);
}

}  // namespace

qr_parts factor_qr(const char* what, array_ref x) {
  need_matrix(what, *x);
  if (by_columns(x->chunks, x->of.item)) return factor_qr_by_columns(what, std::move(x));
  const std::int64_t rows = x->chunks.axes[0].extent, columns = x->chunks.axes[1].extent;
  cut down = x->chunks.axes[0];
  // Chunks of few rows would make a tree of R's that are as large as they are; and tree_rows knows of one size alone.
  if (down.count() > 1 && (down.table || down.chunk < 2 * columns))
    down = chunks_of(rows, std::max(down.chunk, 4 * columns));
  const array_ref a = in_chunks(std::move(x), grid_of_axes({down, one_chunk(columns)}));
  const auto chunks = static_cast<std::size_t>(down.count());
  std::vector<array_ref> levels{node(a, values_only(chunks), {a}, [=](std::span<const layer<block>> in) {
    return layer_of(chunks, factor_chunk{what}, in[0], one_to_one{});
  })};
  for (std::size_t n = chunks; n > 1;) {
    n = (n + fan_in - 1) / fan_in;
    levels.push_back(node(a, values_only(n), {levels.back()}, [=](std::span<const layer<block>> in) {
      return layer_of(n, factor_children{}, in[0], blocks{fan_in});
    }));
  }
  const cut across = one_chunk(std::min(rows, columns));
  qr_parts found;
  found.r = node(a, grid_of_axes({across, one_chunk(columns)}), {levels.back()},
                 [](std::span<const layer<block>> in) { return layer_of(1, take_root_r{}, in[0], one_to_one{}); });
  const grid tall = grid_of_axes({down, across});
  found.q = node(a, levels.size() == 1 ? tall : values_only(1), {levels.back()},
                 [](std::span<const layer<block>> in) { return layer_of(1, root_rows{}, in[0], one_to_one{}); });
  const tree_rows tree{down, columns};
  for (std::size_t level = levels.size() - 1; level-- > 0;) {
    const std::size_t n = levels[level]->chunks.tasks();
    found.q =
        node(a, level == 0 ? tall : values_only(n), {levels[level], found.q}, [=](std::span<const layer<block>> in) {
          return layer_of(n, child_rows{tree, level}, from(in[0], one_to_one{}), from(in[1], parent{}));
        });
  }
  return found;
}

}  // namespace weft::detail::arrays
