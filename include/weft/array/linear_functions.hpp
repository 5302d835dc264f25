#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include "weft/array/linear.hpp"
#include "weft/array/norm.hpp"

/// What follows from products and factorisations, as numpy.linalg has it. They throw misuse for shapes that do not
/// fit, and name them; the elements of what is factored are float, double, or complex, and std::domain_error where
/// they are NaN or infinite.
namespace weft {

template <class T>
struct slogdet_result {
  /// 1, -1, or 0 of a singular matrix; of complex ones a number of length 1, or 0.
  array<T, 0> sign;
  /// The logarithm of the determinant's absolute value; minus infinity of a singular matrix.
  array<detail::arrays::part_t<T>, 0> logarithm;
};
/// The determinant of a square x is sign * exp(logarithm), where that itself may be too large for a number. By LU, of
/// which the diagonal alone is kept: 2/3 n^3 operations.
template <array_like X>
auto slogdet(const X& x) {
  using T = typename X::value_type;
  static_assert(detail::arrays::checked_matrix<X>());
  const auto parts = detail::arrays::determinant(x.node(), "slogdet");
  return slogdet_result<T>{array<T, 0>(parts.sign), array<detail::arrays::part_t<T>, 0>(parts.logarithm)};
}
/// The determinant, as slogdet's. Infinite or 0 where it is too large or too small; of no rows it is 1.
template <array_like X>
auto det(const X& x) {
  static_assert(detail::arrays::checked_matrix<X>());
  return array<typename X::value_type, 0>(detail::arrays::determinant(x.node(), "det").all);
}

/// The pseudo-inverse, n x m, of an m x n matrix: that of Moore and Penrose. Singular values that are `rcond` times
/// the largest or less count as 0; where it is below 0, it is as lstsq's (NumPy has 1e-15). By QR, as lstsq, and the
/// SVD of R, which is one task. To solve a system, lstsq is nearer.
template <array_like X>
auto pinv(const X& x, double rcond = -1) {
  static_assert(detail::arrays::checked_matrix<X>());
  return array<typename X::value_type, 2>(detail::arrays::pseudo_inverse(x.node(), rcond));
}

/// How many singular values are above `rcond` times the largest, which is as lstsq's where it is below 0. Costs an
/// SVD.
template <array_like X>
auto matrix_rank(const X& x, double rcond = -1) {
  static_assert(detail::arrays::checked_matrix<X>());
  return array<std::int64_t, 0>(detail::arrays::matrix_rank(x.node(), rcond));
}

/// The condition number by `how`: of ord{2} the largest singular value by the smallest, infinite where that is 0, of
/// ord{-2} the other way round, which cost an SVD; else `norm(x, how) * norm(inv(x), how)`, of a square x, and a
/// singular one is std::domain_error. Of no elements it is misuse.
template <array_like X>
auto cond(const X& x, const ord& how = ord{2}) {
  using namespace detail::arrays;
  static_assert(checked_matrix<X>());
  using T = typename X::value_type;
  using R = part_t<T>;
  if (how.what() == ord::kind::power && (how.p() == 2 || how.p() == -2))
    return array<R, 0>(condition(x.node(), how.p() < 0));
  need_condition(x.node());
  const array<T, 2> whole(x.node());
  return array<R, 0>(norm(whole, how, axes(0, 1)) * norm(inv(whole), how, axes(0, 1)));
}

/// x multiplied by itself n times, which must be square: some 2 log2(n) products at most. Of 0 times the identity;
/// where n is below 0, the power of the inverse, of float, double, or complex elements alone.
template <array_like X>
auto matrix_power(const X& x, std::int64_t n) {
  using T = typename X::value_type;
  constexpr bool two_axes = X::rank == 2 || X::rank == dynamic_rank;
  static_assert(two_axes, "weft: matrix_power is of matrices, arrays of two axes");
  return array<T, 2>(detail::arrays::matrix_power(x.node(), n, detail::arrays::element_of<T>));
}

namespace detail::arrays {

template <std::size_t First, std::size_t... Rest>
constexpr std::size_t chain_rank() {
  constexpr std::size_t all[] = {First, Rest...};
  return product_rank(First, all[sizeof...(Rest)]);
}

}  // namespace detail::arrays

/// The product of two matrices or more, of which the first and the last may be vectors, in the order that takes the
/// fewest multiplications: Cormen, Leiserson, Rivest and Stein, "Introduction to algorithms", section 15.2.
template <array_like X, array_like... Y>
auto multi_dot(const X& x, const Y&... y) {
  using namespace detail::arrays;
  constexpr bool two = sizeof...(Y) != 0;
  static_assert(two, "weft: multi_dot takes two arrays or more");
  using T = typename common_element<X, Y...>::type;
  std::vector<array_ref> all;
  all.reserve(1 + sizeof...(Y));
  all.push_back(elements_as<T>(x));
  (all.push_back(elements_as<T>(y)), ...);
  return array<T, chain_rank<X::rank, Y::rank...>()>(chain_product(std::move(all), element_of<T>));
}

/// The sums over the last axis of both, as numpy.inner: what remains of x comes first, and then what remains of y.
template <array_like X, array_like Y>
auto inner(const X& x, const Y& y) {
  constexpr bool no_numbers = X::rank != 0 && Y::rank != 0;
  static_assert(no_numbers, "weft: inner takes arrays of one axis or more; for numbers there is `*`");
  return tensordot(x, y, {-1}, {-1});
}

/// The singular values of a matrix, from the largest on, without the vectors: of R alone.
template <array_like X>
auto svdvals(const X& x) {
  static_assert(detail::arrays::checked_matrix<X>());
  return array<detail::arrays::part_t<typename X::value_type>, 1>(
      detail::arrays::singular_values("svdvals", x.node()));
}

/// The inverse of what tensordot(a, b, a.rank - left) does to b, as numpy.linalg.tensorinv: the first `left` axes
/// have as many elements as the others. By inv(), between two reshapes.
template <array_like X>
auto tensorinv(const X& a, std::int64_t left = 2) {
  using namespace detail::arrays;
  using T = typename X::value_type;
  const tensor_shapes all = shapes_of_inverse(a.grid(), left);
  const array<T, 2> square = reshape<2>(a, {all.count, all.count});
  return reshape<X::rank>(inv(square), all.result);
}
/// x with tensordot(a, x, x.rank) = b, as numpy.linalg.tensorsolve: a has b's axes first, and x's behind them, with
/// as many elements. Axes that are named go to the end before that. By solve(), between reshapes.
template <array_like X, array_like Y, std::size_t K>
auto tensorsolve(const X& a, const Y& b, const axes<K>& last) {
  using namespace detail::arrays;
  using T = typename X::value_type;
  constexpr std::size_t n =
      X::rank == dynamic_rank || Y::rank == dynamic_rank || X::rank < Y::rank ? dynamic_rank : X::rank - Y::rank;
  const array<T, X::rank> turned(moved_last(a.node(), last.list));
  const tensor_shapes all = shapes_of_solution(turned.grid(), b.grid());
  const array<T, 2> square = reshape<2>(turned, {all.count, all.count});
  return reshape<n>(solve(square, ravel(b)), all.result);
}
template <array_like X, array_like Y>
auto tensorsolve(const X& a, const Y& b) {
  return tensorsolve(a, b, axes<0>());
}

}  // namespace weft
