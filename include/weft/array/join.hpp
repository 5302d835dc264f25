#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "weft/array/array.hpp"
#include "weft/detail/array/gathers.hpp"

/// Several arrays as one. Chunks are as long along the joined axis as the longest of theirs; more than eight arrays
/// are joined eight by eight. They throw misuse for shapes that do not fit.
namespace weft {

namespace detail::arrays {

template <class T, std::size_t N>
std::vector<array_ref> nodes_of(const std::vector<array<T, N>>& all) {
  std::vector<array_ref> nodes;
  for (const array<T, N>& x : all) nodes.push_back(x.node());
  return nodes;
}
template <class X, class... More>
inline constexpr bool same_elements = (std::is_same_v<typename X::value_type, typename More::value_type> && ...);
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
  constexpr bool same = detail::arrays::same_elements<X, More...>;
  static_assert(same, "weft: arrays that are joined have one type of elements: use astype<> on the others");
  return array<typename X::value_type, detail::arrays::same_rank<X, More...>>(
      detail::arrays::concatenated({x.node(), more.node()...}, axis));
}
/// One upon the other along a new axis, of as many elements as there are arrays: `stack(0, x, y)`.
template <class T, std::size_t N>
auto stack(std::int64_t axis, const std::vector<array<T, N>>& all) {
  constexpr std::size_t n = N == dynamic_rank ? N : N + 1;
  return array<T, n>(detail::arrays::stacked(detail::arrays::nodes_of(all), axis));
}
template <array_like X, array_like... More>
auto stack(std::int64_t axis, const X& x, const More&... more) {
  constexpr bool same = detail::arrays::same_elements<X, More...>;
  static_assert(same, "weft: arrays that are stacked have one type of elements: use astype<> on the others");
  constexpr std::size_t n = detail::arrays::same_rank<X, More...>;
  return array < typename X::value_type,
         n == dynamic_rank ? n : n + 1 > (detail::arrays::stacked({x.node(), more.node()...}, axis));
}

}  // namespace weft
