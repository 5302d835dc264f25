#pragma once

#include <cstdint>
#include <type_traits>

#include "weft/array/create.hpp"
#include "weft/array/join.hpp"
#include "weft/array/reshape.hpp"
#include "weft/array/take.hpp"

/// Elements put in along an axis, and taken out. What is made has tasks that copy boxes of chunks; a part of it
/// computes that part alone. Building it costs O(n log n) for n indices. They throw misuse for axes, indices and
/// shapes that do not fit.
namespace weft {

namespace detail::arrays {

/// Where elements are put in or taken out: an integer, a slice or a list.
template <class I>
concept index_along = is_number_index<I> || std::is_same_v<I, slice> || index_list<I>;

/// What an array of T is given: an array of T, or a scalar.
template <class T, class X, class V>
array_ref values_for(const X& x, const V& values) {
  if constexpr (array_like<V>) {
    static_assert(std::is_same_v<T, typename V::value_type>,
                  "weft: what is inserted has elements of the array's type: use astype<> on it");
    return values.node();
  } else {
    return full<T, 0>(x.owner(), {}, fitting<T>(values)).node();
  }
}

}  // namespace detail::arrays

/// x with `values`, a scalar or an array, before these elements of an axis: `insert(x, 2, 0.0, 1)`. Indices are those
/// of x, and up to its extent, behind the last one. Before several (`positions(1, 1, 4)`, or a slice) there is one
/// element of the values each, which broadcast; before one there are as many as these have along the axis. Where it
/// is an integer, the first axis of the values lies along `axis`, so that those of one axis less are one slice.
template <array_like X, detail::arrays::index_along I, class V>
  requires(array_like<V> || array_scalar<V>)
auto insert(const X& x, const I& before, const V& values, std::int64_t axis) {
  using namespace detail::arrays;
  using T = typename X::value_type;
  if constexpr (index_list<I>) {
    constexpr bool no_mask = !std::is_same_v<typename I::value_type, bool>;
    static_assert(no_mask, "weft: a mask says no places to insert at: give positions");
  }
  return array<T, X::rank>(inserted(x.node(), item_of(before), values_for<T>(x, values), axis));
}
/// The same with the elements row-major, in one axis.
template <array_like X, detail::arrays::index_along I, class V>
  requires(array_like<V> || array_scalar<V>)
auto insert(const X& x, const I& before, const V& values) {
  return insert(ravel(x), before, values, 0);
}

/// x without these elements of an axis: an integer, a slice, a list, or those where a mask holds.
/// `erase(x, positions(0, -1), 1)`. NumPy's delete.
template <array_like X, detail::arrays::index_along I>
auto erase(const X& x, const I& which, std::int64_t axis) {
  using namespace detail::arrays;
  return array<typename X::value_type, X::rank>(erased(x.node(), item_of(which), axis));
}
/// The same with the elements row-major, in one axis.
template <array_like X, detail::arrays::index_along I>
auto erase(const X& x, const I& which) {
  return erase(ravel(x), which, 0);
}

/// x and then y along an axis, or without one the elements of both, row-major. Elements are promoted as for `+`.
template <array_like X, array_like Y>
auto append(const X& x, const Y& y, std::int64_t axis) {
  return concatenate(axis, x, y);
}
template <array_like X, class Y>
  requires(array_like<Y> || array_scalar<Y>)
auto append(const X& x, const Y& y) {
  if constexpr (array_like<Y>)
    return concatenate(0, ravel(x), ravel(y));
  else
    return concatenate(0, ravel(x), full<Y, 1>(x.owner(), {1}, y));
}

}  // namespace weft
