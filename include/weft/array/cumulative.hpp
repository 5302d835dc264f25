#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <type_traits>
#include <utility>

#include "weft/array/functions.hpp"
#include "weft/array/reshape.hpp"
#include "weft/detail/array/scanners.hpp"

namespace weft {

namespace detail::arrays {

template <class R, array_like X>
auto scan_by(const X& x, std::int64_t axis, R how = {}) {
  return array<typename R::result, X::rank>(
      make_scan(x.node(), element_of<typename R::result>, axis, arrays::scanner_by<R, typename X::value_type>(how)));
}
template <class R, array_like X>
auto scan_all(const X& x) {
  if constexpr (X::rank == 1)
    return scan_by<R>(x, 0);
  else
    return scan_by<R>(ravel(x), 0);
}

}  // namespace detail::arrays

// Cumulative sums and products, in x's chunks: along an axis, or without one of all elements, row-major. Integers are
// added in 64 bits, floats in double. By a scan of blocks (Blelloch, "Prefix Sums and Their Applications", 1990): the
// chunks are added up in parallel, what they come to is handed along the axis from each to the next, and the elements
// are written in parallel. 3 tasks a chunk, of which the middle one adds one cross-section of a chunk to another; the
// depth is the number of chunks along the axis. x is read twice. The order is fixed by the chunks and by nothing
// else, and each element goes on from the one before: a cumulative sum of numbers that are not negative never
// decreases. A part of the result reads the chunks before it along the axis.
#define WEFT_DETAIL_CUMULATIVE(name, how, nothing)                                        \
  template <array_like X>                                                                 \
  auto cum##name(const X& x, std::int64_t axis) {                                         \
    return detail::arrays::scan_by<detail::arrays::how<typename X::value_type>>(x, axis); \
  }                                                                                       \
  template <array_like X>                                                                 \
  auto cum##name(const X& x) {                                                            \
    return detail::arrays::scan_all<detail::arrays::how<typename X::value_type>>(x);      \
  }                                                                                       \
  template <array_like X>                                                                 \
  auto nancum##name(const X& x, std::int64_t axis) {                                      \
    return cum##name(weft::where(isnan(x), typename X::value_type(nothing), x), axis);    \
  }                                                                                       \
  template <array_like X>                                                                 \
  auto nancum##name(const X& x) {                                                         \
    return cum##name(weft::where(isnan(x), typename X::value_type(nothing), x));          \
  }
/// cumsum and nancumsum, for which NaNs are 0.
WEFT_DETAIL_CUMULATIVE(sum, sum_of, 0)
/// cumprod and nancumprod, for which NaNs are 1.
WEFT_DETAIL_CUMULATIVE(prod, product_of, 1)
#undef WEFT_DETAIL_CUMULATIVE

/// x, where NaNs are the last element before them along an axis that is none; of more than `most` in a row only the
/// first ones are filled. NaNs that nothing is before stay. By the same scan as sums. Elements are real numbers.
/// Throws misuse for a `most` below 0.
template <array_like X>
auto push(const X& x, std::int64_t axis, std::int64_t most = std::numeric_limits<std::int64_t>::max()) {
  using T = typename X::value_type;
  constexpr bool has_nans = std::is_floating_point_v<T>;
  static_assert(has_nans, "weft: push fills NaNs, which integers, bools and complex numbers have not as elements");
  detail::arrays::check_push(most);
  return detail::arrays::scan_by<detail::arrays::last_number_of<T>>(x, axis, {most});
}

}  // namespace weft
