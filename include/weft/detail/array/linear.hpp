#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "weft/detail/array/node.hpp"

// Linear algebra without static types: lib/array/linear_*.cpp. All throw misuse for shapes that do not fit, and name
// them.
namespace weft::detail::arrays {

/// A name for each axis of an operand, as in einsum.
using labels = std::vector<int>;

/// Sums over the labels that `out` does not have: `c_out = sum a_left * b_right`, of elements `e`, which are those of
/// both. A label has one extent, or 1 in one of the operands, and is in each once. `what` is whom errors name.
array_ref contract(const char* what, array_ref a, labels left, array_ref b, labels right, const labels& out,
                   element e);
/// As numpy.matmul, of operands of one axis or more.
array_ref product(array_ref a, array_ref b, element e);
/// As numpy.dot: of operands of one axis and of two it is product().
array_ref dot_product(array_ref a, array_ref b, element e);
/// The sum over pairs of axes.
array_ref tensor_product(array_ref a, array_ref b, std::span<const std::int64_t> left,
                         std::span<const std::int64_t> right, element e);
/// Of the last `n` axes of a and the first `n` of b.
array_ref tensor_product(array_ref a, array_ref b, std::int64_t n, element e);
/// Of all elements of both, row-major.
array_ref outer_product(array_ref a, array_ref b, element e);
array_ref einstein_sum(std::string_view subscripts, std::vector<array_ref> operands, element e);

// Factorisations, of float, double, and complex numbers of these.
struct qr_parts {
  array_ref q, r;
};
qr_parts factor_qr(const char* what, array_ref x);
struct svd_parts {
  array_ref u, s, vt;
};
svd_parts factor_svd(array_ref x);
/// The largest `k` singular values and their vectors, by a random matrix of k + oversampling columns and `powers`
/// passes more over x and back.
svd_parts compressed_svd(array_ref x, std::int64_t k, std::int64_t oversampling, int powers, std::uint64_t seed);
array_ref factor_cholesky(array_ref x);
struct lu_parts {
  array_ref permutation;  // int64
  array_ref packed;       // L below the diagonal, whose own is of ones, and U
};
lu_parts factor_lu(array_ref x);
/// a x = b, where a is triangular; what is on its other side is not looked at.
array_ref solve_triangle(array_ref a, array_ref b, bool lower, bool unit);
/// a x = b by LU; and by Cholesky.
array_ref solve_square(array_ref a, array_ref b);
array_ref solve_positive(array_ref a, array_ref b);
array_ref invert(array_ref a);
struct least_squares_parts {
  array_ref solution, rank, singular_values;
};
/// The shortest x that makes |a x - b| the least. Singular values of `rcond` times the largest or less count as 0;
/// where it is below 0, it is what the precision of the elements is worth.
least_squares_parts solve_least_squares(array_ref a, array_ref b, double rcond);

// What follows from these.
struct determinant_parts {
  array_ref all, sign, logarithm;
};
determinant_parts determinant(array_ref x, const char* what);
array_ref pseudo_inverse(array_ref x, double rcond);
array_ref matrix_rank(array_ref x, double rcond);
/// The largest singular value by the smallest, or the other way round.
array_ref condition(array_ref x, bool turned);
/// Throws misuse for what has no condition.
void need_condition(const array_ref& x);
/// Those of any matrix, without the vectors: the last digits may be others.
array_ref singular_values(const char* what, array_ref x);
/// Of a tensor that is as a matrix of count by count, and of what comes of it. Throw misuse where it is none.
struct tensor_shapes {
  std::int64_t count;
  weft::shape result;
};
tensor_shapes shapes_of_inverse(const grid& a, std::int64_t left);
tensor_shapes shapes_of_solution(const grid& a, const grid& b);
/// The axes that are named as the last ones, in their order.
array_ref moved_last(array_ref x, std::span<const std::int64_t> axes);
array_ref matrix_power(array_ref x, std::int64_t n, element e);
array_ref chain_product(std::vector<array_ref> all, element e);

}  // namespace weft::detail::arrays
