#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <utility>
#include <vector>

#include "weft/array/array.hpp"
#include "weft/array/axes.hpp"
#include "weft/detail/array/arrangements.hpp"

/// Other arrangements of the same elements. They cost nothing, and copy nothing: what reads them reads the array, in
/// another order. They throw misuse for axes and extents that do not fit.
namespace weft {

/// The axes in reverse order, or in the order given: axis `order[i]` becomes axis i.
template <array_like X>
auto transpose(const X& x) {
  using A = array<typename X::value_type, X::rank>;
  std::array<std::int64_t, most_axes> order{};
  const std::size_t n = x.grid().rank;
  for (std::size_t a = 0; a < n; ++a) order[a] = static_cast<std::int64_t>(n - 1 - a);
  return A(detail::arrays::transpose_view(x.node(), {order.data(), n}));
}
template <array_like X, std::size_t K>
auto transpose(const X& x, const std::int64_t (&order)[K]) {
  constexpr bool all_axes = X::rank == dynamic_rank || X::rank == K;
  static_assert(all_axes, "weft: transpose takes one number for each axis");
  return array<typename X::value_type, X::rank>(detail::arrays::transpose_view(x.node(), order));
}
/// Axis `from` becomes axis `to`; the others stay in their order.
template <array_like X>
auto moveaxis(const X& x, std::int64_t from, std::int64_t to) {
  return array<typename X::value_type, X::rank>(detail::arrays::moved_view(x.node(), from, to));
}
/// Several at once: `moveaxis(x, axes(0, 1), axes(-1, 0))`, axis `from[i]` to `to[i]`.
template <array_like X, std::size_t K>
auto moveaxis(const X& x, const axes<K>& from, const axes<K>& to) {
  return array<typename X::value_type, X::rank>(detail::arrays::moved_view(x.node(), from.list, to.list));
}
/// With two axes in each other's place.
template <array_like X>
auto swapaxes(const X& x, std::int64_t first, std::int64_t second) {
  return array<typename X::value_type, X::rank>(detail::arrays::swapped_view(x.node(), first, second));
}
/// The elements along an axis in reverse order, or along several; without one, along all of them.
template <array_like X>
auto flip(const X& x, std::int64_t axis) {
  return array<typename X::value_type, X::rank>(detail::arrays::flip_view(x.node(), axis));
}
template <array_like X, std::size_t K>
auto flip(const X& x, const axes<K>& along) {
  return array<typename X::value_type, X::rank>(detail::arrays::flip_view(x.node(), along.list));
}
template <array_like X>
auto flip(const X& x) {
  return array<typename X::value_type, X::rank>(detail::arrays::flip_view(x.node()));
}
/// Rows in reverse order, and columns: along axis 0, and along axis 1.
template <array_like X>
auto flipud(const X& x) {
  return flip(x, 0);
}
template <array_like X>
auto fliplr(const X& x) {
  return flip(x, 1);
}
/// Axis `axis` comes to stand before axis `before`, which may be the number of axes, for the end. As moveaxis, which
/// says where it stands afterwards.
template <array_like X>
auto rollaxis(const X& x, std::int64_t axis, std::int64_t before = 0) {
  const detail::arrays::grid& g = x.grid();
  const auto from = static_cast<std::int64_t>(detail::arrays::checked_axis(axis, g));
  const auto to = static_cast<std::int64_t>(detail::arrays::checked_new_axis(before < 0 ? before - 1 : before, g));
  return moveaxis(x, from, from < to ? to - 1 : to);
}
/// As if elements stood along the new axes, and along those that have one, again and again.
template <std::size_t N = dynamic_rank, array_like X>
auto broadcast_to(const X& x, const weft::shape& to) {
  return array<typename X::value_type, N>(detail::arrays::broadcast_view(x.node(), to));
}
/// A new axis of one element, which is then axis `axis`.
template <array_like X>
auto expand_dims(const X& x, std::int64_t axis) {
  constexpr std::size_t n = X::rank == dynamic_rank ? dynamic_rank : X::rank + 1;
  return array<typename X::value_type, n>(detail::arrays::expand_view(x.node(), axis));
}
/// Several, by their places in the result: `expand_dims(x, axes(0, -1))`.
template <array_like X, std::size_t K>
auto expand_dims(const X& x, const axes<K>& added) {
  constexpr std::size_t n = X::rank == dynamic_rank ? dynamic_rank : X::rank + K;
  static_assert(n == dynamic_rank || n <= most_axes, "weft: an array has up to eight axes");
  return array<typename X::value_type, n>(detail::arrays::expand_view(x.node(), added.list));
}
namespace detail::arrays {

template <std::size_t Least, array_like X>
auto at_least(const X& x) {
  constexpr std::size_t n = X::rank == dynamic_rank ? X::rank : std::max(X::rank, Least);
  array_ref laid = x.node();
  for (std::size_t r = x.grid().rank; r < Least; ++r) laid = expand_view(std::move(laid), r == 2 ? 2 : 0);
  return array<typename X::value_type, n>(std::move(laid));
}

}  // namespace detail::arrays

/// With so many axes at least: a number as an array of one element, a vector of n as one of (1, n), or of (1, n, 1),
/// a matrix as one of (m, n, 1).
template <array_like X>
auto atleast_1d(const X& x) {
  return detail::arrays::at_least<1>(x);
}
template <array_like X>
auto atleast_2d(const X& x) {
  return detail::arrays::at_least<2>(x);
}
template <array_like X>
auto atleast_3d(const X& x) {
  return detail::arrays::at_least<3>(x);
}
/// Each of them in the shape that an expression of all has, and in its chunks: a std::tuple of views.
template <array_like... X>
  requires(sizeof...(X) > 0)
auto broadcast_arrays(const X&... x) {
  constexpr std::size_t n = std::max({X::rank...});
  const std::vector<detail::arrays::array_ref> all = detail::arrays::broadcast_views({x.node()...});
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return std::tuple<array<typename X::value_type, n>...>(array<typename X::value_type, n>(all[I])...);
  }(std::index_sequence_for<X...>{});
}
/// Without the axis, or the axes, which have one element each.
template <array_like X>
auto squeeze(const X& x, std::int64_t axis) {
  constexpr std::size_t n = X::rank == dynamic_rank || X::rank == 0 ? dynamic_rank : X::rank - 1;
  return array<typename X::value_type, n>(detail::arrays::squeeze_view(x.node(), axis));
}
template <array_like X, std::size_t K>
auto squeeze(const X& x, const axes<K>& gone) {
  constexpr std::size_t n = X::rank == dynamic_rank || X::rank < K ? dynamic_rank : X::rank - K;
  return array<typename X::value_type, n>(detail::arrays::squeeze_view(x.node(), gone.list));
}
/// Without all axes that have one element: `squeeze<2>(x)`, where it is known how many are left.
template <std::size_t N = dynamic_rank, array_like X>
auto squeeze(const X& x) {
  return array<typename X::value_type, N>(detail::arrays::squeeze_view(x.node()));
}

/// With the last two axes in each other's place.
template <array_like X>
auto matrix_transpose(const X& x) {
  return swapaxes(x, -2, -1);
}
/// Its parts along an axis, which they have not: as many views as it has elements.
template <array_like X>
auto unstack(const X& x, std::int64_t axis = 0) {
  constexpr std::size_t n = X::rank == dynamic_rank || X::rank == 0 ? dynamic_rank : X::rank - 1;
  std::vector<array<typename X::value_type, n>> all;
  for (detail::arrays::array_ref& y : detail::arrays::parts_along(x.node(), axis)) all.emplace_back(std::move(y));
  return all;
}

}  // namespace weft
