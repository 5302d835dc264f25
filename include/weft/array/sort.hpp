#pragma once

#include <cstdint>
#include <type_traits>

#include "weft/array/elementwise.hpp"
#include "weft/detail/array/orders.hpp"

namespace weft {

namespace detail::arrays {

template <class X>
consteval bool checked_order() {
  constexpr bool ordered = std::is_arithmetic_v<typename X::value_type>;
  static_assert(ordered, "weft: what is sorted are arrays of real numbers, integers or bools");
  return ordered;
}
/// Each element with its index along the axis.
template <class X>
auto with_places(const X& x, std::int64_t axis) {
  coordinates steps{};
  steps[checked_axis(axis, x.grid())] = 1;
  const array<std::int64_t, X::rank> at(make_index(x.owner(), x.grid(), 0, steps));
  return array<placed<typename X::value_type>, X::rank>(arrays::apply_to(place_element{}, x, at));
}
template <class T, std::size_t N>
auto places_of(array_ref x) {
  return array<std::int64_t, N>(arrays::apply_to(place_of_element{}, array<placed<T>, N>(std::move(x))));
}

}  // namespace detail::arrays

/// The elements of each line along an axis in order, NaNs at the end. The axis is cut as before where it is the only
/// one, or a line has more than 8 MiB; else it comes in one chunk. Chunks are sorted, and where there are several
/// along the axis they exchange halves in Batcher's order (Knuth, The Art of Computer Programming 3, 5.2.2M, with
/// merges for comparisons): the n chunks of a line are n log2(n)^2 / 2 tasks or less, of two chunks each, so that an
/// array may be larger than the memory. Throws misuse for an axis that is not there.
template <array_like X>
auto sort(const X& x, std::int64_t axis = -1) {
  using T = typename X::value_type;
  static_assert(detail::arrays::checked_order<X>());
  return array<T, X::rank>(detail::arrays::sorted(x.node(), axis, detail::arrays::order_of<T>()));
}
/// Where the elements come from that sort() gives: their indices along the axis. Of those that are equal the first
/// comes first. Takes an index of 64 bits beside each element.
template <array_like X>
auto argsort(const X& x, std::int64_t axis = -1) {
  using namespace detail::arrays;
  using T = typename X::value_type;
  static_assert(checked_order<X>());
  return places_of<T, X::rank>(sorted(with_places(x, axis).node(), axis, order_of<placed<T>>()));
}
/// The k largest along an axis, the largest first; with a negative k the -k smallest, the smallest first. NaNs are
/// larger than all. By a tree of eights over the chunks, as a reduction: a task keeps k elements a line. The axis
/// comes in one chunk. Throws misuse when k is 0, or more than there are.
template <array_like X>
auto topk(const X& x, std::int64_t k, std::int64_t axis = -1) {
  using T = typename X::value_type;
  static_assert(detail::arrays::checked_order<X>());
  return array<T, X::rank>(detail::arrays::topmost(x.node(), k, axis, detail::arrays::order_of<T>()));
}
/// Where they are: the last of argsort, the last one first; with a negative k the first of it.
template <array_like X>
auto argtopk(const X& x, std::int64_t k, std::int64_t axis = -1) {
  using namespace detail::arrays;
  using T = typename X::value_type;
  static_assert(checked_order<X>());
  return places_of<T, X::rank>(topmost(with_places(x, axis).node(), k, axis, order_of<placed<T>>()));
}

}  // namespace weft
