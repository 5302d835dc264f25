#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

#include "weft/array/array.hpp"
#include "weft/array/create.hpp"
#include "weft/array/store.hpp"

/// Arrays of elements that this process has in memory, however they lie there, and such memory as a place for an
/// array. Beside from_array of xtensor's usual containers and of std::vector, in weft/array/create.hpp.
namespace weft {

namespace detail::arrays {

/// How elements lie in memory: the bytes from one to the next along each axis.
struct memory_layout {
  weft::shape extents = {};
  std::array<std::ptrdiff_t, most_axes> steps{};
};

// lib/array/memory.cpp
/// Row by row. Throws misuse where there are not as many elements as the extents say.
memory_layout dense_layout(std::size_t elements, const weft::shape& extents, std::size_t item);
/// Copies all of it, and gives it to the client.
array_ref scattered_from(const client& c, element e, const std::byte* first, const memory_layout& at,
                         const creation& how);
/// Throws misuse where two elements would share memory: unless each axis steps over all that those of smaller steps
/// reach.
target_ref memory_target(element e, std::byte* first, const memory_layout& at);

template <class E>
concept xtensor_expression = xt::is_xexpression<E>::value;
/// Containers, adaptors, and views whose elements have constant distances.
template <class E>
concept lies_in_memory = xtensor_expression<E> && requires(const E& x) {
  { *x.data() } -> std::convertible_to<typename E::value_type>;
  x.strides();
  x.data_offset();
};
template <class E>
memory_layout layout_of(const E& x) {
  if (x.dimension() > most_axes) throw_creation("an array of more than 8 axes");
  memory_layout at{shape_of(x)};
  for (std::size_t a = 0; a < at.extents.size(); ++a)
    at.steps[a] = static_cast<std::ptrdiff_t>(x.strides()[a]) *
                  static_cast<std::ptrdiff_t>(sizeof(std::remove_cv_t<typename E::value_type>));
  return at;
}
template <class E>
inline constexpr std::size_t rank_here = xt::get_rank<E>::value == SIZE_MAX ? dynamic_rank : xt::get_rank<E>::value;
/// Those whose elements are somebody else's, and stay where these go.
template <class E>
inline constexpr bool lends_elements = false;
template <class C>
inline constexpr bool lent_by = std::is_lvalue_reference_v<C> || lends_elements<std::remove_cv_t<C>>;
template <class P, class A>
inline constexpr bool lends_elements<xt::xbuffer_adaptor<P, xt::no_ownership, A>> = true;
template <class C, xt::layout_type L, class S, class G>
inline constexpr bool lends_elements<xt::xarray_adaptor<C, L, S, G>> = lent_by<C>;
template <class C, std::size_t N, xt::layout_type L, class G>
inline constexpr bool lends_elements<xt::xtensor_adaptor<C, N, L, G>> = lent_by<C>;
template <class C, class S, xt::layout_type L, bool H, class G>
inline constexpr bool lends_elements<xt::xfixed_adaptor<C, S, L, H, G>> = lent_by<C>;
template <class C, class... S>
inline constexpr bool lends_elements<xt::xview<C, S...>> = lent_by<C>;
template <class C, class S, xt::layout_type L, class F>
inline constexpr bool lends_elements<xt::xstrided_view<C, S, L, F>> = lent_by<C>;

}  // namespace detail::arrays

/// Of any xtensor expression: containers of another order (`xt::layout_type::column_major`), adaptors of memory that
/// somebody else has (`xt::adapt(pointer, shape)`, `xt::adapt(vector, shape)`), views, and what is computed from
/// them, which is evaluated here first. The elements are copied, chunk by chunk, and given to the client; the array
/// has none of this memory afterwards.
template <detail::arrays::xtensor_expression E>
auto from_array(const client& c, const E& x, creation how = {}) {
  using namespace detail::arrays;
  using T = std::remove_cv_t<typename E::value_type>;
  constexpr std::size_t n = rank_here<E>;
  if constexpr (lies_in_memory<E>) {
    const T* first = x.data() + static_cast<std::ptrdiff_t>(x.data_offset());
    return array<T, n>(
        scattered_from(c, element_of<T>, reinterpret_cast<const std::byte*>(first), layout_of(x), how));
  } else {
    using here = std::conditional_t<n == dynamic_rank, xt::xarray<T>, xt::xtensor<T, n == dynamic_rank ? 0 : n>>;
    const here computed = x;
    return array<T, n>(scattered_from(c, element_of<T>, reinterpret_cast<const std::byte*>(computed.data()),
                                      layout_of(computed), how));
  }
}
/// Of elements that lie one after the other, row by row: `from_array<2>(c, std::span(pointer, n), {rows, columns})`.
/// Throws misuse where there are not as many as the shape has.
template <std::size_t N = dynamic_rank, class T>
auto from_array(const client& c, std::span<T> elements, const weft::shape& extents, creation how = {}) {
  using namespace detail::arrays;
  using item = std::remove_cv_t<T>;
  return array<item, N>(scattered_from(c, element_of<item>, reinterpret_cast<const std::byte*>(elements.data()),
                                       dense_layout(elements.size(), extents, sizeof(item)), how));
}

/// Memory of the caller's as a place for an array of its shape and its element type: an xtensor container, an
/// adaptor, or a strided view of one, which is a part of it.
///
///     xt::xtensor<double, 2> result({1000, 200});
///     co_await weft::store(x, weft::memory(result));
///     co_await weft::store(weft::storing(y, weft::memory(xt::view(result, xt::range(0, 10), xt::all()))),
///                          weft::storing(weft::mean(y), weft::npy_file("mean.npy")));
///
/// Each task copies its chunk there, several at a time, so that an array may come to a place that is there already,
/// in one pass with others; x.compute() gives a new container. The memory must stay until the call ends, and nobody
/// else may read it or write to it meanwhile. Where the call fails, some chunks are there and others are not. Throws
/// misuse when the array has another shape or type, where elements share memory, as in what is broadcast, and on a
/// cluster, whose tasks run elsewhere: compute() it.
template <class E>
  requires(detail::arrays::lies_in_memory<std::remove_cvref_t<E>>)
target memory(E&& x) {
  using namespace detail::arrays;
  using container = std::remove_cvref_t<E>;
  using T = std::remove_reference_t<decltype(*x.data())>;
  constexpr bool writable = !std::is_const_v<T>;
  static_assert(writable, "weft: memory that is written to is not const");
  constexpr bool stays = std::is_lvalue_reference_v<E> || lends_elements<container>;
  static_assert(
      stays,
      "weft: memory is of a container that has a name, or a view of one: a temporary is gone when it is written");
  if constexpr (writable && stays)
    return target(memory_target(element_of<T>,
                                reinterpret_cast<std::byte*>(x.data() + static_cast<std::ptrdiff_t>(x.data_offset())),
                                layout_of(x)));
}
/// The same of elements one after the other, row by row: `memory(std::span(pointer, n), {rows, columns})`.
template <class T>
target memory(std::span<T> elements, const weft::shape& extents) {
  using namespace detail::arrays;
  constexpr bool writable = !std::is_const_v<T>;
  static_assert(writable, "weft: memory that is written to is not const");
  return target(memory_target(element_of<std::remove_cv_t<T>>, reinterpret_cast<std::byte*>(elements.data()),
                              dense_layout(elements.size(), extents, sizeof(T))));
}

}  // namespace weft
