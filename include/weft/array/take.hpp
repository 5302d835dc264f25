#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "weft/array/array.hpp"
#include "weft/array/create.hpp"
#include "weft/array/functions.hpp"
#include "weft/array/reshape.hpp"
#include "weft/detail/array/gathers.hpp"

namespace weft {

/// The elements at these indices along an axis, in that order: `take(x, {5, 0, 5}, 1)`. They count from the end when
/// they are negative. A task reads the chunks in which its own are. Long lists are given to the client in parts, as
/// scatter does it. Throws misuse for an index that is not there.
template <array_like X>
auto take(const X& x, std::vector<std::int64_t> indices, std::int64_t axis) {
  return array<typename X::value_type, X::rank>(detail::arrays::taken(x.node(), std::move(indices), axis));
}

/// The same by an array of integers of one axis, which is computed with the result: `take(x, argsort(y), 0)`. In its
/// chunks, or smaller ones where others would have more than 8 MiB and than those of x. An index that is not there is
/// an error as it is found, with the index and the shape.
///
/// A chunk of indices is sorted by the chunks of x that they are in; each chunk of x is read, and let go when what
/// each chunk of the result has in it is picked out; and these are put together. So x may be larger than the memory;
/// what is picked is kept until its last chunk of x was read, which along the first axis is up to the result.
/// Cost: as many tasks as the product of the chunks of both along the axis, two copies of each element (three where x
/// is a view), and 16 bytes an index until then. Throws misuse for an array of other than one axis, and for 2^32
/// tasks.
template <array_like X, array_like I>
auto take(const X& x, const I& indices, std::int64_t axis) {
  constexpr bool whole = detail::arrays::is_array_index<I>;
  static_assert(whole, "weft: indices are an array of integers; by one of bools there is compress");
  return array<typename X::value_type, X::rank>(detail::arrays::taken_by(x.node(), indices.node(), axis));
}
/// Elements of each line along an axis by indices of its own: `take_along_axis(x, argsort(key, 1), 1)`. The indices
/// are an array of integers of as many axes, in whose chunks along the axis the result is; along others the two
/// broadcast; there chunks are cut where these would be larger than those of both and than 8 MiB. As take() by an
/// array otherwise, with 16 bytes for each element of the result. Throws misuse for shapes that do not broadcast.
template <array_like X, array_like I>
auto take_along_axis(const X& x, const I& indices, std::int64_t axis) {
  constexpr bool whole = detail::arrays::is_array_index<I>;
  static_assert(whole, "weft: indices are an array of integers; by one of bools there is compress");
  constexpr bool ranks_fit = X::rank == I::rank || X::rank == dynamic_rank || I::rank == dynamic_rank;
  static_assert(ranks_fit, "weft: take_along_axis takes indices of as many axes as the array has");
  return array<typename X::value_type, X::rank>(detail::arrays::taken_along(x.node(), indices.node(), axis));
}

/// The elements of groups of indices along an axis, one group after the other, each within one chunk: for functions
/// of chunks that need a group's elements together, `shuffle(x, {{0, 7, 14}, {1, 8, 15}}, 0)`. Short groups share a
/// chunk, up to about as many elements as those of x have along the axis; where groups are much longer the other axes
/// are cut finer. As take() otherwise: an index may be in several groups, or in none. Throws misuse for an index that
/// is not there.
template <array_like X>
auto shuffle(const X& x, const std::vector<std::vector<std::int64_t>>& groups, std::int64_t axis) {
  return array<typename X::value_type, X::rank>(detail::arrays::shuffled(x.node(), groups, axis));
}

namespace detail::arrays {

/// How many axes a list of indices has, and 0 for other indices.
template <class I>
inline constexpr std::size_t axes_of_list = 0;
template <index_list I>
inline constexpr std::size_t axes_of_list<I> = 1;
template <index_list I>
  requires requires(const I& i) { i.dimension(); }
inline constexpr std::size_t axes_of_list<I> = xt::get_rank<I>::value;  // dynamic_rank: all bits are set, there too

template <class... I>
consteval bool checked_points() {
  constexpr bool some_list = (index_list<I> || ...);
  static_assert(some_list, "weft: vindex takes a list of indices, or several: for others there is x(...)");
  constexpr bool known = ((is_index<I> && !std::is_same_v<I, newaxis_t>) && ...);
  static_assert(known, "weft: an index of vindex is an integer, a slice, ellipsis, or a list that is here");
  constexpr bool one_ellipsis = (std::size_t{0} + ... + std::size_t{std::is_same_v<I, ellipsis_t>}) <= 1;
  static_assert(one_ellipsis, "weft: an index has one ellipsis");
  return some_list && known && one_ellipsis;
}
/// Of what vindex gives of an array of N axes.
template <std::size_t N, class... I>
consteval std::size_t rank_of_points() {
  constexpr std::size_t points = std::max({axes_of_list<I>...});
  if constexpr (N == dynamic_rank || points == dynamic_rank)
    return dynamic_rank;
  else
    return N + points - (std::size_t{0} + ... + std::size_t{index_list<I> || std::is_integral_v<I>});
}
/// A list of any number of axes, whose elements are in the item row-major, and its shape.
template <class I>
index_item point_item(const I& i, std::vector<weft::shape>& shapes) {
  if constexpr (!index_list<I>) {
    return item_of(i);
  } else {
    index_item item;
    constexpr bool has_axes = requires { i.dimension(); }, is_mask = std::is_same_v<typename I::value_type, bool>;
    if constexpr (is_mask || !has_axes) {
      if constexpr (has_axes) check_point_mask(i.dimension());
      item = item_of(i);
      shapes.push_back(weft::shape(item.list.size()));
    } else {
      check_point_list(i.dimension());
      item.what = index_item::kind::list;
      for (const auto at : i) item.list.push_back(whole_index(at));
      shapes.push_back(shape_of(i));
    }
    return item;
  }
}

}  // namespace detail::arrays

/// Elements by lists of indices along several axes, point by point: `vindex(x, positions(0, 5), positions(7, 8))` are
/// x(0, 7) and x(5, 8). Lists broadcast to one another, as xt::xtensor of any number of axes too; a mask stands for
/// where it is true. Their axes come first in the result, and then those that slices stand for, and those that are
/// not named. Where these come before a list in x, chunks of x are copied with their axes in that order.
///
/// Each chunk of x that has points is read, and let go when they have been picked out of it. A task puts 8 MiB of the
/// result together. It holds them twice, and where points of n chunks of x are in a random order n / 16 times 8 MiB
/// in addition: where that is too much, sort them, or give x larger chunks. Building takes O(n log n) of n points. It
/// gives the lists to the client, 16 bytes a point, by one scatter for each chunk of x that has points, and up to 32
/// for each chunk of the result; on a cluster it throws weft::overloaded where more is unsent than may be. Throws
/// misuse for an index that is not there, for a mask of another length than its axis, for lists that do not broadcast
/// to one another, and for a result, or a list, of more than 8 axes.
template <array_like X, class... I>
auto vindex(const X& x, const I&... indices) {
  using namespace detail::arrays;
  constexpr bool enough_axes = axes_indexed<I...> <= X::rank;
  static_assert(enough_axes, "weft: more indices than the array has axes");
  if constexpr (enough_axes && checked_points<I...>()) {
    std::vector<weft::shape> shapes;
    const std::array<index_item, sizeof...(I)> all{point_item(indices, shapes)...};
    return array<typename X::value_type, rank_of_points<X::rank, I...>()>(pointed(x.node(), all, shapes));
  } else {
    return array<typename X::value_type, X::rank>(x.node());
  }
}

namespace detail::arrays {

/// A mask that is an array may stand where one that is here may.
template <class I>
using index_to_assign = std::conditional_t<is_array_mask<I>, std::vector<bool>, I>;

template <class V>
struct element_to_assign {
  using type = V;
};
template <array_like V>
struct element_to_assign<V> {
  using type = typename V::value_type;
};
/// What is assigned, as elements of T.
template <class T, class X, class V>
array_ref value_to_assign(const X& x, const V& value) {
  using S = typename element_to_assign<V>::type;
  constexpr bool alike = std::is_same_v<T, S> || (array_scalar<T> && array_scalar<S>);
  static_assert(alike, "weft: what is assigned has elements of the array's type, or both are numbers");
  constexpr bool real_part_only = is_complex<S> && !is_complex<T>;
  static_assert(!real_part_only, "weft: complex numbers are not assigned to real ones: use real or abs on them");
  if constexpr (!alike || real_part_only)
    return x.node();
  else if constexpr (array_like<V>)
    return elements_as<T>(value);
  else
    return full<T, 0>(x.owner(), {}, fitting<T>(value)).node();
}

}  // namespace detail::arrays

/// Where an assignment goes: an index for each axis, as in `x(...)`, but no new axes. One of them may be an array of
/// one axis, of integers or of bools: a mask. A position that is twice in a list gets the last of its values.
template <class... I>
struct region {
  static_assert(detail::arrays::checked_indices<detail::arrays::index_to_assign<I>...>());
  explicit region(const I&... i) : indices{detail::arrays::item_of(i)..., detail::arrays::index_item{}} {}
  std::array<detail::arrays::index_item, sizeof...(I) + 1> indices;
};

/// x with `value`, a scalar or an array that broadcasts, in a part of it; x itself is as it was:
/// `assign(x, region(slice(2), 3), 0.0)`. Elements of another type are converted to x's, as astype does it. Throws
/// misuse, for a scalar too that does not fit in an integer type.
///
/// Of `assign(x, region(weft::argsort(key), 3), value)` each chunk of indices is sorted by the chunks of x that they
/// are in, and for each of these, the last index that names an element is found. Cost: as many tasks as the product
/// of the chunks of both along the axis, 16 bytes an index in between, of which a task reads those in its own chunk
/// of x, and 8 bytes for each element of the axis. Where the value has several elements along it, an element takes
/// its own as take() by an array does, with 16 bytes more for each element of the axis, and two copies. An index that
/// is not there is an error as it is found; 2^32 tasks are misuse. Of a mask that is an array nobody knows how many
/// elements it takes: the value has one along its axis, or misuse is thrown.
template <array_like X, class... I, class V>
  requires(array_like<V> || array_scalar<V>)
auto assign(const X& x, const region<I...>& where, const V& value) {
  using T = typename X::value_type;
  constexpr bool enough_axes = detail::arrays::axes_indexed<I...> <= X::rank;
  static_assert(enough_axes, "weft: more indices than the array has axes");
  const std::span<const detail::arrays::index_item> indices(where.indices.data(), sizeof...(I));
  return array<T, X::rank>(detail::arrays::assigned(x.node(), indices, detail::arrays::value_to_assign<T>(x, value)));
}
template <array_like X, class V>
auto assign(const X& x, const slice& where, const V& value) {
  return assign(x, region(where), value);
}

namespace detail::arrays {

template <class M>
std::vector<std::int64_t> indices_of(const M& mask) {
  std::vector<std::int64_t> found;
  std::int64_t i = 0;
  for (const bool taken : mask) {
    if (taken) found.push_back(i);
    ++i;
  }
  return found;
}
template <class T, std::size_t N>
task<array<T, N>> compressed(array_ref x, array_ref mask, std::int64_t axis) {
  const xt::xtensor<bool, 1> taken = co_await collect<bool, 1>(std::move(mask));
  co_return array<T, N>(arrays::taken(std::move(x), indices_of(taken), axis));
}
template <class T>
task<array<T, 1>> compressed(array_ref x, array_ref mask) {
  co_return array<T, 1>(co_await compressed_list(std::move(x), std::move(mask)));
}

}  // namespace detail::arrays

/// The elements whose mask is true, row-major: how many there are is known when the mask has been computed, which
/// this awaits. `const weft::array<double, 1> some = co_await weft::compress(x, x > 0.5);` The mask stays with who
/// computes it, a byte an element, as long as the result; x is computed once more for it. Throws misuse when the
/// shapes differ.
template <array_like X, array_like M>
task<array<typename X::value_type, 1>> compress(const X& x, const M& mask) {
  static_assert(std::is_same_v<typename M::value_type, bool>, "weft: a mask is an array of bool");
  detail::arrays::check_mask(x.grid(), mask.grid());
  return detail::arrays::compressed<typename X::value_type>(ravel(x).node(), ravel(mask).node());
}
/// Along an axis, by a mask of one axis, which comes to this process.
template <array_like X, array_like M>
task<array<typename X::value_type, X::rank>> compress(const X& x, const M& mask, std::int64_t axis) {
  static_assert(std::is_same_v<typename M::value_type, bool>, "weft: a mask is an array of bool");
  detail::arrays::check_mask(x.grid(), mask.grid(), axis);
  return detail::arrays::compressed<typename X::value_type, X::rank>(x.node(), mask.node(), axis);
}

}  // namespace weft
