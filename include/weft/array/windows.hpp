#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include "weft/array/map.hpp"
#include "weft/array/reduce.hpp"
#include "weft/detail/array/windows.hpp"

/// Windows over elements: those that slide along axes, and those that lie side by side. They throw misuse for windows
/// and axes that do not fit.
namespace weft {

/// The windows of so many elements along an axis: element (i, k) of its axis and of a new one, the last, is element
/// i + k. Of an axis of n there are n - window + 1. It has as many times the elements, and tasks that copy them:
/// chunks are smaller than x's where these would have more than 8 MiB. Where a function of windows will do,
/// map_overlap copies nothing.
template <array_like X>
auto sliding_window_view(const X& x, std::int64_t window, std::int64_t axis) {
  constexpr std::size_t n = X::rank == dynamic_rank ? dynamic_rank : X::rank + 1;
  static_assert(n == dynamic_rank || n <= most_axes, "weft: an array has up to eight axes");
  return array<typename X::value_type, n>(detail::arrays::windows_of(x.node(), weft::shape(window), {&axis, 1}));
}
/// Along several: `sliding_window_view(x, {3, 5}, weft::axes(0, 2))`. The new axes are in that order.
template <array_like X, std::size_t K>
auto sliding_window_view(const X& x, const weft::shape& windows, const axes<K>& along) {
  constexpr std::size_t n = X::rank == dynamic_rank ? dynamic_rank : X::rank + K;
  static_assert(n == dynamic_rank || n <= most_axes, "weft: an array has up to eight axes");
  return array<typename X::value_type, n>(detail::arrays::windows_of(x.node(), windows, along.list));
}

namespace detail::arrays {

/// F for chunks of elements T of N axes, of which each is made two: windows, and their elements.
template <class F, class T, std::size_t N>
struct coarse_function {
  static constexpr const char* name = "coarsen";
  using extents_type = std::conditional_t<N == dynamic_rank, std::vector<std::size_t>,
                                          std::array<std::size_t, N == dynamic_rank ? 1 : 2 * N>>;
  using axes_type = std::conditional_t<N == dynamic_rank, std::vector<std::size_t>,
                                       std::array<std::size_t, N == dynamic_rank ? 1 : N>>;
  using view = decltype(xt::adapt(std::declval<const T*>(), 0, xt::no_ownership(), std::declval<extents_type>()));
  static constexpr bool callable = std::is_invocable_v<const F&, const view&, const axes_type&>;

  F f;
  weft::shape windows;

  template <class V>
  auto operator()(const V& chunk) const {
    const std::size_t rank = windows.size();
    check_windows(shape_of(chunk), windows);
    extents_type extents{};
    axes_type within{};
    if constexpr (N == dynamic_rank) {
      extents.resize(2 * rank);
      within.resize(rank);
    }
    for (std::size_t a = 0; a < rank; ++a) {
      const auto one = static_cast<std::size_t>(windows[a]);
      extents[2 * a] = chunk.shape()[a] / one;
      extents[2 * a + 1] = one;
      within[a] = 2 * a + 1;
    }
    const view split = xt::adapt(chunk.data(), chunk.size(), xt::no_ownership(), extents);
    using R = typename std::remove_cvref_t<decltype(f(split, within))>::value_type;
    local_t<R, N> result = f(split, within);  // here, where what it refers to is
    return result;
  }
};

}  // namespace detail::arrays

/// A window of `windows` elements becomes one, as f says: `coarsen([](const auto& a, const auto& axes) { return
/// xt::mean(a, axes); }, x, {2, 3})`. f takes a chunk of whole windows as an xtensor adaptor, in which axis 2 i has
/// the windows along axis i, and axis 2 i + 1 their elements, and the numbers of these axes, to be reduced. It
/// travels with the program, as the functions of map_blocks do. Chunks of the result are as many times smaller; those
/// of x are read as whole windows. Extents that are no multiples of the windows' are misuse, unless `trim` leaves the
/// last elements out.
template <class F, array_like X>
auto coarsen(F f, const X& x, const weft::shape& windows, bool trim = false) {
  using namespace detail::arrays;
  using T = typename X::value_type;
  using function = coarse_function<F, T, X::rank>;
  static_assert(detail::checked_function<F>());
  constexpr bool some_axes = X::rank != 0;
  static_assert(some_axes, "weft: coarsen takes arrays of one axis or more");
  constexpr bool takes_axes = function::callable;
  static_assert(takes_axes,
                "weft: the function of coarsen takes a chunk and the axes of its windows, as (const auto& a, const "
                "auto& axes)");
  using from = array<T, X::rank>;
  using R = block_result<function, from>;
  return array<R, X::rank>(
      coarsened(x.node(), element_of<R>, windows, trim, code_of<function, from>(function{std::move(f), windows})));
}

}  // namespace weft
