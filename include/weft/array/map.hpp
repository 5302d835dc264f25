#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "weft/array/array.hpp"
#include "weft/array/elementwise.hpp"
#include "weft/detail/array/block_function.hpp"

/// Functions of whole chunks: a lambda without captures, or an aggregate with a const call operator, which travels
/// with the program. It sees its chunks as xtensor adaptors on the memory where they are; what is not one chunk (a
/// view, another chunking, a halo) is put together first. It gives an xtensor container or expression, which is
/// written to the result's chunk, or a scalar that stands for all elements. A result of another shape than that of
/// its chunk is misuse, thrown when it is computed.
namespace weft {

/// What functions of chunks take.
template <class T, std::size_t N = dynamic_rank>
using chunk_view = detail::arrays::view_type<T, N>;

/// Extents of the chunks that a function gives, one for each axis; 0: as those that it takes.
struct block_shape {
  weft::shape extents = {};
};

namespace detail::arrays {

template <class F, class... X>
auto code_of(const F& f) {
  return any_code<block_function>(std::make_shared<const block_code<F, X...>>(f));
}
template <class F, class... X>
struct one_result {
  static constexpr bool one = !block_code<F, X...>::results::several;
  static_assert(one, "weft: it is apply_gufunc that takes functions of several results");
  using type = std::tuple_element_t<0, typename block_code<F, X...>::elements>;
};
template <class F, class... X>
using block_result = typename one_result<F, X...>::type;

template <class T>
std::vector<std::byte> bytes_of(const T& value) {
  const auto bytes = std::as_bytes(std::span(&value, 1));
  return {bytes.begin(), bytes.end()};
}

/// Names of axes and arrays by turns: `"ij", x, "jk", y`.
template <std::size_t... I, class... A>
auto odd_ones(std::index_sequence<I...>, const std::tuple<A...>& all) {
  return std::tuple<std::remove_cvref_t<std::tuple_element_t<2 * I + 1, std::tuple<A...>>>...>(
      std::get<2 * I + 1>(all)...);
}

}  // namespace detail::arrays

/// f(chunks...) for each chunk. Arrays broadcast, and are cut as those with the most chunks. f may take a
/// `const weft::chunk_place&` first.
///
///     auto y = weft::map_blocks([](const auto& a) { return xt::cumsum(a, 1); }, x);
template <class F, array_like... X>
auto map_blocks(F f, const block_shape& chunk, const X&... x) {
  using namespace detail::arrays;
  static_assert(checked_block_function<F, X...>());
  using T = block_result<F, X...>;
  constexpr std::size_t n = std::max({X::rank...});
  return array<T, n>(map_blocks_of({x.node()...}, element_of<T>, chunk.extents, code_of<F, X...>(f)));
}
template <class F, array_like... X>
  requires(sizeof...(X) > 0)
auto map_blocks(F f, const X&... x) {
  return map_blocks(std::move(f), block_shape{}, x...);
}

/// How chunks overlap: by `depth` elements of their neighbours on each side of each axis (one number for all axes, or
/// one for each). `after`: other numbers for the far side, in the same way; none: those of `depth`. `constant`: what
/// stands beyond the ends with boundary::constant. `trim`: the function gives a chunk of the shape that it took, of
/// which the halo is cut off; otherwise it gives one without it.
struct overlap_options {
  weft::shape depth = {1};
  weft::shape after = {};
  weft::boundary boundary = weft::boundary::nothing;
  double constant = 0;
  bool trim = true;
};
static_assert(std::is_trivially_destructible_v<overlap_options>, "g++ 12 destroys it twice in a co_await expression");

/// f(chunks with their halos...) for each chunk. Arrays broadcast, and are cut as those with the most chunks; an axis
/// of one element that stands for many has no halo. A part of the result reads the chunks around that part alone.
/// Throws misuse for depths below 0, and for a constant that does not fit in the elements.
template <class F, array_like... X>
  requires(sizeof...(X) > 0)
auto map_overlap(F f, const overlap_options& how, const X&... x) {
  using namespace detail::arrays;
  static_assert(checked_block_function<F, X...>());
  using T = block_result<F, X...>;
  constexpr std::size_t n = std::max({X::rank...});
  return array<T, n>(map_overlap_of(
      {x.node()...}, element_of<T>,
      {how.depth, how.after, how.boundary, how.trim, {bytes_of(fitting<typename X::value_type>(how.constant))...}},
      code_of<F, X...>(f)));
}
template <class F, array_like X>
auto map_overlap(F f, const X& x, const overlap_options& how = {}) {
  return map_overlap(std::move(f), how, x);
}

/// f of chunks that belong together by the names of their axes: `blockwise<2>(f, "ik", "ij", x, "jk", y)` calls
/// f(chunk of x, chunk of y) for each chunk (i, k) of the result, with the whole of j. Extents of one name are equal,
/// and the result's axes are cut as the operands' that have the most chunks.
template <std::size_t N = dynamic_rank, class F, class... A>
auto blockwise(F f, std::string_view out, const A&... axes_and_arrays) {
  using namespace detail::arrays;
  static_assert(sizeof...(A) % 2 == 0 && sizeof...(A) > 0, "weft: blockwise takes names of axes and arrays by turns");
  const std::tuple<const A&...> all(axes_and_arrays...);
  const auto arrays_of = odd_ones(std::make_index_sequence<sizeof...(A) / 2>{}, all);
  std::vector<std::string_view> names;
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (names.emplace_back(std::get<2 * I>(all)), ...);
  }(std::make_index_sequence<sizeof...(A) / 2>{});
  return std::apply(
      [&]<class... X>(const X&... x) {
        static_assert(checked_block_function<F, X...>());
        using T = block_result<F, X...>;
        return array<T, N>(blockwise_of(out, {x.node()...}, names, element_of<T>, code_of<F, X...>(f)));
      },
      arrays_of);
}

/// Extents of axes that a generalized function makes, in the order in which the signature names them.
struct new_axes {
  weft::shape extents = {};
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

}  // namespace detail::arrays

/// A generalized function, by NumPy's signature: `apply_gufunc<1>(f, "(i)->()", x)` calls f for chunks that have the
/// whole of the axes named (the last ones), and gives the axes that it says. Axes before them are looped over: they
/// broadcast, and f sees a chunk of them. Axes of the result that no operand has are `new_axes`, before the arrays.
///
/// Where f gives a std::tuple, so does this: `const auto [low, high] = apply_gufunc<1, 1>(f, "(i)->(),()", x)`, with
/// the rank of each. f is called once for a chunk where they are computed, or persisted, together; what it gives is
/// kept until each has taken its own.
template <std::size_t... N, class F, array_like... X>
auto apply_gufunc(F f, std::string_view signature, const new_axes& made, const X&... x) {
  using namespace detail::arrays;
  static_assert(checked_block_function<F, X...>());
  using code = block_code<F, X...>;
  using elements = typename code::elements;
  const auto types = []<class... T>(std::type_identity<std::tuple<T...>>) {
    return std::vector<element>{element_of<T>...};
  }(std::type_identity<elements>{});
  auto all = results_of(std::type_identity<elements>{}, std::index_sequence<N...>{},
                        std::make_index_sequence<std::tuple_size_v<elements>>{},
                        apply_gufunc_of(signature, {x.node()...}, types, made.extents, code_of<F, X...>(f)));
  if constexpr (code::results::several)
    return all;
  else
    return std::get<0>(std::move(all));
}
template <std::size_t... N, class F, array_like... X>
  requires(sizeof...(X) > 0)
auto apply_gufunc(F f, std::string_view signature, const X&... x) {
  return apply_gufunc<N...>(std::move(f), signature, new_axes{}, x...);
}

}  // namespace weft
