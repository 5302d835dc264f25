#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

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
/// All axes for which the other indices leave room: Python's `...`.
struct ellipsis_t {};
inline constexpr ellipsis_t ellipsis{};

/// What becomes of an index that is outside of its axis: it is refused, it goes around, as by `%`, or it becomes the
/// nearest one.
enum class outside : std::uint8_t { refuse, wrap, clip };

namespace detail::arrays {

/// An index of an axis of n, which is not 0, that is outside and not refused.
constexpr std::int64_t brought_inside(std::int64_t i, std::int64_t n, outside beyond) noexcept {
  if (beyond == outside::clip) return i < 0 ? 0 : n - 1;
  return i % n < 0 ? i % n + n : i % n;
}
[[noreturn]] void throw_large_index(std::uint64_t at);
/// Throws misuse beyond 2^63 - 1, where it would be negative, and count from the end.
template <class I>
std::int64_t whole_index(I at) {
  if (!std::in_range<std::int64_t>(+at)) throw_large_index(static_cast<std::uint64_t>(at));
  return static_cast<std::int64_t>(at);
}

}  // namespace detail::arrays

/// A list of indices along an axis: `x(weft::ellipsis, weft::positions(1, 3))`. Negative ones count from the end.
class positions {
 public:
  using value_type = std::int64_t;
  template <class... I>
    requires(std::is_integral_v<I> && ...)
  explicit positions(I... list) : list_{detail::arrays::whole_index(list)...} {}
  auto begin() const noexcept { return list_.begin(); }
  auto end() const noexcept { return list_.end(); }

 private:
  std::vector<std::int64_t> list_;
};

namespace detail::arrays {

/// One index of `x(...)`.
struct index_item {
  enum class kind : std::uint8_t { slice, number, newaxis, ellipsis, list } what = kind::slice;
  weft::slice range = {};
  std::int64_t at = 0;
  std::vector<std::int64_t> list = {};
  std::int64_t mask = -1;  // of how many elements the mask was, where the list is what it takes
  array_ref later = {};    // an array whose elements are the list, or where they are bools the mask
};
/// Indices in a container, or bools: a mask.
template <class I>
concept index_list = requires(const I& i) {
  typename I::value_type;
  i.begin();
  i.end();
} && std::is_integral_v<typename I::value_type>;
template <class I>
inline constexpr bool is_number_index = std::is_integral_v<I> && !std::is_same_v<I, bool>;
template <class I>
inline constexpr bool is_index = is_number_index<I> || std::is_same_v<I, slice> || std::is_same_v<I, newaxis_t> ||
                                 std::is_same_v<I, ellipsis_t> || index_list<I>;

/// An array of integers, of which nobody knows before it is computed.
template <class I>
inline constexpr bool is_array_index = false;
template <class I>
  requires requires { requires I::weft_is_array; }
inline constexpr bool is_array_index<I> =
    std::is_integral_v<typename I::value_type> && !std::is_same_v<typename I::value_type, bool>;
/// One of bools.
template <class I>
inline constexpr bool is_array_mask = false;
template <class I>
  requires requires { requires I::weft_is_array; }
inline constexpr bool is_array_mask<I> = std::is_same_v<typename I::value_type, bool>;

/// Throws misuse for a list of indices that has not one axis.
void check_list(std::size_t axes);
/// Throws misuse for one that has more axes than an array.
void check_point_list(std::size_t axes);
/// Throws misuse for a mask among lists of points that has not one axis.
void check_point_mask(std::size_t axes);

template <class I>
index_item item_of(const I& i) {
  index_item item;
  if constexpr (std::is_same_v<I, slice>) {
    item.range = i;
  } else if constexpr (std::is_same_v<I, newaxis_t>) {
    item.what = index_item::kind::newaxis;
  } else if constexpr (std::is_same_v<I, ellipsis_t>) {
    item.what = index_item::kind::ellipsis;
  } else if constexpr (is_array_index<I> || is_array_mask<I>) {
    item.what = index_item::kind::list;
    item.later = i.node();
  } else if constexpr (index_list<I>) {
    if constexpr (requires { i.dimension(); }) check_list(i.dimension());
    item.what = index_item::kind::list;
    if constexpr (std::is_same_v<typename I::value_type, bool>) {
      item.mask = 0;
      for (const bool taken : i) {
        if (taken) item.list.push_back(item.mask);
        ++item.mask;
      }
    } else {
      for (const auto at : i) item.list.push_back(whole_index(at));
    }
  } else {
    item.what = index_item::kind::number;
    item.at = whole_index(i);
  }
  return item;
}

template <class... I>
consteval bool checked_indices() {
  constexpr bool one_list = (std::size_t{0} + ... + std::size_t{index_list<I> || is_array_index<I>}) <= 1;
  static_assert(one_list,
                "weft: an index has one list or mask of positions: take the others one by one, or elements by all of "
                "them with vindex");
  constexpr bool one_ellipsis = (std::size_t{0} + ... + std::size_t{std::is_same_v<I, ellipsis_t>}) <= 1;
  static_assert(one_ellipsis, "weft: an index has one ellipsis");
  constexpr bool known = ((is_index<I> || is_array_index<I>) && ...);
  static_assert(
      known,
      "weft: an index is an integer, a slice, newaxis, ellipsis, a list or mask that is here, or an array of "
      "integers; an array as a mask is awaited: co_await weft::compress(x, mask, axis); assign takes it as it is");
  return one_list && one_ellipsis && known;
}

/// Axes that indices take of an array, and give. The first is more than it has: it does not compile.
template <class... I>
inline constexpr std::size_t axes_indexed =
    (std::size_t{0} + ... + std::size_t{!std::is_same_v<I, newaxis_t> && !std::is_same_v<I, ellipsis_t>});
template <std::size_t N, class... I>
inline constexpr std::size_t rank_indexed =
    N == dynamic_rank ? dynamic_rank
                      : N + (std::size_t{0} + ... + std::size_t{std::is_same_v<I, newaxis_t>}) -
                            (std::size_t{0} + ... + std::size_t{std::is_integral_v<I>});

/// A part of x by indices of all kinds: a view, or where there is a list, elements taken from one.
/// lib/array/index.cpp.
array_ref indexed(array_ref x, std::span<const index_item> indices);

// Views, whose arguments are checked: they throw misuse. lib/array/views.cpp.
/// By slices, numbers and new axes.
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
