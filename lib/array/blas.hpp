#pragma once

#include <complex>
#include <cstddef>
#include <cstdint>

#include "weft/array/dtype.hpp"

/// BLAS and LAPACK, as OpenBLAS has them: what arrays need, with one name for all types. Matrices are column by
/// column there. All of them throw std::runtime_error with a sentence where LAPACK reports an argument that it
/// refuses, which is a fault of ours or a NaN.
namespace weft::detail::arrays::blas {

using index = int;
inline index count_of(std::int64_t n) noexcept { return static_cast<index>(n); }
template <class T>
using real = typename real_part<T>::type;

/// How a matrix is read: as it is, the other way round, or so and conjugated. Values are LAPACK's letters.
enum class form : char { plain = 'N', turned = 'T', adjoint = 'C' };

/// C = alpha * A * B + beta * C, of A and B in their forms. C is m x n.
template <class T>
void multiply(form fa, form fb, index m, index n, index k, T alpha, const T* a, index lda, const T* b, index ldb,
              T beta, T* c, index ldc);
/// y = y + op(A) x; A is m x n.
template <class T>
void multiply_vector(bool transposed, index m, index n, const T* a, index lda, const T* x, T* y);
/// Solves A X = B (`left`) or X A = B in B's place, m x n; A is triangular, and upper before it is turned.
template <class T>
void solve_triangular(bool left, bool upper, form fa, bool unit, index m, index n, T alpha, const T* a, index lda,
                      T* b, index ldb);
/// A = L Q in A's place, m x n: the reflectors of Q are in its rows beside L. tau: min(m, n).
template <class T>
void factor_lq(index m, index n, T* a, index lda, T* tau);
/// C = C Q, m x n, where Q is that of factor_lq, with k reflectors.
template <class T>
void multiply_by_q(index m, index n, index k, const T* a, index lda, const T* tau, T* c, index ldc);
/// A = Q R in A's place, m x n: R in its upper triangle, and below that the reflectors of Q. tau: min(m, n).
template <class T>
void factor_qr(index m, index n, T* a, index lda, T* tau);
/// C = Q C, or Q^H C (`adjoint`), m x n, where Q is that of factor_qr, with k reflectors.
template <class T>
void multiply_q_by(bool adjoint, index m, index n, index k, const T* a, index lda, const T* tau, T* c, index ldc);
/// A = U S V^H, m x n; A is overwritten. U is m x min(m, n), vt is min(m, n) x n; both null: S alone, in a third of
/// the operations or less. False: it did not converge.
template <class T>
[[nodiscard]] bool singular_values(index m, index n, T* a, real<T>* s, T* u, T* vt);
/// A = U^H U in A's upper triangle. 0, or the size of the least square at A's beginning that is not positive
/// definite.
template <class T>
[[nodiscard]] index factor_cholesky(index n, T* a, index lda);
/// P A = L U in A's place, with row interchanges as LAPACK counts them, from 1; m x n. False: U has a 0.
template <class T>
bool factor_lu(index m, index n, T* a, index lda, index* pivots);

}  // namespace weft::detail::arrays::blas
