#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

#include "weft/array/axes.hpp"
#include "weft/array/map.hpp"
#include "weft/detail/array/block_reducers.hpp"

namespace weft {

namespace detail::arrays {

template <class R, class X>
consteval bool checked_chunk_reducer() {
  using view = view_type<typename X::value_type, X::rank>;
  constexpr bool travels = encodable<R>;
  static_assert(travels, "weft: a reducer is an aggregate of plain values, so that it can travel");
  constexpr bool begins = requires(const R& r, const view& x) { r.chunk(x); };
  static_assert(begins, "weft: a reducer of chunks has a const member accumulator chunk(const auto& a)");
  if constexpr (begins) {
    using A = std::remove_cvref_t<decltype(std::declval<const R&>().chunk(std::declval<const view&>()))>;
    constexpr bool accumulates = encodable<A>;
    static_assert(
        accumulates,
        "weft: what chunk() gives cannot be encoded, so it cannot travel: of an expression make a container, "
        "and give a type of your own weft_encode and weft_decode");
    constexpr bool complete = requires(const R& r, A& a, const A& b) {
      r.merge(a, b);
      r.finish(b);
    };
    static_assert(complete,
                  "weft: a reducer of chunks has const members accumulator chunk(const auto& a), void "
                  "merge(accumulator&, const accumulator& after) and auto finish(const accumulator&)");
    return travels && accumulates && complete;
  } else {
    return false;
  }
}
template <class R, class X, class... W>
auto blocks_reduced(const X& x, const R& how, bool keep, const weft::shape& extents, const W&... where) {
  using rank = reduced_rank<X::rank, W...>;
  constexpr bool enough_axes = rank::enough;
  static_assert(enough_axes, "weft: a reduction over more axes than the array has");
  using reduced = chunk_digest<R, typename X::value_type, X::rank>;
  constexpr bool fits = fits_rank<typename reduced::result, rank::value>;
  static_assert(
      fits,
      "weft: finish() gives chunks of another number of axes than the result has: those that are reduced go, "
      "unless keep_axes or a block_shape keeps them");
  const std::uint32_t mask = mask_of(x.grid(), where...);
  using T = typename reduced::value;
  return array<T, rank::value>(
      reduced_blocks(x.node(), element_of<T>, mask, keep, extents,
                     any_code<digest>(std::make_shared<const reduced>(how, mask, keep, extents))));
}

}  // namespace detail::arrays

/// A reduction of your own by whole chunks, along axes that are named as for `sum`, or all: `reduce_blocks(x,
/// spectrum{}, 0)`. `how` is an aggregate with
///
///     auto chunk(const auto& a) const;              // what one chunk becomes: an accumulator, of any encodable type
///     void merge(accumulator&, const accumulator& after) const;    // those of chunks that come after
///     auto finish(const accumulator&) const;        // the chunk of the result that they make
///
/// As a function of chunks it sees an xtensor adaptor, and finish gives a container or an expression, or a scalar for
/// all elements; the axes that are reduced are gone, or with keep_axes have one element. It travels with the program.
/// Accumulators are merged by a tree that the chunks alone decide, eight in a task along one axis, in the order of
/// their chunks; they are encoded and decoded where they go from task to task, and may have 2 GiB. Empty chunks are
/// chunks too. A result of another shape is misuse, thrown when it is computed. For elements there is reduce().
template <array_like X, class R, detail::arrays::axes_option... W>
auto reduce_blocks(const X& x, const R& how, const W&... where) {
  using namespace detail::arrays;
  static_assert(checked_chunk_reducer<R, X>());
  return blocks_reduced(x, how, reduced_rank<X::rank, W...>::keeps, {}, where...);
}
/// The same, whose reduced axes stay, with these extents: `reduce_blocks(x, ends{}, weft::block_shape{{2, 0}}, 0)`; 0
/// for axes that are not reduced, and 1 where a reduced one has 0. Throws misuse for others.
template <array_like X, class R, std::size_t D, std::size_t A, detail::arrays::axes_option... W>
auto reduce_blocks(const X& x, const R& how, const block_shape<D, A>& chunk, const W&... where) {
  using namespace detail::arrays;
  static_assert(D == 0 && A == 0, "weft: the axes that a reduction leaves are those that keep_axes says");
  static_assert(checked_chunk_reducer<R, X>());
  return blocks_reduced(x, how, true, chunk.extents, where..., keep_axes);
}

}  // namespace weft
