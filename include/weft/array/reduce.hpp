#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "weft/array/axes.hpp"
#include "weft/array/create.hpp"
#include "weft/array/fold.hpp"
#include "weft/array/functions.hpp"
#include "weft/detail/array/reducers.hpp"

namespace weft {

/// What the number of elements is lessened by in a variance.
struct ddof {
  double by = 0;
};

namespace detail::arrays {

template <bool Largest, bool Skip, class X, class... W>
auto reduce_to_place(const X& x, const char* what, const W&... where) {
  constexpr bool one_axis = (std::size_t{0} + ... + axes_named<W>) <= 1;
  static_assert(one_axis, "weft: argmin and argmax take one axis, or none");
  const std::uint32_t mask = mask_of(x.grid(), where...);
  const array<std::int64_t, X::rank> at(make_index(x.owner(), x.grid(), 0, place_steps(x.grid(), mask)));
  return reduce_by(arrays::apply_to(place_element{}, x, at), best_place<typename X::value_type, Largest, Skip>{},
                   what, where...);
}

/// What may follow the array in means and variances.
template <class W>
concept averaging_option = reduction_option<W> || is_only<W>;

/// By `how`; where some elements are named, of these alone.
template <class R, class X, class... W>
auto reduce_marked(const X& x, const R& how, const W&... options) {
  constexpr std::size_t masks = masks_among<W...>;
  static_assert(masks <= 1, "weft: a mean or a variance has one mask");
  if constexpr (masks == 0) {
    return reduce_by(x, how, nullptr, options...);
  } else {
    return with_mask(
        [&](const auto& mask, const auto&... others) {
          using T = typename X::value_type;
          const auto all = broadcast_mask<X::rank>(mask, x.grid());
          return reduce_by(arrays::apply_to(mark_element{}, x, all), marked_only<R, T>{how}, nullptr, others...);
        },
        options...);
  }
}
template <bool Skip, class X, class... W>
auto mean_by(const X& x, const W&... options) {
  using T = typename X::value_type;
  if constexpr (Skip || masks_among<W...> != 0)
    return reduce_marked(x, counted_mean_of<T, Skip>{}, options...);
  else
    return reduce_by(x, mean_of<T>{count_reduced(x.grid(), mask_of(x.grid(), options...))}, nullptr, options...);
}
template <class D, class T>
consteval bool checked_average() {
  constexpr bool divides = std::is_floating_point_v<D> || is_complex<D>;
  static_assert(divides, "weft: means and variances are real or complex numbers: name such a type");
  constexpr bool keeps = is_complex<D> || !is_complex<T>;
  static_assert(keeps,
                "weft: a mean or a variance of complex numbers as real ones: name a complex type, or take "
                "that of real(x)");
  return divides && keeps;
}

}  // namespace detail::arrays

// Reductions: `sum(x)` is one element (an array of rank 0), `sum(x, 1)` has one axis less, `sum(x, axes(0, 2))` two,
// and `sum(x, 1, keep_axes)` as many as x. Axes count from the end when they are negative. An expression is computed
// as it is reduced, and takes no memory. The order in which elements are combined depends on the chunks of what is
// reduced and on nothing else (but split_every, where it is given): one thread, many, and a cluster give the same
// bits. Within a chunk 1,024 elements are added in eight lanes (sums and means of double, float, int32 and int64 in
// sixteen), and these sums by pairs; over chunks by a tree. Integers are added in 64 bits, where they wrap, floats in
// double.

#define WEFT_DETAIL_REDUCTION(name, not_of_nothing, ...)                                          \
  template <array_like X, detail::arrays::reduction_option... W>                                  \
  auto name(const X& x, const W&... where) {                                                      \
    using T [[maybe_unused]] = typename X::value_type;                                            \
    return detail::arrays::reduce_by(x, detail::arrays::__VA_ARGS__{}, not_of_nothing, where...); \
  }
/// Whether some are not 0.
WEFT_DETAIL_REDUCTION(any, nullptr, truth_of<T, false>)
WEFT_DETAIL_REDUCTION(all, nullptr, truth_of<T, true>)
// Without NaNs; NaN where there is nothing else.
WEFT_DETAIL_REDUCTION(nanmin, "nanmin", nan_extreme_of<T, false>)
WEFT_DETAIL_REDUCTION(nanmax, "nanmax", nan_extreme_of<T, true>)
#undef WEFT_DETAIL_REDUCTION

// Means and variances may be of some elements alone, `mean(x, weft::only{x > 0}, 1)`, and of a type that is named,
// real or complex: `mean<float>(x)`; elements are converted to it first. They throw misuse for a mask that does not
// broadcast to x, and for an axis that x has not.
#define WEFT_DETAIL_MEAN(name, skip)                                             \
  template <array_like X, detail::arrays::averaging_option... W>                 \
  auto name(const X& x, const W&... options) {                                   \
    return detail::arrays::mean_by<skip>(x, options...);                         \
  }                                                                              \
  template <array_scalar D, array_like X, detail::arrays::averaging_option... W> \
  auto name(const X& x, const W&... options) {                                   \
    static_assert(detail::arrays::checked_average<D, typename X::value_type>()); \
    return detail::arrays::mean_by<skip>(weft::astype<D>(x), options...);        \
  }
/// NaN of nothing.
WEFT_DETAIL_MEAN(mean, false)
/// Without NaNs; NaN where there is nothing else.
WEFT_DETAIL_MEAN(nanmean, true)
#undef WEFT_DETAIL_MEAN

/// NaNs are 0.
template <array_like X, detail::arrays::reduction_option... W>
auto nansum(const X& x, const W&... where) {
  return sum(weft::where(isnan(x), typename X::value_type(0), x), where...);
}
/// NaNs are 1.
template <array_like X, detail::arrays::reduction_option... W>
auto nanprod(const X& x, const W&... where) {
  return prod(weft::where(isnan(x), typename X::value_type(1), x), where...);
}
/// How many are not 0.
template <array_like X, detail::arrays::reduction_option... W>
auto count_nonzero(const X& x, const W&... where) {
  return sum(astype<bool>(x), where...);
}

#define WEFT_DETAIL_VARIANCE(name, skip, root)                                              \
  template <array_like X, detail::arrays::averaging_option... W>                            \
  auto name(const X& x, ddof lessened, const W&... options) {                               \
    const detail::arrays::variance_of<typename X::value_type, skip, root> how{lessened.by}; \
    return detail::arrays::reduce_marked(x, how, options...);                               \
  }                                                                                         \
  template <array_like X, detail::arrays::averaging_option... W>                            \
  auto name(const X& x, const W&... options) {                                              \
    return name(x, ddof{0}, options...);                                                    \
  }                                                                                         \
  template <array_scalar D, array_like X, detail::arrays::averaging_option... W>            \
  auto name(const X& x, ddof lessened, const W&... options) {                               \
    static_assert(detail::arrays::checked_average<D, typename X::value_type>());            \
    return name(weft::astype<D>(x), lessened, options...);                                  \
  }                                                                                         \
  template <array_scalar D, array_like X, detail::arrays::averaging_option... W>            \
  auto name(const X& x, const W&... options) {                                              \
    return name<D>(x, ddof{0}, options...);                                                 \
  }
/// The variance: `var(x, 0)`, or `var(x, weft::ddof{1}, 0)` for that of a sample. That of complex numbers is real.
WEFT_DETAIL_VARIANCE(var, false, false)
WEFT_DETAIL_VARIANCE(std, false, true)
WEFT_DETAIL_VARIANCE(nanvar, true, false)
WEFT_DETAIL_VARIANCE(nanstd, true, true)
#undef WEFT_DETAIL_VARIANCE

#define WEFT_DETAIL_PLACE(name, largest, skip)                                 \
  template <array_like X, detail::arrays::reduction_option... W>               \
  auto name(const X& x, const W&... where) {                                   \
    return detail::arrays::reduce_to_place<largest, skip>(x, #name, where...); \
  }
/// Where the first of the smallest is: its number along the axis, or in the whole array, row-major. A NaN is smaller
/// than all.
WEFT_DETAIL_PLACE(argmin, false, false)
WEFT_DETAIL_PLACE(argmax, true, false)
WEFT_DETAIL_PLACE(nanargmin, false, true)
WEFT_DETAIL_PLACE(nanargmax, true, true)
#undef WEFT_DETAIL_PLACE

/// The Euclidean norm; over two axes that of Frobenius.
template <array_like X, detail::arrays::reduction_option... W>
auto norm(const X& x, const W&... where) {
  return sqrt(sum(detail::arrays::apply_to(detail::arrays::squared_length{}, x), where...));
}
/// The central moment of that order: the mean of (x - mean(x)) to its power. Reads x twice.
template <array_like X, detail::arrays::reduction_option... W>
auto moment(const X& x, int order, const W&... where) {
  constexpr bool real = !detail::is_complex<typename X::value_type>;
  static_assert(real, "weft: moments are of real numbers");
  const array<typename X::value_type, X::rank> whole(x.node());
  const auto from_mean = astype<double>(whole) - mean(astype<double>(whole), where..., keep_axes);
  return mean(pow(from_mean, static_cast<double>(order)), where...);
}

/// Whether isclose() holds of all elements: one bool.
template <class X, class Y>
  requires detail::arrays::operands<X, Y>
auto allclose(const X& x, const Y& y, const tolerance& t = {}) {
  return all(isclose(x, y, t));
}
/// The largest less the smallest, in one pass; NaN where there is one. Of no element it is misuse.
template <array_like X, detail::arrays::reduction_option... W>
auto ptp(const X& x, const W&... where) {
  return detail::arrays::reduce_by(x, detail::arrays::spread_of<typename X::value_type>{}, "ptp", where...);
}

namespace detail::arrays {

/// The sums of the elements by their weights, and those of the weights.
template <class X, class V, class... W>
auto weighed(const X& x, const V& weights, const W&... where) {
  constexpr bool one_axis = (axes_named<W> + ... + 0) == 1;
  array_ref laid = weights.node();
  if constexpr (one_axis) {
    // Behind the axis there are as many of one element as x has behind it.
    const std::size_t along = axis_of_mask(mask_of(x.grid(), where...));
    if (weights.grid().rank == 1)
      for (std::size_t a = along + 1; a < x.grid().rank; ++a) laid = expand_view(std::move(laid), -1);
  }
  const auto all = array<typename V::value_type, X::rank>(broadcast_view(std::move(laid), x.shape()));
  return std::pair(weft::sum(weft::astype<real_t<typename X::value_type>>(x) * all, where...),
                   weft::sum(weft::astype<real_t<typename V::value_type>>(all), where...));
}

}  // namespace detail::arrays

/// The mean of x where each element counts as its weight says: weights broadcast with x, and may be of one axis where
/// one axis is reduced, along which they lie then. Integers are weighed as doubles. Reads x once, and the weights
/// twice. NaN where they come to nothing.
template <array_like X, array_like V, detail::arrays::reduction_option... W>
auto average(const X& x, const V& weights, const W&... where) {
  const auto [sums, all] = detail::arrays::weighed(x, weights, where...);
  return sums / all;
}
/// Without weights it is the mean.
template <array_like X, detail::arrays::reduction_option... W>
auto average(const X& x, const W&... where) {
  return mean(x, where...);
}
/// With the sums of the weights beside it: `const auto [means, sums] = average(x, weights, returned, 0);`
struct returned_t {};
inline constexpr returned_t returned{};
template <array_like X, array_like V, detail::arrays::reduction_option... W>
auto average(const X& x, const V& weights, returned_t, const W&... where) {
  const auto [sums, all] = detail::arrays::weighed(x, weights, where...);
  return std::pair(array(sums / all), all);
}
/// Without weights each element counts once: their sums are how many elements a mean is of.
template <array_like X, detail::arrays::reduction_option... W>
auto average(const X& x, returned_t, const W&... where) {
  const array means(mean(x, where...));
  using T = typename decltype(means)::value_type;
  const double count = detail::arrays::count_reduced(x.grid(), detail::arrays::mask_of(x.grid(), where...));
  return std::pair(means, full<T, decltype(means)::rank>(x.owner(), means.shape(), static_cast<T>(count)));
}

namespace detail::arrays {

template <class R, class T>
consteval bool checked_reducer() {
  constexpr bool travels = encodable<R>;
  static_assert(travels, "weft: a reducer is an aggregate of plain values, so that it can travel");
  constexpr bool complete = requires(const R& r, typename R::accumulator& a, const typename R::accumulator& b, T x) {
    typename R::result;
    { r.start() } -> std::convertible_to<typename R::accumulator>;
    r.add(a, x);
    r.merge(a, b);
    { r.finish(b) } -> std::convertible_to<typename R::result>;
  };
  static_assert(complete,
                "weft: a reducer has types result and accumulator, and const members accumulator start(), "
                "void add(accumulator&, T), void merge(accumulator&, const accumulator& after) and "
                "result finish(const accumulator&)");
  return travels && complete;
}

}  // namespace detail::arrays

/// A reduction of your own: `reduce(x, largest_gap{}, 0)`. `how` is an aggregate with
///
///     using result = ...;
///     using accumulator = ...;  // trivially copyable, of up to 64 bytes
///     accumulator start() const;                                     // of no element
///     void add(accumulator&, T) const;                               // one more
///     void merge(accumulator&, const accumulator& after) const;      // those of elements that come after
///     result finish(const accumulator&) const;
///
/// It travels with the program, and is called in the order that the reductions above have: elements that are merged
/// need not be neighbours, since eight lanes are added side by side.
template <array_like X, class R, detail::arrays::reduction_option... W>
  requires(!array_like<R>)
auto reduce(const X& x, const R& how, const W&... where) {
  static_assert(detail::arrays::checked_reducer<R, typename X::value_type>());
  return detail::arrays::reduce_by(x, how, nullptr, where...);
}

}  // namespace weft
