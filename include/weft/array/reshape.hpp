#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include "weft/array/array.hpp"
#include "weft/array/axes.hpp"
#include "weft/array/rechunk.hpp"
#include "weft/detail/array/gathers.hpp"

/// The same elements in other places. What is made has tasks of its own, which copy boxes of chunks; a part of it
/// computes that part alone. They throw misuse for axes and extents that do not fit.
namespace weft {

/// The elements, row-major, with other axes; one extent may be -1, for what the others leave. Chunks of axes that
/// stay are as before; those of others have about as many elements as before.
template <std::size_t N = dynamic_rank, array_like X>
auto reshape(const X& x, const weft::shape& to) {
  return array<typename X::value_type, N>(detail::arrays::reshaped(x.node(), to));
}
template <array_like X>
auto ravel(const X& x) {
  return reshape<1>(x, {-1});
}
/// Each chunk as one with other axes, by itself, so that nothing moves: chunk number n of the result, row-major, has
/// the elements of chunk number n of x in their order. The result's elements are in another order than reshape's
/// wherever an axis is cut behind one that it becomes one with: good for what the order does not matter to, as a sum,
/// a histogram, or a way back by chunk_sizes. Neighbouring axes become one, whose chunks are the products of theirs,
/// `reshape_blockwise<1>(x, {-1})`; one axis becomes several where chunks are named, below. A task a chunk, which
/// takes the buffer over where nobody else reads it, and copies it elsewhere. O(chunks along the axes) to build.
template <std::size_t N = dynamic_rank, array_like X>
auto reshape_blockwise(const X& x, const weft::shape& to) {
  return array<typename X::value_type, N>(detail::arrays::reshaped_by_chunks(x.node(), to));
}
/// To chunks of these sizes, of which each has as many elements as the one of x that has its number:
/// `reshape_blockwise<3>(y, chunk_sizes(x.chunk_sizes()))` for a y that was made of x.
template <std::size_t N = dynamic_rank, array_like X>
auto reshape_blockwise(const X& x, const chunk_sizes& sizes) {
  using namespace detail::arrays;
  return array<typename X::value_type, N>(
      reshaped_by_chunks(x.node(), grid_of_sizes(N, sizes.lists(), sizeof(typename X::value_type))));
}
/// Elements move `shift` places along an axis, and those that leave it come back at the other end. Without an axis
/// they move row-major, through two reshapes.
template <array_like X>
auto roll(const X& x, std::int64_t shift, std::int64_t axis) {
  return array<typename X::value_type, X::rank>(detail::arrays::rolled(x.node(), shift, axis));
}
/// Along several axes in one pass, by as many shifts or one for all: `roll(x, {5, -3}, axes(0, 1))`. An axis that is
/// named twice moves by both.
template <array_like X, std::size_t K>
auto roll(const X& x, const weft::shape& shifts, const axes<K>& along) {
  return array<typename X::value_type, X::rank>(detail::arrays::rolled(x.node(), shifts, along.list));
}
template <array_like X>
auto roll(const X& x, std::int64_t shift) {
  return reshape<X::rank>(roll(ravel(x), shift, 0), x.shape());
}
/// The array again and again: `times[i]` along axis i, counted from the last axis as shapes that broadcast. It has as
/// many axes as the longer of both: `tile<2>(x, {2, 3})`.
template <std::size_t N = dynamic_rank, array_like X>
auto tile(const X& x, const weft::shape& times) {
  return array<typename X::value_type, N>(detail::arrays::tiled(x.node(), times));
}
/// Each element `times` times along an axis. (A template, so that `{}` is a list of no number, and not 0.)
template <array_like X, std::integral I>
auto repeat(const X& x, I times, std::int64_t axis) {
  return array<typename X::value_type, X::rank>(
      detail::arrays::repeated(x.node(), static_cast<std::int64_t>(times), axis));
}
/// Each as often as its own number says, of which there is one for each element along the axis, or one for all:
/// `repeat(x, {2, 0, 1}, 0)`. As take() by a list of as many indices as the result has, 2^30 at most: building it
/// takes 8 bytes, and the client holds 8 more, for each element of the result along the axis. By one number for all
/// it costs nothing of that kind.
template <array_like X>
auto repeat(const X& x, const std::vector<std::int64_t>& times, std::int64_t axis) {
  return array<typename X::value_type, X::rank>(detail::arrays::repeated(x.node(), times, axis));
}

}  // namespace weft
