#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include "weft/array/gufunc.hpp"
#include "weft/array/map.hpp"
#include "weft/array/pad.hpp"
#include "weft/array/reduce.hpp"
#include "weft/array/views.hpp"

/// Functions of one axis. They throw misuse for axes that are not there.
namespace weft {

namespace detail::arrays {

/// F for each line of chunks, whose last axis is whole.
template <class F, class T, std::size_t N>
struct line_function {
  static constexpr const char* name = "apply_along_axis";
  using line = view_type<T, 1>;
  static constexpr bool callable = std::is_invocable_v<const F&, const line&>;

  F f;
  std::int64_t length = -1;  // of what it gives for a line, where that is no scalar

  template <class V>
  auto operator()(const V& chunk) const {
    using made = std::remove_cvref_t<std::invoke_result_t<const F&, const line&>>;
    using R = typename result_element<made>::type;
    constexpr bool scalar = std::is_same_v<made, R>;
    constexpr std::size_t n = N == dynamic_rank ? N : scalar ? N - 1 : N;
    const std::size_t count = chunk.dimension();
    if (count == 0) throw_creation("apply_along_axis of a chunk without axes");
    const std::size_t extent = chunk.shape()[count - 1];
    const std::size_t each = scalar ? 1 : static_cast<std::size_t>(length);
    std::size_t lines = 1;
    std::vector<std::size_t> extents;
    for (std::size_t a = 0; a + 1 < count; ++a) {
      extents.push_back(chunk.shape()[a]);
      lines *= extents.back();
    }
    if constexpr (!scalar) extents.push_back(each);
    std::conditional_t<n == dynamic_rank, xt::xarray<R>, xt::xtensor<R, n == dynamic_rank ? 1 : n>> result;
    if constexpr (n != 0) result.resize(extents);  // one of no axes has its element, and g++ 12 warns of its resize
    for (std::size_t k = 0; k < lines; ++k) {
      const line one = view_of<const T, 1>(chunk.data() + k * extent, weft::shape(extent));
      if constexpr (scalar) {
        result.data()[k] = f(one);
      } else {
        const xt::xtensor<R, 1> given = f(one);
        if (given.size() != each) throw_chunk_shape(shape_of(given), weft::shape(each));
        std::copy(given.begin(), given.end(), result.data() + k * each);
      }
    }
    return result;
  }
};

template <class F, array_like X>
auto along_lines(F f, std::int64_t axis, const std::int64_t* made, const X& x) {
  using T = typename X::value_type;
  using function = line_function<F, T, X::rank>;
  using from = array<T, X::rank>;
  static_assert(detail::checked_function<F>());
  constexpr bool takes_lines = function::callable;
  static_assert(takes_lines, "weft: the function of apply_along_axis takes a weft::chunk_view<T, 1>, or const auto&");
  using given = std::remove_cvref_t<std::invoke_result_t<const F&, const typename function::line&>>;
  using R = typename result_element<given>::type;
  constexpr bool scalar = std::is_same_v<given, R>;
  const std::int64_t n = x.shape()[checked_axis(axis, x.grid())];
  array_ref lines = moved_view(x.node(), axis, -1);
  if constexpr (scalar) {
    constexpr std::size_t rank = X::rank == dynamic_rank ? dynamic_rank : X::rank - 1;
    auto code = code_of<function, from>(function{std::move(f)});
    return array<R, rank>(
        apply_gufunc_of("(i)->()", {std::move(lines)}, {element_of<R>}, {}, std::move(code)).front());
  } else {
    const weft::shape sizes = made ? weft::shape(*made) : weft::shape();
    auto code = code_of<function, from>(function{std::move(f), made ? *made : n});
    const char* const signature = made ? "(i)->(j)" : "(i)->(i)";
    auto all = apply_gufunc_of(signature, {std::move(lines)}, {element_of<R>}, {.extents = sizes}, std::move(code));
    return array<R, X::rank>(moved_view(std::move(all.front()), -1, axis));
  }
}

/// f of one axis, which stays, with one element where f has reduced it.
template <class F, class X>
auto over_axis(const F& f, const X& x, std::int64_t axis) {
  const auto at = static_cast<std::int64_t>(checked_axis(axis, x.grid()));
  const array<typename X::value_type, X::rank> whole(x.node());
  const auto reduced = f(whole, at);
  array_ref y = reduced.node();
  if (grid_of(*y).rank + 1 == x.grid().rank) y = expand_view(std::move(y), at);
  return array<typename decltype(reduced)::value_type, X::rank>(std::move(y));
}

}  // namespace detail::arrays

/// f(line) for all lines of elements along an axis: `apply_along_axis([](const auto& a) { return xt::median(a); }, 1,
/// x)`. A function that gives a scalar takes the axis away; one that gives a container or an expression of one axis
/// has as many elements as the line, or as `new_axes{{n}}` before the array says. Each task has whole lines. f
/// travels with the program, as the functions of map_blocks do; a result of another length is misuse, thrown when it
/// is computed.
template <class F, array_like X>
auto apply_along_axis(F f, std::int64_t axis, const X& x) {
  return detail::arrays::along_lines(std::move(f), axis, nullptr, x);
}
template <class F, array_like X>
auto apply_along_axis(F f, std::int64_t axis, const new_axes& made, const X& x) {
  if (made.extents.size() != 1) detail::arrays::throw_creation("apply_along_axis makes one axis: give one extent");
  return detail::arrays::along_lines(std::move(f), axis, made.extents.begin(), x);
}

/// f(x, axis), and f of that for the next of some axes, as the expression is built: `apply_over_axes([](const auto&
/// a, std::int64_t axis) { return weft::sum(a, axis); }, x, weft::axes(0, 2))`. Axes that f takes away stay with one
/// element. f gives arrays of one type.
template <class F, array_like X, std::size_t K>
auto apply_over_axes(const F& f, const X& x, const axes<K>& over) {
  static_assert(K > 0, "weft: apply_over_axes takes one axis or more");
  auto y = detail::arrays::over_axis(f, x, over.list[0]);
  for (std::size_t i = 1; i < K; ++i) y = detail::arrays::over_axis(f, y, over.list[i]);
  return y;
}

namespace detail::arrays {

/// F of a line with what stands beside it.
template <class F, class T>
struct padded_line {
  static constexpr const char* name = "pad";
  F f;
  std::int64_t before = 0, after = 0, axis = 0;
  template <class V>
  xt::xtensor<T, 1> operator()(const V& a) const {
    xt::xtensor<T, 1> line = a;
    f(line, pad_width{before, after}, axis);
    return line;
  }
};

}  // namespace detail::arrays

/// By a function of a line, as numpy.pad has it: f(line, width, axis) is called for each line along each axis that
/// has a width, one axis after the other, with an xt::xtensor<T, 1>& that has zeros in the first width.before
/// elements and the last width.after, or what was written there for the axes before. What it leaves in the line
/// stands there. It travels with the program, as the functions of apply_along_axis do, and each task has whole lines.
template <array_like X, class F>
  requires std::is_invocable_v<const F&, xt::xtensor<typename X::value_type, 1>&, const pad_width&, std::int64_t>
auto pad(const X& x, const padding& widths, const F& f) {
  using T = typename X::value_type;
  array<T, X::rank> all = pad(x, widths);
  std::int64_t axis = 0;
  const padding each = widths.for_axes(all.grid().rank);
  for (const pad_width& w : each.widths()) {
    if (w.before != 0 || w.after != 0)
      all = apply_along_axis(detail::arrays::padded_line<F, T>{f, w.before, w.after, axis}, axis, all);
    ++axis;
  }
  return all;
}

}  // namespace weft
