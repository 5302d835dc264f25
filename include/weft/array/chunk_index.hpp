#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <type_traits>

#include "weft/array/array.hpp"
#include "weft/array/index.hpp"

namespace weft {

namespace detail::arrays {

template <class... I>
consteval bool checked_chunks() {
  constexpr bool one_ellipsis = (std::size_t{0} + ... + std::size_t{std::is_same_v<I, ellipsis_t>}) <= 1;
  static_assert(one_ellipsis, "weft: an index has one ellipsis");
  constexpr bool known = ((is_index<I> && !std::is_same_v<I, newaxis_t>) && ...);
  static_assert(known, "weft: chunks are named by integers, slices, ellipsis, and lists or masks that are here");
  return one_ellipsis && known;
}
/// By numbers of chunks; lib/array/chunk_index.cpp. Throws misuse.
array_ref chosen_chunks(array_ref x, std::span<const index_item> indices);

}  // namespace detail::arrays

/// The array that some chunks of x are, by their numbers along each axis: `chunks(x, slice(1, 3), 0)` has those of
/// rows 1 and 2 of chunks that are the first along the other axis. Numbers count from the end when they are negative,
/// and take no axis away; each axis may have a list of its own, in any order, or a mask, and axes that are not named
/// have all their chunks. The result is cut as they are, and no others are computed. Where they are neighbours in
/// their order along each axis this is a slice, which costs nothing; else tasks copy them. Throws misuse for chunks
/// that are not there. O(chunks that are named).
template <array_like X, class... I>
auto chunks(const X& x, const I&... which) {
  using namespace detail::arrays;
  constexpr bool enough_axes = axes_indexed<I...> <= X::rank;
  static_assert(enough_axes, "weft: more indices than the array has axes");
  if constexpr (enough_axes && checked_chunks<I...>()) {
    const std::array<index_item, sizeof...(I)> all{item_of(which)...};
    return array<typename X::value_type, X::rank>(chosen_chunks(x.node(), all));
  } else {
    return array<typename X::value_type, X::rank>(x.node());
  }
}

}  // namespace weft
