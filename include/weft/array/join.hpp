#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
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
/// What all elements are promoted to.
template <class... T>
struct promoted_all;
template <class T>
struct promoted_all<T> {
  using type = T;
};
template <class T, class U, class... More>
struct promoted_all<T, U, More...> {
  using type = typename promoted_all<promote_t<T, U>, More...>::type;
};
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

}  // namespace detail::arrays

/// Side by side, along axis 1; vectors and numbers one after the other.
template <array_like X, array_like... More>
auto hstack(const X& x, const More&... more) {
  return detail::arrays::joined_with<1>(detail::arrays::joining::columns, x, more...);
}
/// One below the other, along axis 0; vectors and numbers as rows.
template <array_like X, array_like... More>
auto vstack(const X& x, const More&... more) {
  return detail::arrays::joined_with<2>(detail::arrays::joining::rows, x, more...);
}
/// One behind the other, along axis 2; a vector of n as an array of (1, n, 1), a matrix as one of (m, n, 1).
template <array_like X, array_like... More>
auto dstack(const X& x, const More&... more) {
  return detail::arrays::joined_with<3>(detail::arrays::joining::planes, x, more...);
}

}  // namespace weft
