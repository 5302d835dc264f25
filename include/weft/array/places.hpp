#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include "weft/array/create.hpp"
#include "weft/array/functions.hpp"
#include "weft/array/reshape.hpp"
#include "weft/detail/array/places.hpp"

/// Indices of elements: of a triangle's, of those that are not 0, and from their numbers to their places and back.
/// They are computed wherever they are read, and take no memory until then. They throw misuse for extents that do not
/// fit.
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
  if (x.grid().rank != 2) detail::arrays::throw_axes("tril_indices_from", "two axes", x.grid());
  return tril_indices(x.owner(), x.shape()[0], x.shape()[1], offset);
}
template <array_like X>
auto triu_indices_from(const X& x, std::int64_t offset = 0) {
  if (x.grid().rank != 2) detail::arrays::throw_axes("triu_indices_from", "two axes", x.grid());
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

namespace detail::arrays {

/// An array for each axis.
template <std::size_t N>
struct place_lists {
  using type = std::array<array<std::int64_t, 1>, N>;
};
template <>
struct place_lists<dynamic_rank> {
  using type = std::vector<array<std::int64_t, 1>>;
};

/// Which elements are not 0, row-major.
template <array_like X>
array_ref nonzero_mask(const X& x) {
  return ravel(astype<bool>(x)).node();
}
template <std::size_t N>
task<typename place_lists<N>::type> collect_places(array_ref mask, weft::shape of) {
  const array<std::int64_t, 1> numbers(co_await numbers_of_trues(std::move(mask)));
  if constexpr (N != dynamic_rank) {
    co_return unravel_index<N>(numbers, of);
  } else {
    std::vector<array<std::int64_t, 1>> each;
    for (std::size_t a = 0; a < of.size(); ++a) each.push_back(detail::arrays::apply_to(along_axis(of, a), numbers));
    co_return each;
  }
}
inline task<array<std::int64_t, 2>> collect_rows(array_ref mask, weft::shape of) {
  const array<std::int64_t, 1> numbers(co_await numbers_of_trues(std::move(mask), of.size() * sizeof(std::int64_t)));
  grid one;
  one.rank = 1;
  one.axes[0] = one_chunk(static_cast<std::int64_t>(of.size()));
  const auto axis = index_array<1>(numbers.owner(), one, 0);
  co_return detail::arrays::apply_to(along_axes(of), numbers(slice(), newaxis), axis);
}
inline task<array<std::int64_t, 1>> collect_numbers(array_ref mask) {
  co_return array<std::int64_t, 1>(co_await numbers_of_trues(std::move(mask)));
}

}  // namespace detail::arrays

// Where the elements are that are not 0 (of bools, those that are true), row-major. How many there are is known when
// they have been found, which these await, as compress() does: which ones they are stays with who computes it, a byte
// an element of x, as long as the results, and x is not computed again. Chunks of the results have up to 8 MiB.

/// Their numbers: `const auto numbers = co_await weft::flatnonzero(x);`
template <array_like X>
task<array<std::int64_t, 1>> flatnonzero(const X& x) {
  return detail::arrays::collect_numbers(detail::arrays::nonzero_mask(x));
}
/// Their indices along each axis: `const auto [i, j] = co_await weft::nonzero(x);`, a std::vector of arrays where x
/// has a dynamic rank. Computed together (weft::compute) they are found once. Throws misuse for an array without
/// axes.
template <array_like X>
task<typename detail::arrays::place_lists<X::rank>::type> nonzero(const X& x) {
  static_assert(X::rank != 0, "weft: nonzero of an array that has no axes");
  detail::arrays::check_has_places(x.grid(), "nonzero");
  return detail::arrays::collect_places<X::rank>(detail::arrays::nonzero_mask(x), x.shape());
}
/// Their indices as the rows of an array of two axes. Throws misuse for an array without axes.
template <array_like X>
task<array<std::int64_t, 2>> argwhere(const X& x) {
  static_assert(X::rank != 0, "weft: argwhere of an array that has no axes");
  detail::arrays::check_has_places(x.grid(), "argwhere");
  return detail::arrays::collect_rows(detail::arrays::nonzero_mask(x), x.shape());
}

}  // namespace weft
