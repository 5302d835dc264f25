#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "weft/array/map.hpp"

/// Functions of the axes that a signature names, for all others: NumPy's generalized functions.
namespace weft {

/// Extents of axes that a generalized function makes, in the order in which the signature names them.
struct new_axes {
  weft::shape extents = {};
};

/// Which axes of the arrays are those that the signature names, where they are not the last ones, and which of the
/// results: a list for each array and behind these for each result, `core_axes{{0}, {-2, 0}, {}}`. Those of results
/// may be left out where the signature has none for any. One number is NumPy's `axis`, that of all, where one axis is
/// named: `core_axes(0)`.
class core_axes {
 public:
  using list = std::vector<std::int64_t>;
  core_axes(std::initializer_list<list> each) : each_(each) {}  // NOLINT: a list
  explicit core_axes(std::int64_t of_all) : one_(of_all) {}
  const std::vector<list>& lists() const noexcept { return each_; }
  const std::optional<std::int64_t>& one() const noexcept { return one_; }

 private:
  std::vector<list> each_;
  std::optional<std::int64_t> one_;
};

namespace detail::arrays {

/// The array, or a std::tuple of several, whose ranks are N... or dynamic.
template <class... T, std::size_t... N, std::size_t... I>
auto results_of(std::type_identity<std::tuple<T...>>, std::index_sequence<N...>, std::index_sequence<I...>,
                const std::vector<array_ref>& made) {
  constexpr bool ranks_fit = sizeof...(N) == 0 || sizeof...(N) == sizeof...(T);
  static_assert(ranks_fit, "weft: apply_gufunc takes a rank for each result, or none");
  if constexpr (!ranks_fit)
    return;
  else if constexpr (sizeof...(N) == 0)
    return std::tuple(array<T, dynamic_rank>(made[I])...);
  else
    return std::tuple(array<T, N>(made[I])...);
}

template <class O>
concept gufunc_option = std::is_same_v<O, new_axes> || std::is_same_v<O, core_axes> || std::is_same_v<O, keep_axes_t>;
inline void take_option(gufunc_changes& how, const new_axes& o) { how.extents = o.extents; }
inline void take_option(gufunc_changes& how, const core_axes& o) {
  how.axes = o.lists();
  how.one_axis = o.one();
}
inline void take_option(gufunc_changes& how, keep_axes_t) { how.keeps = true; }

template <std::size_t... N, class F, array_like... X>
auto gufunc_of(F f, std::string_view signature, const gufunc_changes& how, const X&... x) {
  constexpr bool some = sizeof...(X) > 0;
  static_assert(some, "weft: apply_gufunc takes an array at least");
  static_assert(checked_block_function<F, X...>());
  using called = block_code<F, X...>;
  using elements = typename called::elements;
  const auto types = []<class... T>(std::type_identity<std::tuple<T...>>) {
    return std::vector<element>{element_of<T>...};
  }(std::type_identity<elements>{});
  auto all = results_of(std::type_identity<elements>{}, std::index_sequence<N...>{},
                        std::make_index_sequence<std::tuple_size_v<elements>>{},
                        apply_gufunc_of(signature, {x.node()...}, types, how, code_of<F, X...>(f)));
  if constexpr (called::results::several)
    return all;
  else
    return std::get<0>(std::move(all));
}
template <std::size_t... N, class F, gufunc_option O, class... A>
auto gufunc_of(F f, std::string_view signature, gufunc_changes how, const O& option, const A&... more) {
  take_option(how, option);
  return gufunc_of<N...>(std::move(f), signature, how, more...);
}

}  // namespace detail::arrays

/// A generalized function, by NumPy's signature: `apply_gufunc<1>(f, "(i)->()", x)` calls f for chunks that have the
/// whole of the axes named, as their last ones, and gives the axes that it says. All others are looped over: they
/// broadcast, come first in the results, and f sees a chunk of them. An axis that is named may lie over several
/// chunks, which each task puts together (Dask's `allow_rechunk`): what a task is given has the chunks of the other
/// axes, which may have to be finer.
///
/// Before the arrays stand, in any order, `new_axes{{n}}`, the extents of axes of the results that no array has;
/// `core_axes`, which are not the last ones; and `keep_axes`, by which the axes named stay with one element, where
/// the arrays have as many each and the results none: where those of the first array are, or where `core_axes` says
/// for the result. The ranks are those of what comes out.
///
///     auto m = weft::apply_gufunc<2>(f, "(i),(i)->()", weft::core_axes{{0}, {1}}, weft::keep_axes, x, y);
///
/// Where f gives a std::tuple, so does this: `const auto [low, high] = apply_gufunc<1, 1>(f, "(i)->(),()", x)`, with
/// the rank of each. f is called once for a chunk where they are computed, or persisted, together; what it gives is
/// kept until each has taken its own.
///
/// Throws misuse for what is no signature, for axes and extents that do not fit, and where a task would be given more
/// than 2 GiB of an array.
template <std::size_t... N, class F, class... A>
  requires((array_like<A> || detail::arrays::gufunc_option<A>) && ...)
auto apply_gufunc(F f, std::string_view signature, const A&... options_and_arrays) {
  return detail::arrays::gufunc_of<N...>(std::move(f), signature, {}, options_and_arrays...);
}

}  // namespace weft
