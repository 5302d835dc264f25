#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

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
  const std::size_t n = x.chunks().rank;
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
/// Without all axes that have one element.
template <array_like X>
auto squeeze(const X& x) {
  return array<typename X::value_type, dynamic_rank>(detail::arrays::squeeze_view(x.node()));
}

}  // namespace weft
