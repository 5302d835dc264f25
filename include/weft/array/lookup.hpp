#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

#include "weft/array/count.hpp"
#include "weft/array/map.hpp"

/// Looking up elements in an array, as count.hpp does it in lists that are here. Each chunk of the one is searched
/// for the elements of each chunk of the other, and what is found is reduced over the first, so that both may be
/// larger than the memory: as many tasks as the products of their chunks, with 8 bytes an element each (isin: one). x
/// has up to seven axes.
namespace weft {

namespace detail::arrays {

template <class V>
auto list_in(const V& chunk) {
  return std::span<const typename V::value_type>(chunk.data(), chunk.size());
}
/// How many elements of a chunk, which is sorted, stand before each of another.
struct find_in_chunk {
  static constexpr const char* name = "searchsorted";
  bool behind = false;
  template <class X, class V>
  xt::xarray<std::int64_t> operator()(const X& x, const V& list) const {
    auto found = xt::xarray<std::int64_t>::from_shape(x.shape());
    std::transform(x.data(), x.data() + x.size(), found.data(),
                   [&](auto e) { return place_among(list_in(list), e, behind); });
    return found;
  }
};
struct sort_chunk {
  static constexpr const char* name = "sort";
  template <class V>
  auto operator()(const V& list) const {
    xt::xtensor<std::remove_const_t<typename V::value_type>, 1> sorted = list;
    sort_run(sorted.data(), sorted.size());
    return sorted;
  }
};
struct is_in_chunk {
  static constexpr const char* name = "isin";
  template <class X, class V>
  xt::xarray<bool> operator()(const X& x, const V& list) const {
    auto found = xt::xarray<bool>::from_shape(x.shape());
    std::transform(x.data(), x.data() + x.size(), found.data(),
                   [&](auto e) { return stands_among(list_in(list), e); });
    return found;
  }
};
/// f of each chunk of x with each of a list of one axis; these are along a new axis, the last one.
template <class F, class X, class V>
auto with_each_chunk(const F& f, const X& x, const array<V, 1>& list) {
  static_assert(checked_numbers<X>() && checked_numbers<array<V, 1>>());
  block_shape one{weft::shape::of_rank(x.grid().rank + 1)};
  one.extents[x.grid().rank] = 1;
  return map_blocks(f, one, x(ellipsis, newaxis), list);
}

}  // namespace detail::arrays

/// Where each element of x would stand in a sorted array of one axis. Whether it is sorted is not looked at. Throws
/// misuse where it has not one axis.
template <array_like V, array_like X>
auto searchsorted(const V& values, const X& x, side at = side::left) {
  using namespace detail::arrays;
  if (values.grid().rank != 1) throw_axes("searchsorted, in the elements", "one axis", values.grid());
  const array<typename V::value_type, 1> list(values.node());
  return array<std::int64_t, X::rank>(sum(with_each_chunk(find_in_chunk{at == side::right}, x, list), -1));
}
template <array_like X, array_like V>
auto digitize(const X& x, const V& edges, bool right = false) {
  return searchsorted(edges, x, right ? side::left : side::right);
}
/// Whether each element is among those of an array of any number of axes, each chunk of which is sorted first.
template <array_like X, array_like V>
auto isin(const X& x, const V& values) {
  using namespace detail::arrays;
  const array<typename V::value_type, 1> list = map_blocks(sort_chunk{}, ravel(values));
  return array<bool, X::rank>(any(with_each_chunk(is_in_chunk{}, x, list), -1));
}

}  // namespace weft
