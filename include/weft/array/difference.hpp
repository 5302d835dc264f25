#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "weft/array/axes.hpp"
#include "weft/array/create.hpp"
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
/// What may stand before an array or behind it along an axis: an array, a scalar, or std::nullopt, which is nothing.
template <class E>
concept end_argument = array_like<E> || array_scalar<E> || std::is_same_v<E, std::nullopt_t>;
[[noreturn]] void throw_no_element();
/// Those elements in an array's type: an array of that type or another, or a scalar, which is one cross-section.
template <class T, std::size_t N, class E>
array<T, N> end_of(const array<T, N>& x, std::size_t axis, const E& end) {
  if constexpr (array_like<E>) {
    return array<T, N>(elements_as<T>(end));
  } else {
    if constexpr (std::is_same_v<E, std::int64_t>)
      if (end == none) throw_no_element();
    weft::shape one = x.shape();
    one[axis] = 1;
    return full<T, N>(x.owner(), one, fitting<T>(end));
  }
}
template <class T, std::size_t N, class B, class A>
array<T, N> with_ends(const array<T, N>& x, std::size_t axis, const B& before, const A& behind) {
  std::vector<array<T, N>> all;
  if constexpr (!std::is_same_v<B, std::nullopt_t>) all.push_back(end_of(x, axis, before));
  all.push_back(x);
  if constexpr (!std::is_same_v<A, std::nullopt_t>) all.push_back(end_of(x, axis, behind));
  return concatenate(static_cast<std::int64_t>(axis), all);
}
[[noreturn]] void throw_differences(std::int64_t order);
[[noreturn]] void throw_gradient(const grid& g, std::size_t axis, std::int64_t least);
[[noreturn]] void throw_coordinates(const grid& places, std::size_t axis, const grid& g);

}  // namespace detail::arrays

/// The differences between neighbours along an axis, x[1] - x[0] and so on, one fewer than there are elements;
/// `order` times one after the other. Integers wrap. Throws misuse for an order below 0.
template <array_like X>
auto diff(const X& x, std::int64_t axis = -1, std::int64_t order = 1) {
  using namespace detail::arrays;
  const std::size_t a = checked_axis(axis, x.grid());
  if (order < 0) throw_differences(order);
  array<typename X::value_type, X::rank> d(x.node());
  for (; order > 0; --order)
    d = detail::arrays::apply_to(step_between{}, part_along(d, a, slice(1)), part_along(d, a, slice(none, -1)));
  return d;
}
/// With elements before the first ones along the axis, and behind the last: NumPy's prepend and append. They are
/// arrays, whose other axes are x's, or scalars, and are converted to x's type; std::nullopt is nothing: `diff(x, 0,
/// 1, std::nullopt, 7)`. Of order 0 it is x, without them. Throws misuse for `none`, which is where a slice ends and
/// no element.
template <array_like X, detail::arrays::end_argument B, detail::arrays::end_argument A = std::nullopt_t>
auto diff(const X& x, std::int64_t axis, std::int64_t order, const B& before, const A& behind = std::nullopt) {
  using namespace detail::arrays;
  const array<typename X::value_type, X::rank> own(x.node());
  const std::size_t a = checked_axis(axis, own.grid());
  if (order <= 0) return diff(own, axis, order);
  return diff(with_ends(own, a, before, behind), static_cast<std::int64_t>(a), order);
}
/// Of all elements, row-major.
template <array_like X>
auto ediff1d(const X& x) {
  return diff(ravel(x), 0);
}
/// With what stands before the differences and behind them: NumPy's to_begin and to_end, arrays of one axis, scalars,
/// or std::nullopt.
template <array_like X, detail::arrays::end_argument B, detail::arrays::end_argument A = std::nullopt_t>
auto ediff1d(const X& x, const B& before, const A& behind = std::nullopt) {
  using namespace detail::arrays;
  const array<typename X::value_type, 1> d(ediff1d(x).node());
  return with_ends(d, 0, before, behind);
}

namespace detail::arrays {

/// How far the elements along an axis are from their neighbours, so that they broadcast with an array of so many
/// axes.
template <class P>
array<double, dynamic_rank> distances_along(const P& places, std::size_t axis, const grid& g) {
  if (places.grid().rank != 1 || places.grid().axes[0].extent != g.axes[axis].extent)
    throw_coordinates(places.grid(), axis, g);
  array_ref d = array<double, 1>(diff(weft::astype<double>(places))).node();
  for (std::size_t a = axis + 1; a < g.rank; ++a) d = expand_view(std::move(d), -1);
  return array<double, dynamic_rank>(std::move(d));
}

}  // namespace detail::arrays

/// The slope along an axis, whose elements are `distance` from each other: within, half the difference between the
/// neighbours on both sides (an error of second order), and at the ends that to the neighbour; with `edge_order` 2
/// the ends are of second order too. Throws misuse for lines of less than edge_order + 1 elements.
template <array_like X>
auto gradient(const X& x, std::int64_t axis, double distance = 1, int edge_order = 1) {
  using namespace detail::arrays;
  using T = real_t<typename X::value_type>;
  const std::size_t a = checked_axis(axis, x.grid());
  const std::int64_t n = x.grid().axes[a].extent;
  if (edge_order < 1 || edge_order > 2) throw_creation("a gradient's edges of order 1 or 2");
  if (n < edge_order + 1) throw_gradient(x.grid(), a, edge_order + 1);
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
/// With elements at places of their own along the axis: an array of one axis, `gradient(x, 0, from_array(c, times))`.
/// Within, the slope of the parabola through an element and both neighbours, of second order where distances change
/// little. Throws misuse for another number of places. Reads the places once for each chunk of x.
template <array_like X, array_like P>
auto gradient(const X& x, std::int64_t axis, const P& places, int edge_order = 1) {
  using namespace detail::arrays;
  using T = real_t<typename X::value_type>;
  using result = array<T, X::rank>;
  using weights = array<double, dynamic_rank>;
  const std::size_t a = checked_axis(axis, x.grid());
  const std::int64_t n = x.grid().axes[a].extent;
  if (edge_order < 1 || edge_order > 2) throw_creation("a gradient's edges of order 1 or 2");
  if (n < edge_order + 1) throw_gradient(x.grid(), a, edge_order + 1);
  const weights d = distances_along(places, a, x.grid());
  const result values(astype<T>(x));
  const auto at = [&](std::int64_t first, std::int64_t last) { return part_along(values, a, slice(first, last)); };
  // Along d, which has no axes before that one.
  const auto distance = [&](std::int64_t first, std::int64_t last) { return part_along(d, 0, slice(first, last)); };
  const auto as_result = [](const auto& e) { return result(array<T, dynamic_rank>(astype<T>(e)).node()); };
  const auto slope = [&](const auto& f, const auto& g, const auto& h, const weights& left, const weights& right) {
    return as_result(h * (left / (right * (left + right))) + g * ((right - left) / (left * right)) -
                     f * (right / (left * (left + right))));
  };
  const weights left = distance(0, -1), right = distance(1, none);
  const result within = slope(at(0, -2), at(1, -1), at(2, none), left, right);
  const auto end = [&](bool first) {
    const auto near = [&](std::int64_t k) { return first ? at(k, k + 1) : at(n - 1 - k, n - k); };
    const auto step = [&](std::int64_t k) {
      return weights(first ? distance(k, k + 1) : distance(n - 2 - k, n - 1 - k));
    };
    const double sign = first ? 1 : -1;
    const weights one = step(0);
    if (edge_order == 1) return as_result((near(1) - near(0)) / (one * sign));
    const weights two = step(1), both = one + two;
    return as_result(
        (near(1) * (both / (one * two)) - near(0) * ((one + both) / (one * both)) - near(2) * (one / (two * both))) *
        sign);
  };
  return concatenate(static_cast<std::int64_t>(a), end(true), within, end(false));
}
/// Along several axes, or along all of them: a std::array with one for each, `const auto [dy, dx] = gradient(x,
/// axes(0, 1), {0.5, 2.0});`. One distance is that along each of them.
template <array_like X, std::size_t K>
auto gradient(const X& x, const axes<K>& along, const std::array<double, K>& distances, int edge_order = 1) {
  const array<typename X::value_type, X::rank> own(x.node());
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return std::array{gradient(own, along.list[I], distances[I], edge_order)...};
  }(std::make_index_sequence<K>{});
}
template <array_like X, std::size_t K>
auto gradient(const X& x, const axes<K>& along, double distance = 1, int edge_order = 1) {
  std::array<double, K> each;
  each.fill(distance);
  return gradient(x, along, each, edge_order);
}
template <array_like X>
auto gradient(const X& x) {
  constexpr bool known = X::rank != dynamic_rank && X::rank != 0;
  static_assert(known, "weft: gradient of an array whose rank is dynamic: name its axes, gradient(x, axes(0, 1))");
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return gradient(x, axes(I...));
  }(std::make_index_sequence<known ? X::rank : 1>{});
}

}  // namespace weft
