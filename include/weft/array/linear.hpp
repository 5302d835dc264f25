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
#include "weft/array/reshape.hpp"
#include "weft/array/views.hpp"
#include "weft/detail/array/linear.hpp"
#include "weft/detail/array/subscripts.hpp"

namespace weft {

namespace detail::arrays {

template <class X, class Y>
using product_t = promote_t<typename X::value_type, typename Y::value_type>;

constexpr std::size_t product_rank(std::size_t n, std::size_t m) {
  if (n == dynamic_rank || m == dynamic_rank) return dynamic_rank;
  if (n == 1 && m == 1) return 0;
  if (n == 1) return m - 1;
  if (m == 1) return n - 1;
  return n > m ? n : m;
}
constexpr std::size_t dot_rank(std::size_t n, std::size_t m) {
  return n == dynamic_rank || m == dynamic_rank || n < 2 || m < 2 ? product_rank(n, m) : n + m - 2;
}
constexpr std::size_t tensor_rank(std::size_t n, std::size_t m, std::size_t summed) {
  if (n == dynamic_rank || m == dynamic_rank || summed > n || summed > m) return dynamic_rank;
  return n + m - 2 * summed;
}

}  // namespace detail::arrays

// Products. Elements are promoted as for `*`, and added in an order, or a tree, of the chunks of what is summed over,
// which depends on these alone: the same bits on one thread, on many and on a cluster, where BLAS takes one thread
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
/// The sum over the last axis of x and the last but one of y (or its only one), as numpy.dot: what remains of x comes
/// first, and then what remains of y. Of vectors and matrices it is matmul.
template <array_like X, array_like Y>
auto dot(const X& x, const Y& y) {
  using namespace detail::arrays;
  using T = product_t<X, Y>;
  constexpr bool no_numbers = X::rank != 0 && Y::rank != 0;
  static_assert(no_numbers, "weft: dot takes arrays of one axis or more; for numbers there is `*`");
  return array<T, dot_rank(X::rank, Y::rank)>(dot_product(elements_as<T>(x), elements_as<T>(y), element_of<T>));
}
/// The sum of all elements of x, conjugated, times those of y, row-major: one number.
template <array_like X, array_like Y>
auto vdot(const X& x, const Y& y) {
  return matmul(ravel(conj(x)), ravel(y));
}
/// The sum over the last `n` axes of x and the first `n` of y. How many are left is not known to the compiler, unless
/// it is said: `tensordot<2>(x, y, 1)`.
template <std::size_t N = dynamic_rank, array_like X, array_like Y>
auto tensordot(const X& x, const Y& y, std::int64_t n) {
  using namespace detail::arrays;
  using T = product_t<X, Y>;
  return array<T, N>(tensor_product(elements_as<T>(x), elements_as<T>(y), n, element_of<T>));
}
/// The sum over axis `left[i]` of x and axis `right[i]` of y, for all i: `tensordot(x, y, {1, 2}, {0, 3})`. What
/// remains of x comes first, and then what remains of y.
template <std::size_t N = dynamic_rank, array_like X, array_like Y, std::size_t K>
auto tensordot(const X& x, const Y& y, const std::int64_t (&left)[K], const std::int64_t (&right)[K]) {
  using namespace detail::arrays;
  using T = product_t<X, Y>;
  constexpr std::size_t n = N != dynamic_rank ? N : tensor_rank(X::rank, Y::rank, K);
  return array<T, n>(tensor_product(elements_as<T>(x), elements_as<T>(y), left, right, element_of<T>));
}
/// x[i] * y[j], as numpy.outer: a matrix, with a row for each element of x and a column for each of y, which are
/// taken row-major where an array has not one axis. With all axes of both it is `tensordot(x, y, 0)`.
template <array_like X, array_like Y>
auto outer(const X& x, const Y& y) {
  using namespace detail::arrays;
  using T = product_t<X, Y>;
  return array<T, 2>(outer_product(elements_as<T>(x), elements_as<T>(y), element_of<T>));
}
/// Einstein's sum, as numpy.einsum: `einsum<2>("ij,jk->ik", x, y)`. Letters name axes; `...` stands for those that
/// are left, which broadcast. What the part after `->` does not name is summed over; without `->` that is what stands
/// twice, and the rest comes in the order of the alphabet. More than two operands are multiplied two at a time, in
/// the order of the fewest multiplications; more than eight from the left. `N` is the rank of the result. Subscripts
/// that are known to the compiler are checked by it, and say the rank: `einsum<"ij,jk->ik">(x, y)`.
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
template <detail::arrays::literal Subscripts, array_like X, array_like... Y>
auto einsum(const X& x, const Y&... y) {
  constexpr std::size_t rank = detail::arrays::checked_subscripts<Subscripts, dynamic_rank, X::rank, Y::rank...>();
  return einsum<rank>(Subscripts.view(), x, y...);
}

namespace detail::arrays {

template <class X>
consteval bool checked_matrix() {
  using T = typename X::value_type;
  using R = typename real_part<T>::type;
  constexpr bool inexact = std::is_same_v<R, float> || std::is_same_v<R, double>;
  constexpr bool two_axes = X::rank == 2 || X::rank == dynamic_rank;
  static_assert(inexact,
                "weft: factorisations are of float, double, or complex numbers: use astype<double> on others");
  static_assert(two_axes, "weft: factorisations are of matrices, arrays of two axes");
  return inexact && two_axes;
}
template <class X, class Y>
consteval bool checked_system() {
  constexpr bool alike = std::is_same_v<typename X::value_type, typename Y::value_type>;
  static_assert(alike, "weft: both sides of a system of equations have elements of one type: use astype<> on one");
  return checked_matrix<X>() && alike;
}
template <class X>
auto triangle(const X& x, bool lower, bool unit) {
  using T = typename X::value_type;
  const array<std::int64_t, 2> i(make_index(x.owner(), grid_of(*x.node()), 0, {1, 0}));
  const array<std::int64_t, 2> j(make_index(x.owner(), grid_of(*x.node()), 0, {0, 1}));
  const array<T, 2> whole(x.node());
  if (!lower) return array<T, 2>(weft::where(i <= j, whole, T(0)));
  if (!unit) return array<T, 2>(weft::where(i >= j, whole, T(0)));
  return array<T, 2>(weft::where(i > j, whole, weft::astype<T>(i == j)));
}

template <class T>
using part_t = typename real_part<T>::type;

}  // namespace detail::arrays

// Factorisations, of float, double, and complex numbers of these, by LAPACK within a task. Below ^H is the transpose,
// and of complex numbers the transpose conjugated. What is singular, not positive definite, or has elements that are
// NaN or infinite, is std::domain_error when it is computed.

template <class T>
struct qr_result {
  array<T, 2> q, r;
};
/// x = q r, where q's columns are orthonormal (m x k, k = min(m, n)) and r is upper triangular (k x n). Tall
/// matrices, and those whose chunks have all columns, by a tree: chunks have all columns, to which x is copied where
/// it has not, and are factored side by side, then their R's in a tree of eights. Others (fewer than eight times as
/// many rows as columns) by columns of tiles, 32 to 512 wide as x's chunks are, each with all rows: each is factored
/// in its turn, and those right of it are multiplied by its reflectors, side by side. Signs are LAPACK's, and depend
/// on the chunks; the diagonal of r is real, as LAPACK's.
/// Cost: 4 m n^2 operations; what was factored is kept until its part of q is made.
template <array_like X>
auto qr(const X& x) {
  using T = typename X::value_type;
  static_assert(detail::arrays::checked_matrix<X>());
  const auto parts = detail::arrays::factor_qr("qr", x.node());
  return qr_result<T>{array<T, 2>(parts.q), array<T, 2>(parts.r)};
}

template <class T>
struct svd_result {
  array<T, 2> u;
  array<detail::arrays::part_t<T>, 1> s;
  array<T, 2> vt;
};
/// x = u diag(s) vt, with s from the largest on, which is real; u is m x k, vt (V^H) k x n, k = min(m, n). By the QR
/// of x, or of its transpose where it is wide: the smaller of m and n is one that a task can factor. The largest
/// element of each row of vt is real and positive (of each column of u, where x is wide).
template <array_like X>
auto svd(const X& x) {
  using T = typename X::value_type;
  static_assert(detail::arrays::checked_matrix<X>());
  const auto parts = detail::arrays::factor_svd(x.node());
  return svd_result<T>{array<T, 2>(parts.u), array<detail::arrays::part_t<T>, 1>(parts.s), array<T, 2>(parts.vt)};
}
struct compression {
  /// Columns of the random matrix beside those that are wanted.
  std::int64_t oversampling = 10;
  /// Passes more over x and its transpose: one or two where singular values fall slowly.
  int power_iterations = 0;
  /// The same numbers give the same result.
  std::uint64_t seed = 0;
};
static_assert(std::is_trivially_destructible_v<compression>, "g++ 12 destroys it twice in a co_await expression");
/// The k largest singular values and their vectors, nearly: x is multiplied by a random matrix of k + oversampling
/// columns, and what it is in that space is factored. Reads x 2 + 2 * power_iterations times, and keeps k +
/// oversampling numbers for each row and column of it; x itself is kept from one pass to the next (or spilled), so
/// that it is computed once. The error is near that of the best of rank k: Halko, Martinsson and Tropp (2011),
/// theorem 10.6. `compression{.power_iterations = 2}`
template <array_like X>
auto svd_compressed(const X& x, std::int64_t k, compression how = {}) {
  using T = typename X::value_type;
  static_assert(detail::arrays::checked_matrix<X>());
  const auto parts = detail::arrays::compressed_svd(x.node(), k, how.oversampling, how.power_iterations, how.seed);
  return svd_result<T>{array<T, 2>(parts.u), array<detail::arrays::part_t<T>, 1>(parts.s), array<T, 2>(parts.vt)};
}

/// The lower triangular l with x = l l^H, for a positive definite x that is its own ^H (symmetric, or Hermitian), of
/// which only the lower triangle is looked at, and of its diagonal the real parts. l's diagonal is real and positive.
/// Tile by tile; a task makes one tile of l.
template <array_like X>
auto cholesky(const X& x) {
  static_assert(detail::arrays::checked_matrix<X>());
  return array<typename X::value_type, 2>(detail::arrays::factor_cholesky(x.node()));
}

template <class T>
struct lu_result {
  array<std::int64_t, 1> permutation;
  array<T, 2> l, u;
};
/// Row permutation[i] of a square x is row i of l u; l has a diagonal of ones. Partial pivoting, as LAPACK's: a task
/// has all rows of some columns.
template <array_like X>
auto lu(const X& x) {
  using T = typename X::value_type;
  static_assert(detail::arrays::checked_matrix<X>());
  const auto parts = detail::arrays::factor_lu(x.node());
  const array<T, 2> packed(parts.packed);
  return lu_result<T>{array<std::int64_t, 1>(parts.permutation), detail::arrays::triangle(packed, true, true),
                      detail::arrays::triangle(packed, false, false)};
}

/// Which triangle of a matrix is looked at.
enum class triangle : std::uint8_t { lower, upper, unit_lower, unit_upper };
/// cholesky's factor as that triangle: the upper one is u = l^H, with x = u^H u, of x's lower triangle all the same.
/// Throws misuse for those of ones.
template <array_like X>
auto cholesky(const X& x, triangle which) {
  using A = array<typename X::value_type, 2>;
  if (which != triangle::lower && which != triangle::upper)
    detail::arrays::throw_creation(
        "a Cholesky factor whose diagonal is of ones: name the lower or the upper triangle");
  const A l = cholesky(x);
  return which == triangle::lower ? l : A(conj(transpose(l)));
}
/// z with a z = b, where a is triangular: what is on its other side is not looked at, nor its diagonal where it is of
/// ones (`unit_`). b is a vector, or a matrix with a column for each system.
template <array_like X, array_like Y>
auto solve_triangular(const X& a, const Y& b, triangle which) {
  static_assert(detail::arrays::checked_system<X, Y>());
  const bool lower = which == triangle::lower || which == triangle::unit_lower;
  const bool unit = which == triangle::unit_lower || which == triangle::unit_upper;
  return array<typename X::value_type, Y::rank>(detail::arrays::solve_triangle(a.node(), b.node(), lower, unit));
}
/// What is known of a matrix.
enum class assume : std::uint8_t { general, positive_definite };
/// z with a z = b: by LU, or where a is `assume::positive_definite`, by Cholesky, in half the operations and tile by
/// tile, with a's lower triangle alone, of whose diagonal the real parts are read; where it is not so, cholesky's
/// std::domain_error.
template <array_like X, array_like Y>
auto solve(const X& a, const Y& b, assume what = assume::general) {
  static_assert(detail::arrays::checked_system<X, Y>());
  const bool positive = what == assume::positive_definite;
  return array<typename X::value_type, Y::rank>(positive ? detail::arrays::solve_positive(a.node(), b.node())
                                                         : detail::arrays::solve_square(a.node(), b.node()));
}
/// The inverse, by LU. To solve a system, solve is faster and nearer.
template <array_like X>
auto inv(const X& a) {
  static_assert(detail::arrays::checked_matrix<X>());
  return array<typename X::value_type, 2>(detail::arrays::invert(a.node()));
}

template <class T, std::size_t N>
struct lstsq_result {
  array<T, N> solution;
  /// The sum of the squares of the lengths of b - a z: a number for each system.
  array<detail::arrays::part_t<T>, N == dynamic_rank ? N : N - 1> residuals;
  /// How many singular values of a count.
  array<std::int64_t, 0> rank;
  /// Those of a, from the largest on.
  array<detail::arrays::part_t<T>, 1> singular_values;
};
/// z that makes |a z - b| the least, and where more than one does (a is wide, or not of full rank), the shortest of
/// them. b is a vector, or a matrix with a column for each system. Singular values of a that are `rcond` times the
/// largest or less count as 0: of 1 and more all do. Where it is below 0, it is the distance from 1 to the next
/// number times the larger extent, m; of floats times sqrt(m), or the smaller extent where that is more (NumPy
/// computes in double always). As numpy.linalg.lstsq, but for residuals, which are there whatever the rank is. By the
/// QR of a, or of its transpose where it is wide, and the SVD of R, of min(m, n)^2 elements, which is one task's:
/// some 20 min(m, n)^3 operations beside QR, and 4 min(m, n)^2 for each system. `rank` and `singular_values` are
/// those that `solution` is made with.
template <array_like X, array_like Y>
auto lstsq(const X& a, const Y& b, double rcond = -1) {
  using namespace detail::arrays;
  using T = typename X::value_type;
  using R = part_t<T>;
  static_assert(checked_system<X, Y>());
  const auto parts = solve_least_squares(a.node(), b.node(), rcond);
  const array<T, Y::rank> z(parts.solution);
  const array<T, Y::rank> left(matmul(array<T, 2>(a.node()), z) - b);
  constexpr std::size_t rank = Y::rank == dynamic_rank ? Y::rank : Y::rank - 1;
  const auto squares = [&] {
    if constexpr (detail::is_complex<T>)
      return weft::square(weft::real(left)) + weft::square(weft::imag(left));
    else
      return weft::square(left);
  }();
  return lstsq_result<T, Y::rank>{z, array<R, rank>(weft::sum(squares, 0)), array<std::int64_t, 0>(parts.rank),
                                  array<R, 1>(parts.singular_values)};
}

}  // namespace weft
