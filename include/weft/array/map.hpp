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
#include "weft/array/axes.hpp"
#include "weft/array/elementwise.hpp"
#include "weft/array/rechunk.hpp"
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

/// What chunks a function gives, where they are not as those that it takes: `extents`, one for each axis of the
/// result, 0 as they are; `drop`, axes of the arrays, as they broadcast, that the result has not, each of one chunk;
/// `add`, new axes, by their places in the result, each in one chunk of the extent that is given, or of 1.
///
///     weft::block_shape{.extents = {0, 3}, .drop = weft::axes(1), .add = weft::axes(1)}
template <std::size_t Dropped = 0, std::size_t Added = 0>
struct block_shape {
  weft::shape extents = {};
  axes<Dropped> drop = {};
  axes<Added> add = {};
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

/// Of the result of a function of chunks.
template <std::size_t Dropped, std::size_t Added, class... X>
consteval std::size_t rank_of_blocks() {
  constexpr std::size_t n = std::max({X::rank...});
  constexpr bool enough = Dropped <= n;
  static_assert(enough, "weft: map_blocks drops more axes than the arrays have");
  return n == dynamic_rank || !enough ? dynamic_rank : n - Dropped + Added;
}
template <class F, std::size_t D, std::size_t A, class... X>
auto blocks_mapped(F f, const block_shape<D, A>& chunk, std::span<const std::vector<std::int64_t>> sizes,
                   const X&... x) {
  static_assert(checked_block_function<F, X...>());
  using T = block_result<F, X...>;
  constexpr std::size_t n = rank_of_blocks<D, A, X...>();
  static_assert(checked_block_rank<n, F, X...>());
  const block_changes how{chunk.extents, chunk.drop.list, chunk.add.list, sizes};
  return array<T, n>(map_blocks_of({x.node()...}, element_of<T>, how, code_of<F, X...>(f)));
}

}  // namespace detail::arrays

/// f(chunks...) for each chunk. Arrays broadcast, and are cut as those with the most chunks. f may take a
/// `const weft::chunk_place&` first. Chunks of other extents, or of other axes, are named before the arrays.
///
///     auto y = weft::map_blocks([](const auto& a) { return xt::cumsum(a, 1); }, x);
///     auto z = weft::map_blocks([](const auto& a) { return xt::sum(a, {1}); },
///                               weft::block_shape{.drop = weft::axes(1)}, x);
///
/// Throws misuse for an axis that goes and has several chunks, and for extents that do not fit.
template <class F, std::size_t D, std::size_t A, array_like... X>
  requires(sizeof...(X) > 0)
auto map_blocks(F f, const block_shape<D, A>& chunk, const X&... x) {
  return detail::arrays::blocks_mapped(std::move(f), chunk, {}, x...);
}
template <class F, array_like... X>
  requires(sizeof...(X) > 0)
auto map_blocks(F f, const X&... x) {
  return detail::arrays::blocks_mapped(std::move(f), block_shape{}, {}, x...);
}
/// The same, whose chunks are so long each: `map_blocks(f, chunk_sizes({2, 3}, {}), x)`, along each axis of the
/// result as many as there are; an axis without a list is as it would be.
template <class F, std::size_t D, std::size_t A, array_like... X>
  requires(sizeof...(X) > 0)
auto map_blocks(F f, const block_shape<D, A>& chunk, const chunk_sizes& sizes, const X&... x) {
  return detail::arrays::blocks_mapped(std::move(f), chunk, sizes.of_rank(0), x...);
}
template <class F, array_like... X>
  requires(sizeof...(X) > 0)
auto map_blocks(F f, const chunk_sizes& sizes, const X&... x) {
  return detail::arrays::blocks_mapped(std::move(f), block_shape{}, sizes.of_rank(0), x...);
}

namespace detail::arrays {

template <std::size_t N, class F>
auto from_places(const client& c, F f, const grid& chunks) {
  using T = block_result<F>;
  static_assert(checked_block_rank<N, F>());
  return array<T, N>(blocks_made(c, element_of<T>, chunks, code_of<F>(f)));
}

}  // namespace detail::arrays

/// An array made by a function of the chunk's place alone: f(place) gives the chunk of `place.extents`.
///
///     auto x = weft::from_blocks<2>(c, {1000, 200}, read_frames{}, {.chunk = {10, -1}});
template <std::size_t N = dynamic_rank, class F>
auto from_blocks(const client& c, const weft::shape& extents, F f, const creation& how = {}) {
  using namespace detail::arrays;
  static_assert(checked_block_function<F>());
  return from_places<N>(c, std::move(f), grid_for<block_result<F>>(extents, how));
}
/// In chunks of these sizes, which add up to its extents. Throws misuse for an axis without any.
template <std::size_t N = dynamic_rank, class F>
auto from_blocks(const client& c, const chunk_sizes& sizes, F f) {
  using namespace detail::arrays;
  static_assert(checked_block_function<F>());
  const auto each = sizes.of_rank(N == dynamic_rank ? 0 : N);
  return from_places<N>(c, std::move(f), grid_of_sizes(each, sizeof(block_result<F>)));
}

/// How chunks overlap: by `depth` elements of their neighbours on each side of each axis (one number for all axes, or
/// one for each). `after`: other numbers for the far side, in the same way; none: those of `depth`. `boundary`: what
/// stands beyond the ends, of all axes or of each: `{boundary::periodic, boundary::nearest}`. `constant`: what stands
/// there with boundary::constant, in the corners too where other axes have another one. `trim`: the function gives a
/// chunk of the shape that it took, of which the halo is cut off; otherwise it gives one without it.
struct overlap_options {
  weft::shape depth = {1};
  weft::shape after = {};
  weft::boundaries boundary = weft::boundary::nothing;
  double constant = 0;
  bool trim = true;
};
static_assert(std::is_trivially_destructible_v<overlap_options>, "g++ 12 destroys it twice in a co_await expression");

/// f(chunks with their halos...) for each chunk. Arrays broadcast, and are cut as those with the most chunks; an axis
/// of one element that stands for many has no halo. Depth and boundary are those of all arrays, and what comes out
/// has their axes: for a function that drops or adds some there are overlap and map_blocks with a block_shape. A part
/// of the result reads the chunks around that part alone. Throws misuse for depths below 0, for depths and boundaries
/// that are neither one nor one for each axis, and for a constant that does not fit in the elements.
template <class F, array_like... X>
  requires(sizeof...(X) > 0)
auto map_overlap(F f, const overlap_options& how, const X&... x) {
  using namespace detail::arrays;
  static_assert(checked_block_function<F, X...>());
  using T = block_result<F, X...>;
  constexpr std::size_t n = std::max({X::rank...});
  static_assert(checked_block_rank<n, F, X...>());
  return array<T, n>(map_overlap_of(
      {x.node()...}, element_of<T>,
      {how.depth, how.after, how.boundary, how.trim, {bytes_of(fitting<typename X::value_type>(how.constant))...}},
      code_of<F, X...>(f)));
}
template <class F, array_like X>
auto map_overlap(F f, const X& x, const overlap_options& how = {}) {
  return map_overlap(std::move(f), how, x);
}

/// The chunks with their halos, as an array of its own: each as long as before and `depth` longer on either side, so
/// that elements are in several of them. For functions of several steps, as `map_blocks(f, overlap(x, how))`; for one
/// map_overlap copies less. Options are as there, but for `trim`. Throws misuse, with boundary::nothing for halos
/// longer than the first or the last chunk too, since they would end within others: rechunk first.
template <array_like X>
auto overlap(const X& x, const overlap_options& how = {}) {
  using namespace detail::arrays;
  using T = typename X::value_type;
  return array<T, X::rank>(
      overlapped(x.node(), {how.depth, how.after, how.boundary, false, {bytes_of(fitting<T>(how.constant))}}));
}
/// Without the halos that overlap() has put around chunks, by the same options. Throws misuse for chunks that are no
/// longer than their halos.
template <array_like X>
auto trim_overlap(const X& x, const overlap_options& how = {}) {
  using namespace detail::arrays;
  return array<typename X::value_type, X::rank>(trimmed(x.node(), {how.depth, how.after, how.boundary, false, {}}));
}

namespace detail::arrays {

template <std::size_t N, class F, class... A>
auto blocks_by_name(F f, const block_changes& how, std::string_view out, const A&... axes_and_arrays) {
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
        static_assert(checked_block_rank<N, F, X...>());
        return array<T, N>(blockwise_of(out, {x.node()...}, names, element_of<T>, how, code_of<F, X...>(f)));
      },
      arrays_of);
}

}  // namespace detail::arrays

/// f of chunks that belong together by the names of their axes: `blockwise<2>(f, "ik", "ij", x, "jk", y)` calls
/// f(chunk of x, chunk of y) for each chunk (i, k) of the result, with the whole of j. Extents of one name are equal,
/// and the result's axes are cut as the operands' that have the most chunks.
template <std::size_t N = dynamic_rank, class F, class... A>
auto blockwise(F f, std::string_view out, const A&... axes_and_arrays) {
  return detail::arrays::blocks_by_name<N>(std::move(f), {}, out, axes_and_arrays...);
}
/// The same, whose chunks have other extents along the result's axes: `blockwise<2>(f, block_shape{{0, 3}}, "ie",
/// "ij", x)`, 0 as they are. That is also the extent of an axis that no array has, as e here, of one chunk.
template <std::size_t N = dynamic_rank, class F, std::size_t D, std::size_t A, class... B>
auto blockwise(F f, const block_shape<D, A>& chunk, std::string_view out, const B&... axes_and_arrays) {
  static_assert(D == 0 && A == 0, "weft: axes that go and axes that are new have their names in a blockwise");
  return detail::arrays::blocks_by_name<N>(std::move(f), {chunk.extents}, out, axes_and_arrays...);
}
/// The same, whose chunks are so long each: `blockwise<2>(f, chunk_sizes({}, {3, 2}), "ie", "ij", x)`. An axis that
/// no array has is in as many chunks as there are sizes, and f is called for each.
template <std::size_t N = dynamic_rank, class F, class... A>
auto blockwise(F f, const chunk_sizes& sizes, std::string_view out, const A&... axes_and_arrays) {
  detail::arrays::block_changes how;
  how.sizes = sizes.of_rank(0);
  return detail::arrays::blocks_by_name<N>(std::move(f), how, out, axes_and_arrays...);
}

}  // namespace weft
