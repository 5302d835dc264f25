#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <type_traits>
#include <utility>
#include <vector>

#include "weft/array/array.hpp"
#include "weft/array/functions.hpp"
#include "weft/detail/array/arrangements.hpp"
#include "weft/detail/array/gathers.hpp"

/// Several arrays as one. Chunks are as long along the joined axis as the longest of theirs; more than eight arrays
/// are joined eight by eight. Elements are promoted as for `+`. They throw misuse for shapes that do not fit.
namespace weft {

namespace detail::arrays {

template <class T, std::size_t N>
std::vector<array_ref> nodes_of(const std::vector<array<T, N>>& all) {
  std::vector<array_ref> nodes;
  for (const array<T, N>& x : all) nodes.push_back(x.node());
  return nodes;
}
template <class... X>
using joined_t = typename promoted_all<typename X::value_type...>::type;
template <class X, class... More>
inline constexpr std::size_t same_rank = ((X::rank == More::rank) && ...) ? X::rank : dynamic_rank;

}  // namespace detail::arrays

/// One after the other along an axis that they have: `concatenate(0, x, y)`.
template <class T, std::size_t N>
array<T, N> concatenate(std::int64_t axis, const std::vector<array<T, N>>& all) {
  return array<T, N>(detail::arrays::concatenated(detail::arrays::nodes_of(all), axis));
}
template <array_like X, array_like... More>
auto concatenate(std::int64_t axis, const X& x, const More&... more) {
  using T = detail::arrays::joined_t<X, More...>;
  return array<T, detail::arrays::same_rank<X, More...>>(detail::arrays::concatenated(
      {detail::arrays::elements_as<T>(x), detail::arrays::elements_as<T>(more)...}, axis));
}
/// One upon the other along a new axis, of as many elements as there are arrays: `stack(0, x, y)`.
template <class T, std::size_t N>
auto stack(std::int64_t axis, const std::vector<array<T, N>>& all) {
  constexpr std::size_t n = N == dynamic_rank ? N : N + 1;
  return array<T, n>(detail::arrays::stacked(detail::arrays::nodes_of(all), axis));
}
template <array_like X, array_like... More>
auto stack(std::int64_t axis, const X& x, const More&... more) {
  using T = detail::arrays::joined_t<X, More...>;
  constexpr std::size_t rank = detail::arrays::same_rank<X, More...>;
  constexpr std::size_t n = rank == dynamic_rank ? rank : rank + 1;
  return array<T, n>(
      detail::arrays::stacked({detail::arrays::elements_as<T>(x), detail::arrays::elements_as<T>(more)...}, axis));
}

namespace detail::arrays {

template <std::size_t Least, class... X>
auto joined_with(joining how, const X&... x) {
  using T = joined_t<X...>;
  constexpr std::size_t n = same_rank<X...>;
  return array<T, (n == dynamic_rank || n > Least ? n : Least)>(joined_as({elements_as<T>(x)...}, how));
}

template <std::size_t Least, class T, std::size_t N>
auto joined_with(joining how, const std::vector<array<T, N>>& all) {
  return array<T, (N == dynamic_rank || N > Least ? N : Least)>(joined_as(nodes_of(all), how));
}

}  // namespace detail::arrays

/// Of any number of arrays of one type, each takes a std::vector too. Side by side, along axis 1; vectors and numbers
/// one after the other.
template <array_like X, array_like... More>
auto hstack(const X& x, const More&... more) {
  return detail::arrays::joined_with<1>(detail::arrays::joining::columns, x, more...);
}
template <class T, std::size_t N>
auto hstack(const std::vector<array<T, N>>& all) {
  return detail::arrays::joined_with<1>(detail::arrays::joining::columns, all);
}
/// One below the other, along axis 0; vectors and numbers as rows.
template <array_like X, array_like... More>
auto vstack(const X& x, const More&... more) {
  return detail::arrays::joined_with<2>(detail::arrays::joining::rows, x, more...);
}
template <class T, std::size_t N>
auto vstack(const std::vector<array<T, N>>& all) {
  return detail::arrays::joined_with<2>(detail::arrays::joining::rows, all);
}
/// One behind the other, along axis 2; a vector of n as an array of (1, n, 1), a matrix as one of (m, n, 1).
template <array_like X, array_like... More>
auto dstack(const X& x, const More&... more) {
  return detail::arrays::joined_with<3>(detail::arrays::joining::planes, x, more...);
}
template <class T, std::size_t N>
auto dstack(const std::vector<array<T, N>>& all) {
  return detail::arrays::joined_with<3>(detail::arrays::joining::planes, all);
}

namespace detail::arrays {

/// How many std::vectors are around arrays.
template <class V>
inline constexpr std::size_t nesting = 0;
template <class V>
inline constexpr std::size_t nesting<std::vector<V>> = nesting<V> + 1;

template <class V>
struct nested_array {
  using type = V;
};
template <class V>
struct nested_array<std::vector<V>> : nested_array<V> {};

template <class V>
std::size_t largest_rank(const V& nested) {
  if constexpr (array_like<V>) {
    return nested.grid().rank;
  } else {
    std::size_t n = nesting<V>;
    for (const auto& part : nested) n = std::max(n, largest_rank(part));
    return n;
  }
}
/// The innermost arrays are joined along the last axis, what is made of them along that before it, and so on.
template <class V>
array_ref joined_blocks(const V& nested, std::size_t rank) {
  if constexpr (array_like<V>) {
    array_ref x = nested.node();
    for (std::size_t n = nested.grid().rank; n < rank; ++n) x = expand_view(std::move(x), 0);
    return x;
  } else {
    std::vector<array_ref> parts;
    for (const auto& part : nested) parts.push_back(joined_blocks(part, rank));
    return concatenated(std::move(parts), -static_cast<std::int64_t>(nesting<V>));
  }
}

}  // namespace detail::arrays

/// An array of blocks, by rows, in nested std::vectors of arrays of one type: those within are joined along the last
/// axis, these along the one before, and so on. Arrays of fewer axes get some of one element first.
template <class V>
  requires(detail::arrays::nesting<V> > 0 && array_like<typename detail::arrays::nested_array<V>::type>)
auto block(const V& nested) {
  using namespace detail::arrays;
  using A = typename nested_array<V>::type;
  constexpr std::size_t n = A::rank == dynamic_rank ? dynamic_rank : std::max(A::rank, nesting<V>);
  return array<typename A::value_type, n>(joined_blocks(nested, largest_rank(nested)));
}
/// `block({{a, b}, {c, d}})`
template <class T, std::size_t N>
auto block(std::initializer_list<std::initializer_list<array<T, N>>> rows) {
  return block(std::vector<std::vector<array<T, N>>>(rows.begin(), rows.end()));
}

}  // namespace weft
