#pragma once

#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include "weft/array/functions.hpp"
#include "weft/array/join.hpp"
#include "weft/array/reduce.hpp"
#include "weft/array/reshape.hpp"
#include "weft/array/sort.hpp"
#include "weft/detail/array/arrangements.hpp"
#include "weft/detail/array/quantiles.hpp"

namespace weft {

namespace detail::arrays {

/// Sorted lines along an axis, of which several quantiles may be asked.
template <class X>
struct sorted_lines {
  using T = typename X::value_type;
  static constexpr std::size_t rank = X::rank == dynamic_rank ? dynamic_rank : X::rank - 1;
  using result = array<real_t<T>, rank>;

  sorted_lines(const X& x, std::int64_t along, const char* what)
      : axis(checked_axis(along, x.grid())), lines(weft::sort(x, along)) {
    check_not_empty(x.grid(), 1u << axis, what);
  }
  result quantile(double q, between how) const {
    check_quantile(q);
    const std::int64_t n = lines.grid().axes[axis].extent;
    const rank_point p = point_of(q, how, n);
    const auto element = [&](std::int64_t i) { return array<T, rank>(along_view(lines.node(), axis, item_of(i))); };
    return arrays::apply_to(join_neighbours{p.share}, element(p.low), element(p.high), element(n - 1));
  }
  /// Of the elements that are no NaNs.
  result nanquantile(double q, between how) const {
    check_quantile(q);
    const auto a = static_cast<std::int64_t>(axis);
    coordinates steps{};
    steps[axis] = 1;
    const array<std::int64_t, X::rank> place(make_index(lines.owner(), lines.grid(), 0, steps));
    const auto count = sum(!isnan(lines), a, keep_axes);
    return arrays::reduce_by(arrays::apply_to(pick_point{q, how}, lines, place, count), point_picked<T>{}, nullptr,
                             a);
  }

  std::size_t axis;
  array<T, X::rank> lines;
};
/// As one line, in which all elements are.
template <class X>
auto flat(const X& x) {
  if constexpr (X::rank == 1)
    return array<typename X::value_type, 1>(x.node());
  else
    return ravel(x);
}

/// With K axes as one, the last.
template <std::size_t K, class X>
auto with_axes_joined(const X& x, std::uint32_t mask) {
  constexpr std::size_t rank = X::rank == dynamic_rank || X::rank < K ? dynamic_rank : X::rank - K + 1;
  return array<typename X::value_type, rank>(axes_joined(x.node(), mask));
}

/// One for each, along a new first axis.
template <class F>
auto each_quantile(const std::vector<double>& q, F one) {
  if (q.empty()) throw_creation("quantiles of an empty list: give one number from 0 to 1 at least");
  std::vector<decltype(one(0.5))> all;
  all.reserve(q.size());
  for (const double each : q) all.push_back(one(each));
  return stack(0, all);
}

/// What may follow the numbers: axes, keep_axes and a method.
template <class W>
concept quantile_option = axes_option<W> || std::is_same_v<W, between>;

/// `q` is one number or several.
template <bool Skip, class X, class Q, class... W>
auto quantiles_of(const X& x, const char* what, const Q& q, const W&... options) {
  constexpr std::size_t named = (std::size_t{0} + ... + axes_named<W>),
                        methods = (std::size_t{0} + ... + std::size_t{std::is_same_v<W, between>});
  constexpr bool keeps = (std::is_same_v<W, keep_axes_t> || ...);
  constexpr bool once = methods <= 1 && named <= X::rank;
  static_assert(once, "weft: quantiles are along axes that the array has, or of all elements, and by one method");
  const std::uint32_t mask = mask_of(x.grid(), options...);
  between how = between::linear;
  [[maybe_unused]] const auto take = [&](const auto& o) {
    using O = std::remove_cvref_t<decltype(o)>;
    if constexpr (std::is_same_v<O, between>) how = o;
  };
  (take(options), ...);
  const auto of_lines = [&](const auto& lines) {
    const auto one = [&](double each) {
      const auto found = Skip ? lines.nanquantile(each, how) : lines.quantile(each, how);
      if constexpr (!keeps) {
        return found;
      } else {
        array_ref kept = found.node();
        for (std::uint32_t a = 0; a < x.grid().rank; ++a)
          if ((mask >> a & 1) != 0) kept = expand_view(std::move(kept), std::int64_t{a});
        return array<typename decltype(found)::value_type, X::rank>(std::move(kept));
      }
    };
    if constexpr (std::is_same_v<Q, double>)
      return one(q);
    else
      return each_quantile(q, one);
  };
  if constexpr (named == 0) {
    return of_lines(sorted_lines<decltype(flat(x))>(flat(x), 0, what));
  } else if constexpr (named == 1) {
    return of_lines(sorted_lines<X>(x, static_cast<std::int64_t>(axis_of_mask(mask)), what));
  } else {
    check_not_empty(x.grid(), mask, what);
    const auto joined = with_axes_joined<named>(x, mask);
    return of_lines(sorted_lines<std::remove_const_t<decltype(joined)>>(joined, -1, what));
  }
}

}  // namespace detail::arrays

// Quantiles, exact: of a sorted line the element at q (n - 1), or what is between two (see `between`). Along an axis,
// or without one of all elements: `quantile(x, 0.9, 1, weft::keep_axes, between::hazen)`. Over several axes, of what
// they have together: `median(x, axes(0, 2))`, which a reshape puts in one line. They cost what sort() does,
// and no more tasks for several of them than for one: q may be a std::vector, and the result has a first axis for it
// then. NaN where a line has a NaN, but for the forms without. Those of integers are doubles, in which 64-bit
// integers beyond 2^53 are rounded. They throw misuse for a q that is not from 0 to 1 (percentiles: to 100), and for
// lines of no element.
#define WEFT_DETAIL_QUANTILE(name, skip)                                     \
  template <array_like X, detail::arrays::quantile_option... W>              \
  auto name(const X& x, double q, const W&... options) {                     \
    return detail::arrays::quantiles_of<skip>(x, #name, q, options...);      \
  }                                                                          \
  template <array_like X, detail::arrays::quantile_option... W>              \
  auto name(const X& x, const std::vector<double>& q, const W&... options) { \
    return detail::arrays::quantiles_of<skip>(x, #name, q, options...);      \
  }
WEFT_DETAIL_QUANTILE(quantile, false)
WEFT_DETAIL_QUANTILE(nanquantile, true)
#undef WEFT_DETAIL_QUANTILE

#define WEFT_DETAIL_PERCENTILE(name, of)                            \
  template <array_like X, class... W>                               \
  auto name(const X& x, double p, const W&... where) {              \
    return of(x, p / 100, where...);                                \
  }                                                                 \
  template <array_like X, class... W>                               \
  auto name(const X& x, std::vector<double> p, const W&... where) { \
    for (double& each : p) each /= 100;                             \
    return of(x, p, where...);                                      \
  }
/// Quantiles in hundredths.
WEFT_DETAIL_PERCENTILE(percentile, quantile)
WEFT_DETAIL_PERCENTILE(nanpercentile, nanquantile)
#undef WEFT_DETAIL_PERCENTILE

/// The element in the middle, or the mean of two.
template <array_like X, class... W>
auto median(const X& x, const W&... axis) {
  return quantile(x, 0.5, axis...);
}
template <array_like X, class... W>
auto nanmedian(const X& x, const W&... axis) {
  return nanquantile(x, 0.5, axis...);
}

/// Elements of x that are near the quantiles `q` of all of them: their ranks differ from q n by up to
/// n (1 + the levels of the tree) / 8192, where the levels are the logarithm of the number of chunks to base 8 (for
/// two axes that are cut, 9); the smallest and the largest are exact. One pass, of which a task keeps 64 KiB: for
/// arrays that are larger than memory. By samples with weights, which are merged and thinned out (Manku, Rajagopalan
/// and Lindsay, "Approximate Medians and other Quantiles in One Pass and with Limited Memory", SIGMOD 1998). The same
/// numbers on one thread and on many; other chunks may give others. NaN where there is one.
template <array_like X>
array<double, 1> approximate_quantile(const X& x, std::vector<double> q) {
  static_assert(detail::arrays::checked_order<X>());
  return array<double, 1>(detail::arrays::sampled_quantiles(astype<double>(x).node(), std::move(q)));
}

}  // namespace weft
