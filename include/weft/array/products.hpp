#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "weft/array/create.hpp"
#include "weft/array/functions.hpp"
#include "weft/array/join.hpp"
#include "weft/array/rechunk.hpp"
#include "weft/array/reduce.hpp"
#include "weft/array/views.hpp"
#include "weft/detail/array/gathers.hpp"

/// Products whose elements are sums of a few others: made of expressions, so that they need no BLAS. Elements are
/// promoted as for `*`. They throw misuse for shapes that do not fit, and name them.
namespace weft {

namespace detail::arrays {

// lib/array/products.cpp.
/// Throws unless both have three elements along the axis.
void check_cross(const grid& x, const grid& y, std::int64_t axis);
/// Views of both with two axes for each along which both have several elements, x's before y's, in the same chunks:
/// their product has the elements of kron in order. Gives its extents; throws where no array has them.
weft::shape lay_crosswise(array_ref& x, array_ref& y);

/// Column j of Vandermonde's matrix of `columns`: a power of x, by squares.
template <class T>
struct power_of_place {
  static constexpr const char* name = "vander";
  std::int64_t columns = 0;
  bool increasing = false;
  constexpr T operator()(T x, std::int64_t j) const {
    T power = T(1), square = x;
    for (std::int64_t n = increasing ? j : columns - 1 - j; n != 0; n /= 2) {
      if (n % 2 == 1) power = multiply{}(power, square);
      square = multiply{}(square, square);
    }
    return power;
  }
};

}  // namespace detail::arrays

/// The sum of x, conjugated, times y, along an axis of what they broadcast to: numpy.vecdot, with the types of sum().
template <array_like X, array_like Y>
auto vecdot(const X& x, const Y& y, std::int64_t axis = -1) {
  return sum(conj(x) * y, axis);
}

/// The cross product of vectors of three elements along an axis; the others broadcast. A task for each component of a
/// chunk, and one that puts them together.
template <array_like X, array_like Y>
auto cross(const X& x, const Y& y, std::int64_t axis = -1) {
  using namespace detail::arrays;
  using T = typename common_element<X, Y>::type;
  constexpr std::size_t n = std::max(X::rank, Y::rank);
  check_cross(x.grid(), y.grid(), axis);
  const array<T, X::rank> a(moved_view(elements_as<T>(x), axis, -1));
  const array<T, Y::rank> b(moved_view(elements_as<T>(y), axis, -1));
  const auto component = [&](std::int64_t i) {
    const std::int64_t j = (i + 1) % 3, k = (i + 2) % 3;
    return a(ellipsis, j) * b(ellipsis, k) - a(ellipsis, k) * b(ellipsis, j);
  };
  const auto all = stack(-1, component(0), component(1), component(2));
  weft::shape chunk = weft::shape::of_rank(all.grid().rank);
  for (std::size_t i = 0; i < chunk.size(); ++i) chunk[i] = i + 1 == chunk.size() ? -1 : unchanged;
  return array<T, n>(moved_view(rechunk(all, {.chunk = chunk}).node(), -1, axis));
}

/// Kronecker's product: all of y in the place of each element of x, times that. Of unlike numbers of axes those that
/// one has not are first. A task a chunk that multiplies, of x's chunks, and as much of y as fits in a chunk; and a
/// reshape. Throws misuse for more than eight axes, of which those count twice along which both have several
/// elements.
template <array_like X, array_like Y>
auto kron(const X& x, const Y& y) {
  using namespace detail::arrays;
  using T = typename common_element<X, Y>::type;
  array_ref a = elements_as<T>(x), b = elements_as<T>(y);
  const weft::shape extents = lay_crosswise(a, b);
  const array<T, dynamic_rank> left(a), right(b);
  const array<T, dynamic_rank> products(left * right);
  return array<T, std::max(X::rank, Y::rank)>(reshaped(products.node(), extents));
}

/// The matrix whose rows are the powers of x's elements, of one axis: `columns` of them, as many as rows where it is
/// below 0, from the highest one down to 1, or up. Of integers int64, which wraps; else as x times an int64.
template <array_like X>
auto vander(const X& x, std::int64_t columns = -1, bool increasing = false) {
  using namespace detail::arrays;
  constexpr bool one_axis = X::rank == 1 || X::rank == dynamic_rank;
  static_assert(one_axis, "weft: vander makes a matrix of a vector");
  using T = promote_t<typename X::value_type, std::int64_t>;
  const array<T, 1> values(elements_as<T>(x));
  const cut rows = values.grid().axes[0];
  const std::int64_t n = columns < 0 ? rows.extent : columns;
  const grid chunks = within({2, {rows, one_chunk(n)}}, creation{}.bytes, sizeof(T));
  return array<T, 2>(detail::arrays::apply_to(power_of_place<T>{n, increasing}, expand_dims(values, 1),
                                              index_array<2>(x.owner(), chunks, 1)));
}

}  // namespace weft
