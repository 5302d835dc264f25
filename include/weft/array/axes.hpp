#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>

#include "weft/array/array.hpp"
#include "weft/detail/array/reducers.hpp"

namespace weft {

/// Several axes: `sum(x, weft::axes(0, 2))`.
template <std::size_t K>
struct axes {
  std::array<std::int64_t, K> list;
  template <class... I>
    requires(sizeof...(I) == K && (std::is_integral_v<I> && ...))
  constexpr axes(I... a) noexcept : list{static_cast<std::int64_t>(a)...} {}  // NOLINT: a list
};
template <class... I>
axes(I...) -> axes<sizeof...(I)>;

/// What is reduced stays as an axis of one element, so that the result broadcasts against the array.
struct keep_axes_t {};
inline constexpr keep_axes_t keep_axes{};

/// How many chunks a task of a reduction's tree combines, 2 or more: `sum(x, 0, split_every{4})`. More are fewer
/// levels, and tasks that hold more. Over k axes it is about the k-th root along each, two at least. Eight, where
/// nothing is said; fewer than two throw misuse.
struct split_every {
  std::int64_t chunks = detail::arrays::usual_fan_in;
};

namespace detail::arrays {

template <class W>
inline constexpr bool is_axes = false;
template <std::size_t K>
inline constexpr bool is_axes<axes<K>> = true;
template <class W>
inline constexpr std::size_t axes_named = std::is_integral_v<W> ? 1 : 0;
template <std::size_t K>
inline constexpr std::size_t axes_named<axes<K>> = K;

/// What may follow the array in a reduction.
template <class W>
concept reduction_option = (std::is_integral_v<W> && !std::is_same_v<W, bool>) || is_axes<W> ||
                           std::is_same_v<W, keep_axes_t> || std::is_same_v<W, split_every>;
/// The same of functions that have no such tree.
template <class W>
concept axes_option = reduction_option<W> && !std::is_same_v<W, split_every>;
template <std::size_t N, class... W>
struct reduced_rank {
  static constexpr bool keeps = (std::is_same_v<W, keep_axes_t> || ...);
  static constexpr std::size_t named = (std::size_t{0} + ... + axes_named<W>);
  static constexpr bool enough = named <= N;
  static constexpr std::size_t value = !enough || (N == dynamic_rank && (named != 0 || keeps)) ? dynamic_rank
                                       : keeps                                                 ? N
                                       : named == 0                                            ? 0
                                                                                               : N - named;
};

template <class... W>
std::uint32_t mask_of(const grid& g, const W&... where) {
  std::array<std::int64_t, (std::size_t{0} + ... + axes_named<W>)+1> named{};
  std::size_t n = 0;
  [[maybe_unused]] const auto take = [&](const auto& w) {
    using O = std::remove_cvref_t<decltype(w)>;
    if constexpr (std::is_integral_v<O>)
      named[n++] = static_cast<std::int64_t>(w);
    else if constexpr (is_axes<O>)
      for (const std::int64_t a : w.list) named[n++] = a;
  };
  (take(where), ...);
  return axes_mask(g, named.data(), n);
}

template <class... W>
std::int64_t fan_in_of(const W&... options) {
  std::int64_t n = usual_fan_in;
  [[maybe_unused]] const auto take = [&](const auto& o) {
    if constexpr (std::is_same_v<std::remove_cvref_t<decltype(o)>, split_every>) n = o.chunks;
  };
  (take(options), ...);
  return n;
}

/// x by the reducer: one pass over its chunks, as part of the tasks that make them, and then a tree over these.
template <class X, class R, class... W>
auto reduce_by(const X& x, const R& how, const char* not_of_nothing, const W&... where) {
  using rank = reduced_rank<X::rank, W...>;
  constexpr bool enough_axes = rank::enough;
  static_assert(enough_axes, "weft: a reduction over more axes than the array has");
  using T = typename X::value_type;
  const std::uint32_t mask = mask_of(x.grid(), where...);
  if (not_of_nothing) check_not_empty(x.grid(), mask, not_of_nothing);
  return array<typename R::result, rank::value>(make_reduction(x.node(), element_of<typename R::result>, mask,
                                                               rank::keeps, arrays::reducer_by<R, T>(how),
                                                               fan_in_of(where...)));
}

}  // namespace detail::arrays
}  // namespace weft
