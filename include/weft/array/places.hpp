#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "weft/array/create.hpp"
#include "weft/array/functions.hpp"
#include "weft/detail/array/places.hpp"

/// Indices of elements: of a triangle's, and from their numbers to their places and back. They are computed wherever
/// they are read, and take no memory until then. They throw misuse for extents that do not fit.
namespace weft {

namespace detail::arrays {

template <class X>
consteval bool checked_places() {
  constexpr bool whole = std::is_integral_v<typename X::value_type> && !std::is_same_v<typename X::value_type, bool>;
  static_assert(whole, "weft: the indices of elements are integers");
  return whole;
}

inline std::array<array<std::int64_t, 1>, 2> triangle_of(const client& c, place_in_triangle row,
                                                         const creation& how) {
  const auto number = index_array<1>(c, grid_for<std::int64_t>(weft::shape(row.count), how), 0);
  place_in_triangle column = row;
  column.wants_column = true;
  return {array<std::int64_t, 1>(arrays::apply_to(row, number).node(true)),
          array<std::int64_t, 1>(arrays::apply_to(column, number).node(true))};
}

}  // namespace detail::arrays

/// The rows and the columns of the elements of a matrix on a diagonal and below it, row-major: `const auto [i, j] =
/// tril_indices(c, rows, columns)`. The diagonal begins `offset` columns from the first (rows, where it is negative).
inline std::array<array<std::int64_t, 1>, 2> tril_indices(const client& c, std::int64_t rows, std::int64_t columns,
                                                          std::int64_t offset = 0, creation how = {}) {
  return detail::arrays::triangle_of(c, detail::arrays::rows_of_triangle(rows, columns, offset, false), how);
}
/// On a diagonal and above it.
inline std::array<array<std::int64_t, 1>, 2> triu_indices(const client& c, std::int64_t rows, std::int64_t columns,
                                                          std::int64_t offset = 0, creation how = {}) {
  return detail::arrays::triangle_of(c, detail::arrays::rows_of_triangle(rows, columns, offset, true), how);
}
/// Those of the elements of x, which has two axes.
template <array_like X>
auto tril_indices_from(const X& x, std::int64_t offset = 0) {
  if (x.chunks().rank != 2) detail::arrays::throw_rank(2, x.chunks());
  return tril_indices(x.owner(), x.shape()[0], x.shape()[1], offset);
}
template <array_like X>
auto triu_indices_from(const X& x, std::int64_t offset = 0) {
  if (x.chunks().rank != 2) detail::arrays::throw_rank(2, x.chunks());
  return triu_indices(x.owner(), x.shape()[0], x.shape()[1], offset);
}

/// The index along each axis of elements of an array of that shape, by their numbers, row-major: `const auto [i, j] =
/// unravel_index<2>(argmax(x), x.shape())`. A number that is outside is an error when it is found.
template <std::size_t K, array_like X>
auto unravel_index(const X& numbers, const weft::shape& of) {
  using namespace detail::arrays;
  static_assert(checked_places<X>());
  check_places(of, K);
  const array<typename X::value_type, X::rank> each(numbers.node());
  return [&]<std::size_t... A>(std::index_sequence<A...>) {
    return std::array<array<std::int64_t, X::rank>, K>{
        array<std::int64_t, X::rank>(detail::arrays::apply_to(along_axis(of, A), each))...};
  }(std::make_index_sequence<K>{});
}

/// The numbers, row-major, of elements of an array of that shape by an index along each axis; these broadcast:
/// `ravel_multi_index(x.shape(), i, j)`. An index that is outside is an error when it is found.
template <array_like... X>
  requires(sizeof...(X) > 0)
auto ravel_multi_index(const weft::shape& of, outside what, const X&... along) {
  using namespace detail::arrays;
  static_assert((checked_places<X>() && ...));
  check_places(of, sizeof...(X));
  return detail::arrays::apply_to(ravel_place{of, what}, along...);
}
template <array_like... X>
  requires(sizeof...(X) > 0)
auto ravel_multi_index(const weft::shape& of, const X&... along) {
  return ravel_multi_index(of, outside::refuse, along...);
}

}  // namespace weft
