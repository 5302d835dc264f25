#pragma once

#ifdef WEFT_WITHOUT_BLAS
#error "weft: this build has no linear algebra: install libopenblas-dev, and build weft with -DWEFT_BLAS=ON"
#endif

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "weft/array/blas.hpp"
#include "weft/array/create.hpp"
#include "weft/array/functions.hpp"
#include "weft/array/reduce.hpp"
#include "weft/array/views.hpp"
#include "weft/detail/array/linear.hpp"

namespace weft {

namespace detail::arrays {

/// x with elements of T.
template <class T, array_like X>
array_ref elements_as(const X& x) {
  if constexpr (std::is_same_v<typename X::value_type, T>)
    return x.node();
  else
    return weft::astype<T>(x).node();
}
template <class X, class Y>
using product_t = promote_t<typename X::value_type, typename Y::value_type>;

constexpr std::size_t product_rank(std::size_t n, std::size_t m) {
  if (n == dynamic_rank || m == dynamic_rank) return dynamic_rank;
  if (n == 1 && m == 1) return 0;
  if (n == 1) return m - 1;
  if (m == 1) return n - 1;
  return n > m ? n : m;
}
constexpr std::size_t tensor_rank(std::size_t n, std::size_t m, std::size_t summed) {
  if (n == dynamic_rank || m == dynamic_rank || summed > n || summed > m) return dynamic_rank;
  return n + m - 2 * summed;
}

}  // namespace detail::arrays

// Products. Elements are promoted as for `*`, and added in the order of the chunks of what is summed over, which
// depends on these alone: the same bits on one thread, on many and on a cluster, where BLAS takes one thread
// (weft::blas_threads). Real and complex numbers are multiplied by BLAS; integers wrap, and of bools it is `or` of
// `and`. The chunks of the result are those of the operands; along what both have, the smaller array is copied to the
// other's chunks where they differ. Large chunks are cut, so that a task multiplies for a second or so. They throw
// misuse for shapes that do not fit.

/// The matrix product, as numpy.matmul: of vectors a number; axes before the last two are broadcast. A transposed
/// view costs nothing.
template <array_like X, array_like Y>
auto matmul(const X& x, const Y& y) {
  using namespace detail::arrays;
  using T = product_t<X, Y>;
  constexpr bool no_numbers = X::rank != 0 && Y::rank != 0;
  static_assert(no_numbers, "weft: matmul takes arrays of one axis or more; for numbers there is `*`");
  return array<T, product_rank(X::rank, Y::rank)>(product(elements_as<T>(x), elements_as<T>(y), element_of<T>));
}
/// The sum over the last axis of x and the last but one of y (or its only one).
template <array_like X, array_like Y>
auto dot(const X& x, const Y& y) {
  constexpr bool few = (X::rank <= 2 || X::rank == dynamic_rank) && (Y::rank <= 2 || Y::rank == dynamic_rank);
  static_assert(few, "weft: dot takes vectors and matrices; beyond these there are matmul and tensordot");
  return matmul(x, y);
}
/// The sum over the last `n` axes of x and the first `n` of y.
template <array_like X, array_like Y>
auto tensordot(const X& x, const Y& y, std::int64_t n) {
  using namespace detail::arrays;
  using T = product_t<X, Y>;
  return array<T, dynamic_rank>(tensor_product(elements_as<T>(x), elements_as<T>(y), n, element_of<T>));
}
/// The sum over axis `left[i]` of x and axis `right[i]` of y, for all i: `tensordot(x, y, {1, 2}, {0, 3})`. What
/// remains of x comes first, and then what remains of y.
template <array_like X, array_like Y, std::size_t K>
auto tensordot(const X& x, const Y& y, const std::int64_t (&left)[K], const std::int64_t (&right)[K]) {
  using namespace detail::arrays;
  using T = product_t<X, Y>;
  return array<T, tensor_rank(X::rank, Y::rank, K)>(
      tensor_product(elements_as<T>(x), elements_as<T>(y), left, right, element_of<T>));
}
/// x[i] * y[j].
template <array_like X, array_like Y>
auto outer(const X& x, const Y& y) {
  using namespace detail::arrays;
  using T = product_t<X, Y>;
  return array<T, tensor_rank(X::rank, Y::rank, 0)>(
      outer_product(elements_as<T>(x), elements_as<T>(y), element_of<T>));
}
/// Einstein's sum, as numpy.einsum: `einsum<2>("ij,jk->ik", x, y)`. Letters name axes; `...` stands for those that
/// are left, which broadcast. What the part after `->` does not name is summed over; without `->` that is what stands
/// twice, and the rest comes in the order of the alphabet. More than two operands are multiplied from the left, two
/// at a time. `N` is the rank of the result.
template <std::size_t N = dynamic_rank, array_like X, array_like... Y>
auto einsum(std::string_view subscripts, const X& x, const Y&... y) {
  using namespace detail::arrays;
  using T = typename common_element<X, Y...>::type;
  std::vector<array_ref> operands;
  operands.reserve(1 + sizeof...(Y));
  operands.push_back(elements_as<T>(x));
  (operands.push_back(elements_as<T>(y)), ...);
  return array<T, N>(einstein_sum(subscripts, std::move(operands), element_of<T>));
}

}  // namespace weft
