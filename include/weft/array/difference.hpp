#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "weft/array/functions.hpp"
#include "weft/array/index.hpp"
#include "weft/array/join.hpp"
#include "weft/array/reshape.hpp"
#include "weft/errors.hpp"

/// Differences between neighbours. They are expressions of views, so that nothing is copied before it is computed.
namespace weft {

namespace detail::arrays {

/// A part of an array along an axis.
template <class X>
auto part_along(const X& x, std::size_t axis, const slice& part) {
  return array<typename X::value_type, X::rank>(along_view(x.node(), axis, item_of(part)));
}
/// What a difference is, of bools whether they differ.
struct step_between {
  template <class T>
  constexpr T operator()(T next, T own) const {
    if constexpr (std::is_same_v<T, bool>)
      return next != own;
    else
      return subtract{}(next, own);
  }
};
[[noreturn]] void throw_differences(std::int64_t order);
[[noreturn]] void throw_gradient(const grid& g, std::size_t axis, std::int64_t least);

}  // namespace detail::arrays

/// The differences between neighbours along an axis, x[1] - x[0] and so on, one fewer than there are elements;
/// `order` times one after the other. Integers wrap. Throws misuse for an order below 0.
template <array_like X>
auto diff(const X& x, std::int64_t axis = -1, std::int64_t order = 1) {
  using namespace detail::arrays;
  const std::size_t a = checked_axis(axis, x.chunks());
  if (order < 0) throw_differences(order);
  array<typename X::value_type, X::rank> d(x.node());
  for (; order > 0; --order)
    d = detail::arrays::apply_to(step_between{}, part_along(d, a, slice(1)), part_along(d, a, slice(none, -1)));
  return d;
}
/// Of all elements, row-major.
template <array_like X>
auto ediff1d(const X& x) {
  return diff(ravel(x), 0);
}
/// The slope along an axis, whose elements are `distance` from each other: within, half the difference between the
/// neighbours on both sides (an error of second order), and at the ends that to the neighbour; with `edge_order` 2
/// the ends are of second order too. Throws misuse for lines of less than edge_order + 1 elements.
template <array_like X>
auto gradient(const X& x, std::int64_t axis, double distance = 1, int edge_order = 1) {
  using namespace detail::arrays;
  using T = real_t<typename X::value_type>;
  const std::size_t a = checked_axis(axis, x.chunks());
  const std::int64_t n = x.chunks().axes[a].extent;
  if (edge_order < 1 || edge_order > 2) throw_creation("a gradient's edges of order 1 or 2");
  if (n < edge_order + 1) throw_gradient(x.chunks(), a, edge_order + 1);
  using result = array<T, X::rank>;
  const result values(astype<T>(x));
  const auto at = [&](std::int64_t first, std::int64_t last) { return part_along(values, a, slice(first, last)); };
  const result within = (at(2, none) - at(none, -2)) / (2 * distance);
  const auto end = [&](std::int64_t i, double towards) {  // i is 0, or the last one; its neighbours lie `towards` it
    const auto neighbour = [&](int steps) {
      const std::int64_t k = towards > 0 ? i + steps : i - steps;
      return at(k, k + 1);
    };
    if (edge_order == 1) return result((neighbour(1) - neighbour(0)) / (towards * distance));
    return result((neighbour(1) * 4.0 - neighbour(0) * 3.0 - neighbour(2)) / (2 * towards * distance));
  };
  return concatenate(static_cast<std::int64_t>(a), end(0, 1), within, end(n - 1, -1));
}

}  // namespace weft
