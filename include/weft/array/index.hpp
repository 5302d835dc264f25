#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>

#include "weft/detail/array/node.hpp"

namespace weft {

/// Where a slice begins or ends when nothing is said: at the array's beginning or end, whichever its step leaves
/// first.
inline constexpr std::int64_t none = std::numeric_limits<std::int64_t>::min();

/// Elements of an axis, as Python's `first:last:step`: from `first` on, up to but without `last`. Both count from the
/// end when they are negative, and what lies beyond an end is cut off. Without arguments: all of them.
struct slice {
  std::int64_t first = none, last = none, step = 1;
  constexpr slice(std::int64_t f = none, std::int64_t l = none, std::int64_t s = 1) noexcept
      : first(f), last(l), step(s) {}
};
/// An axis of one element more.
struct newaxis_t {};
inline constexpr newaxis_t newaxis{};

namespace detail::arrays {

/// One index of `x(...)`.
struct index_item {
  enum class kind : std::uint8_t { slice, number, newaxis } what = kind::slice;
  weft::slice range = {};
  std::int64_t at = 0;
};
template <class I>
inline constexpr bool is_index =
    (std::is_integral_v<I> && !std::is_same_v<I, bool>) || std::is_same_v<I, slice> || std::is_same_v<I, newaxis_t>;

template <class I>
index_item item_of(const I& i) {
  if constexpr (std::is_same_v<I, slice>)
    return {index_item::kind::slice, i, 0};
  else if constexpr (std::is_same_v<I, newaxis_t>)
    return {index_item::kind::newaxis, {}, 0};
  else
    return {index_item::kind::number, {}, static_cast<std::int64_t>(i)};
}

/// Axes that indices take of an array, and give. The first is more than it has: it does not compile.
template <class... I>
inline constexpr std::size_t axes_indexed = (std::size_t{0} + ... + std::size_t{!std::is_same_v<I, newaxis_t>});
template <std::size_t N, class... I>
inline constexpr std::size_t rank_indexed =
    N == dynamic_rank ? dynamic_rank
                      : N + (std::size_t{0} + ... + std::size_t{std::is_same_v<I, newaxis_t>}) -
                            (std::size_t{0} + ... + std::size_t{std::is_integral_v<I>});

// Views, whose arguments are checked: they throw misuse. lib/array/views.cpp.
array_ref slice_view(array_ref x, std::span<const index_item> indices);
/// An index along one axis, the others as they are.
array_ref along_view(array_ref x, std::size_t axis, const index_item& at);
/// The diagonal of axes 0 and 1, beginning `offset` columns from the first (rows, where it is negative), as the last
/// axis.
array_ref diagonal_view(array_ref x, std::int64_t offset);
array_ref transpose_view(array_ref x, std::span<const std::int64_t> axes);
array_ref flip_view(array_ref x, std::int64_t axis);
array_ref broadcast_view(array_ref x, const weft::shape& to);
/// The same in those chunks; the extents fit.
array_ref broadcast_view(array_ref x, const grid& to);
array_ref expand_view(array_ref x, std::int64_t axis);
array_ref squeeze_view(array_ref x, std::int64_t axis);
array_ref squeeze_view(array_ref x);

}  // namespace detail::arrays
}  // namespace weft
