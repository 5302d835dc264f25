#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <type_traits>
#include <utility>

#include "weft/array/create.hpp"
#include "weft/array/functions.hpp"
#include "weft/array/pad.hpp"
#include "weft/array/reshape.hpp"
#include "weft/array/views.hpp"

/// Diagonals, triangles and grids. What is made of indices takes no memory until it is computed, and none where it
/// becomes part of other tasks. They throw misuse for extents and axes that do not fit.
namespace weft {

namespace detail::arrays {

/// Whether an element is on a diagonal, or not above it: `offset` columns from the first.
struct on_diagonal {
  std::int64_t offset = 0;
  constexpr bool operator()(std::int64_t row, std::int64_t column) const { return column - row == offset; }
};
struct below_diagonal {
  std::int64_t offset = 0;
  constexpr bool operator()(std::int64_t row, std::int64_t column) const { return column - row <= offset; }
};
/// Of each element of chunks, whose last two axes are rows and columns.
template <std::size_t N, class Op>
auto of_places(const client& c, const grid& chunks, const Op& op) {
  if (chunks.rank < 2) throw_axes("a triangle", "two axes or more", chunks);
  return arrays::apply_to(op, index_array<N>(c, chunks, chunks.rank - 2), index_array<N>(c, chunks, chunks.rank - 1));
}

}  // namespace detail::arrays

/// Ones on a diagonal, which begins `offset` columns from the first (rows, where it is negative), and zeros.
template <class T>
array<T, 2> eye(const client& c, std::int64_t rows, std::int64_t columns, std::int64_t offset = 0,
                creation how = {}) {
  using namespace detail::arrays;
  return astype<T>(of_places<2>(c, grid_for<T>({rows, columns}, how), on_diagonal{offset}));
}
template <class T>
array<T, 2> eye(const client& c, std::int64_t n) {
  return eye<T>(c, n, n);
}
/// Ones on that diagonal and below it.
template <class T>
array<T, 2> tri(const client& c, std::int64_t rows, std::int64_t columns, std::int64_t offset = 0,
                creation how = {}) {
  using namespace detail::arrays;
  return astype<T>(of_places<2>(c, grid_for<T>({rows, columns}, how), below_diagonal{offset}));
}
/// x with zeros above a diagonal of its last two axes, or below it.
template <array_like X>
auto tril(const X& x, std::int64_t offset = 0) {
  using namespace detail::arrays;
  return weft::where(of_places<X::rank>(x.owner(), x.grid(), below_diagonal{offset}), x, typename X::value_type(0));
}
template <array_like X>
auto triu(const X& x, std::int64_t offset = 0) {
  using namespace detail::arrays;
  return weft::where(of_places<X::rank>(x.owner(), x.grid(), below_diagonal{offset - 1}), typename X::value_type(0),
                     x);
}
/// The diagonal of axes 0 and 1, as the last axis: a view, which costs nothing. Its sum is the trace.
template <array_like X>
auto diagonal(const X& x, std::int64_t offset = 0) {
  constexpr std::size_t n = X::rank == dynamic_rank || X::rank < 2 ? dynamic_rank : X::rank - 1;
  return array<typename X::value_type, n>(detail::arrays::diagonal_view(x.node(), offset));
}
/// That of two axes named: `diagonal(x, 0, 1, 2)`. The other axes come first, in their order.
template <array_like X>
auto diagonal(const X& x, std::int64_t offset, std::int64_t axis1, std::int64_t axis2) {
  return diagonal(moveaxis(x, axes(axis1, axis2), axes(0, 1)), offset);
}
/// The square matrix that has x, of one axis, as a diagonal, and zeros beside it. In chunks as x is cut, along both
/// axes, or where these would have more than 8 MiB, in smaller ones.
template <array_like X>
auto diag(const X& x, std::int64_t offset = 0) {
  using namespace detail::arrays;
  using T = typename X::value_type;
  constexpr bool one_axis = X::rank == 1 || X::rank == dynamic_rank;
  static_assert(one_axis, "weft: diag makes a matrix of a vector; of a matrix there is diagonal");
  const array<T, 1> values(x.node());
  const std::int64_t k = offset < 0 ? -offset : offset;
  const array<T, 1> all = k == 0 ? values : array<T, 1>(pad(values, {{0, k}}));
  const cut own = all.grid().axes[0];
  const grid chunks = within({2, {own, own}}, creation{}.bytes, sizeof(T));
  const auto elements =
      offset < 0 ? array<T, 2>(expand_dims(all, 0)) : array<T, 2>(expand_dims(all, 1));  // by columns, or by rows
  return array<T, 2>(weft::where(of_places<2>(x.owner(), chunks, on_diagonal{offset}), elements, T(0)));
}
/// The array turned by k quarters, from axis 0 towards axis 1: a view.
template <array_like X>
auto rot90(const X& x, int k = 1) {
  using A = array<typename X::value_type, X::rank>;
  const auto swapped = [](const A& a) {
    std::int64_t order[most_axes] = {1, 0};
    const std::size_t n = a.grid().rank;
    for (std::size_t i = 2; i < n; ++i) order[i] = static_cast<std::int64_t>(i);
    return A(detail::arrays::transpose_view(a.node(), {order, n}));
  };
  const A whole(x.node());
  if (whole.grid().rank < 2) detail::arrays::throw_axes("rot90", "two axes or more", whole.grid());
  switch (((k % 4) + 4) % 4) {
    case 1:
      return flip(swapped(whole), 0);
    case 2:
      return flip(flip(whole, 0), 1);
    case 3:
      return swapped(flip(whole, 0));
    default:
      return whole;
  }
}

/// From the first of two axes named towards the second: `rot90(x, 1, axes(1, 2))`.
template <array_like X>
auto rot90(const X& x, int k, const axes<2>& plane) {
  return moveaxis(rot90(moveaxis(x, plane, axes(0, 1)), k), axes(0, 1), plane);
}

/// Which axis of a grid is the first array's: `xy`, as in pictures, has it as axis 1 and the second array's as axis
/// 0.
enum class indexing : std::uint8_t { xy, ij };
/// The coordinates of a grid, of which x are the coordinates along each axis: `auto [a, b] = meshgrid(x, y);`. Views,
/// which cost nothing, all in the same chunks: as x are cut, or where these would have more than 8 MiB, in smaller
/// ones.
template <array_like... X>
auto meshgrid(indexing how, const X&... x) {
  constexpr bool one_axis = ((X::rank == 1 || X::rank == dynamic_rank) && ...);
  static_assert(one_axis, "weft: meshgrid takes arrays of one axis");
  constexpr std::size_t n = sizeof...(X);
  const std::array<detail::arrays::array_ref, n> all{array<typename X::value_type, 1>(x.node()).node()...};
  const auto axis_of = [&](std::size_t i) { return how == indexing::xy && n > 1 && i < 2 ? 1 - i : i; };
  detail::arrays::grid own;
  own.rank = n;
  for (std::size_t i = 0; i < n; ++i) own.axes[axis_of(i)] = detail::arrays::grid_of(*all[i]).axes[0];
  const detail::arrays::grid whole =
      detail::arrays::within(own, creation{}.bytes, std::max({sizeof(typename X::value_type)...}));
  const auto one = [&](std::size_t i) {
    detail::arrays::array_ref y = all[i];
    for (std::size_t a = axis_of(i) + 1; a < n; ++a) y = detail::arrays::expand_view(std::move(y), -1);
    return detail::arrays::broadcast_view(std::move(y), whole);
  };
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return std::tuple<array<typename X::value_type, n>...>(array<typename X::value_type, n>(one(I))...);
  }(std::make_index_sequence<n>{});
}
template <array_like... X>
auto meshgrid(const X&... x) {
  return meshgrid(indexing::xy, x...);
}

}  // namespace weft
