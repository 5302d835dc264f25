#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include "weft/array/elementwise.hpp"

namespace weft {

/// How a new array is cut. What is left to weft becomes chunks of some megabytes, as square as they can be.
struct creation {
  /// Extents of a chunk: one for each axis, or none. 0: weft chooses, -1: the whole axis.
  weft::shape chunk = {};
  /// How large a chunk is that weft chooses.
  std::int64_t bytes = detail::arrays::automatic_chunk_bytes;
};
static_assert(std::is_trivially_destructible_v<creation>, "g++ 12 destroys it twice in a co_await expression");

namespace detail::arrays {

template <class T>
grid grid_for(const weft::shape& extents, const creation& how) {
  return make_grid(extents, how.chunk, how.bytes, sizeof(T));
}
/// The number `index` of each element along an axis, in the chunks of an array of T.
template <std::size_t N>
array<std::int64_t, N> index_array(const client& c, const grid& chunks, std::size_t axis) {
  coordinates steps{};
  steps[axis] = 1;
  return array<std::int64_t, N>(make_index(c, chunks, 0, steps));
}

template <class T>
struct from_index {
  T first, step;
  constexpr T operator()(std::int64_t i) const {
    if constexpr (std::is_integral_v<T>)
      return static_cast<T>(static_cast<wrapping_t<T>>(first) +
                            static_cast<wrapping_t<T>>(i) * static_cast<wrapping_t<T>>(step));
    else
      return first + static_cast<T>(i) * step;
  }
};
/// How many elements `first`, `first + step`, ... there are before `last`: of integers exactly.
template <class T>
std::int64_t count_between(T first, T last, T step) {
  if constexpr (std::is_integral_v<T>) {
    const bool up = step > 0;
    if (up ? first >= last : first <= last) return 0;
    const auto a = static_cast<std::uint64_t>(first), b = static_cast<std::uint64_t>(last),
               by = static_cast<std::uint64_t>(step);
    return count_of_steps(up ? b - a : a - b, up ? by : 0 - by);
  } else {
    return count_of_steps(static_cast<double>(first), static_cast<double>(last), static_cast<double>(step));
  }
}
struct on_line {
  double first, last;
  std::int64_t steps;
  constexpr double operator()(std::int64_t i) const {
    return i == steps ? last : first + static_cast<double>(i) * ((last - first) / static_cast<double>(steps));
  }
};
/// The type of each of some indices. (As an alias that ignores its argument it would lose clang the pack.)
template <std::size_t>
struct index_type {
  using type = std::int64_t;
};

}  // namespace detail::arrays

/// `value` everywhere. Takes no memory until it is computed, and none where it becomes part of other tasks.
template <class T, std::size_t N = dynamic_rank>
array<T, N> full(const client& c, const weft::shape& extents, T value, creation how = {}) {
  using tree = detail::arrays::constant<T>;
  const elementwise<tree> e(c, detail::arrays::grid_for<T>(extents, how), tree{value});
  return array<T, N>(e.node(true));
}
template <class T, std::size_t N = dynamic_rank>
array<T, N> zeros(const client& c, const weft::shape& extents, creation how = {}) {
  return full<T, N>(c, extents, T(0), how);
}
template <class T, std::size_t N = dynamic_rank>
array<T, N> ones(const client& c, const weft::shape& extents, creation how = {}) {
  return full<T, N>(c, extents, T(1), how);
}

/// Elements that nobody has said, for what is written to in parts: they are 0, which costs nothing until something
/// else is there.
template <class T, std::size_t N = dynamic_rank>
array<T, N> empty(const client& c, const weft::shape& extents, creation how = {}) {
  return zeros<T, N>(c, extents, how);
}

/// In the shape and the chunks of x; of another type where one is named, `zeros_like<float>(x)`.
template <array_like X>
auto full_like(const X& x, typename X::value_type value) {
  using tree = detail::arrays::constant<typename X::value_type>;
  const elementwise<tree> e(x.owner(), x.grid(), tree{value});
  return array<typename X::value_type, X::rank>(e.node(true));
}
template <array_scalar T, array_like X>
auto full_like(const X& x, std::type_identity_t<T> value) {
  using tree = detail::arrays::constant<T>;
  const elementwise<tree> e(x.owner(), detail::arrays::in_possible_chunks(x.grid(), sizeof(T)), tree{value});
  return array<T, X::rank>(e.node(true));
}
template <array_like X>
auto zeros_like(const X& x) {
  return full_like(x, typename X::value_type(0));
}
template <array_like X>
auto ones_like(const X& x) {
  return full_like(x, typename X::value_type(1));
}
template <array_scalar T, array_like X>
auto zeros_like(const X& x) {
  return full_like<T>(x, T(0));
}
template <array_scalar T, array_like X>
auto ones_like(const X& x) {
  return full_like<T>(x, T(1));
}
template <array_like X>
auto empty_like(const X& x) {
  return zeros_like(x);
}
template <array_scalar T, array_like X>
auto empty_like(const X& x) {
  return zeros_like<T>(x);
}

/// `first`, `first + step`, ... without `last`; an element is computed from its place, so that errors do not add up.
template <class T>
array<T, 1> arange(const client& c, T first, T last, T step = T(1), creation how = {}) {
  using namespace detail::arrays;
  if (!(step > T(0) || step < T(0))) throw_creation("an arange of step 0");
  const std::int64_t n = count_between(first, last, step);
  const grid chunks = grid_for<T>(weft::shape(n), how);
  return array<T, 1>(apply_to(from_index<T>{first, step}, index_array<1>(c, chunks, 0)).node(true));
}
template <class T>
array<T, 1> arange(const client& c, T last) {
  return arange<T>(c, T(0), last);
}
/// n numbers from `first` to `last`, both included, at equal distances: doubles, of which `astype<float>` makes
/// floats that are rounded once.
inline array<double, 1> linspace(const client& c, double first, double last, std::int64_t n, creation how = {}) {
  using namespace detail::arrays;
  if (n < 1) throw_creation("a linspace of less than one element");
  const grid chunks = grid_for<double>(weft::shape(n), how);
  const on_line line{first, n == 1 ? first : last, n == 1 ? 1 : n - 1};
  return array<double, 1>(apply_to(line, index_array<1>(c, chunks, 0)).node(true));
}
/// n numbers from `first` towards `last`, which is the next one and not included: `linspace(c, 0, 1, 4, without_end)`
/// is 0, 0.25, 0.5 and 0.75.
struct without_end_t {};
inline constexpr without_end_t without_end{};
inline array<double, 1> linspace(const client& c, double first, double last, std::int64_t n, without_end_t,
                                 creation how = {}) {
  using namespace detail::arrays;
  if (n < 1) throw_creation("a linspace of less than one element");
  const grid chunks = grid_for<double>(weft::shape(n), how);
  return array<double, 1>(apply_to(on_line{first, last, n}, index_array<1>(c, chunks, 0)).node(true));
}
/// The index along an axis, for each element.
template <std::size_t N = dynamic_rank>
array<std::int64_t, N> indices(const client& c, const weft::shape& extents, std::int64_t axis, creation how = {}) {
  using namespace detail::arrays;
  const grid chunks = grid_for<std::int64_t>(extents, how);
  return index_array<N>(c, chunks, checked_axis(axis, chunks));
}

/// f(i, j, ...) for each element: a lambda without captures, or an aggregate, that takes N indices (std::int64_t). It
/// travels with the program.
template <std::size_t N, class F>
auto from_function(const client& c, const weft::shape& extents, F f, creation how = {}) {
  using namespace detail::arrays;
  static_assert(detail::checked_function<F>());
  return [&]<std::size_t... A>(std::index_sequence<A...>) {
    constexpr bool takes_indices = std::is_invocable_v<const F&, typename index_type<A>::type...>;
    static_assert(takes_indices, "weft: the function of from_function<N> takes N indices, of std::int64_t");
    using T = std::remove_cvref_t<std::invoke_result_t<const F&, typename index_type<A>::type...>>;
    const grid chunks = grid_for<T>(extents, how);
    if (chunks.rank != N) throw_rank(N, chunks);
    return array<T, N>(apply_to(f, index_array<N>(c, chunks, A)...));
  }(std::make_index_sequence<N>{});
}

namespace detail::arrays {

template <class T, std::size_t N>
array<T, N> scattered(const client& c, const T* data, const weft::shape& extents, const creation& how) {
  const grid chunks = grid_for<T>(extents, how);
  std::vector<future<block>> parts;
  parts.reserve(chunks.tasks());
  for (std::size_t j = 0; j < chunks.tasks(); ++j)
    parts.push_back(c.scatter(take_chunk(reinterpret_cast<const std::byte*>(data), element_of<T>, chunks, j)));
  return array<T, N>(make_stored(c, element_of<T>, chunks, std::move(parts)));
}

}  // namespace detail::arrays

/// Of values that are here: they are copied, chunk by chunk, and given to the client, as scatter does it.
template <class T, std::size_t N>
array<T, N> from_array(const client& c, const xt::xtensor<T, N>& x, creation how = {}) {
  return detail::arrays::scattered<T, N>(c, x.data(), detail::arrays::shape_of(x), how);
}
template <class T>
array<T> from_array(const client& c, const xt::xarray<T>& x, creation how = {}) {
  if (x.dimension() > most_axes) detail::arrays::throw_creation("an array of more than 8 axes");
  return detail::arrays::scattered<T, dynamic_rank>(c, x.data(), detail::arrays::shape_of(x), how);
}
template <class T>
array<T, 1> from_array(const client& c, const std::vector<T>& x, creation how = {}) {
  static_assert(!std::is_same_v<T, bool>,
                "weft: a std::vector<bool> has no elements in memory; use a vector of char");
  return detail::arrays::scattered<T, 1>(c, x.data(), weft::shape(x.size()), how);
}

}  // namespace weft
