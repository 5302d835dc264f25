#pragma once

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

#include "array/boxes.hpp"
#include "array/given.hpp"
#include "array/layered.hpp"
#include "array/names.hpp"
#include "weft/array/index.hpp"
#include "weft/detail/array/linear.hpp"
#include "weft/errors.hpp"

/// What the files of linear algebra share.
namespace weft::detail::arrays {

/// In chunks of one size, but for the last.
inline cut chunks_of(std::int64_t extent, std::int64_t chunk) noexcept {
  const std::int64_t n = std::clamp<std::int64_t>(chunk, 1, std::max<std::int64_t>(extent, 1));
  return {extent, n, n};
}
inline grid grid_of_axes(std::initializer_list<cut> axes) {
  grid g;
  for (const cut& c : axes) g.axes[g.rank++] = c;
  return g;
}
/// Chunks of a node whose values only other nodes of linear algebra read: n of them.
inline grid values_only(std::size_t n) { return grid_of_axes({cut{static_cast<std::int64_t>(n), 1, 1}}); }

/// `chunk (2, 1)`: that of task j of a square of tiles. Nothing where a cut that came from elsewhere is none.
inline std::string name_of_tile(std::size_t j, const cut& tile) {
  if (tile.chunk < 1 || tile.lead < 1) return {};
  return name_of_chunk(j, {0, 0}, {tile.count(), tile.count()});
}

/// Calls f with a number of the elements' type: float, double, or a complex one of these.
template <class F>
auto with_inexact(element e, F f) {
  if (e.type == dtype::f32) return f(float{});
  if (e.type == dtype::f64) return f(double{});
  if (e.type == dtype::c64) return f(std::complex<float>{});
  if (e.type == dtype::c128) return f(std::complex<double>{});
  throw std::logic_error("weft: linear algebra of elements that are neither float, double, nor complex");
}
/// What their parts are, and singular values of matrices of them.
inline element real_element(element e) {
  return e.type == dtype::c64 ? element_of<float> : e.type == dtype::c128 ? element_of<double> : e;
}
template <class T>
bool finite_number(T x) noexcept {
  return std::isfinite(std::real(x)) && std::isfinite(std::imag(x));
}

[[noreturn]] inline void refuse_not_finite(const char* what) {
  throw std::domain_error("weft: " + std::string(what) + " of an array with elements that are NaN or infinite");
}
/// Throws std::domain_error where an element is none that can be computed with: LAPACK would go on, and no element of
/// the result would be a number.
template <class T>
void demand_finite(const char* what, const block& b) {
  const T* const x = b.data<T>();
  if (!std::all_of(x, x + b.count(), finite_number<T>)) refuse_not_finite(what);
}

/// An array of ones, and a matrix with ones on its diagonal.
array_ref ones_of(const client& c, const grid& chunks, element e);
array_ref identity_of(const client& c, const grid& chunks, element e);

/// A matrix the other way round.
inline array_ref transposed(array_ref x) {
  static constexpr std::int64_t order[] = {1, 0};
  return transpose_view(std::move(x), order);
}

/// Its elements conjugated; of real ones x itself.
array_ref conjugated(array_ref x);

inline std::string shape_text(const array_node& x) { return to_string(x.chunks); }
/// Throws misuse for what is no matrix.
inline void need_matrix(const char* what, const array_node& x) {
  if (x.chunks.rank != 2)
    throw misuse("weft: " + std::string(what) + " of an array of shape " + shape_text(x) + ": give one of two axes");
}
inline void need_square(const char* what, const array_node& x) {
  need_matrix(what, x);
  if (x.chunks.axes[0].extent != x.chunks.axes[1].extent)
    throw misuse("weft: " + std::string(what) + " of an array of shape " + shape_text(x) +
                 ": the matrix must be square");
}
/// Throws misuse where `a x = b` cannot be: b is a vector or a matrix with a row for each of a's.
inline void need_fitting(const char* what, const array_node& a, const array_node& b) {
  const bool fits = (b.chunks.rank == 1 || b.chunks.rank == 2) && b.chunks.axes[0].extent == a.chunks.axes[0].extent;
  if (!fits)
    throw misuse("weft: " + std::string(what) + " of arrays of shapes " + to_string(a.chunks) + " and " +
                 to_string(b.chunks) + ": the second has one or two axes, and as many rows as the first");
}
/// Of a square a, and of arrays of one client.
inline void need_system(const char* what, const array_node& a, const array_node& b) {
  need_square(what, a);
  common_client(a.owner, b.owner);
  need_fitting(what, a, b);
}
/// The QR factorisation by columns of tiles, for matrices that are not tall: lib/array/linear_columns.cpp.
qr_parts factor_qr_by_columns(const char* what, array_ref x);
template <class T>
T conjugate_of(T x) {
  if constexpr (is_complex<T>)
    return std::conj(x);
  else
    return x;
}
/// U, S and V^H of an R that one task factors, one after the other in one block: all that is made of them goes by the
/// same singular values. Those of a square one, n x n; and how many of them are above `rcond` times the largest.
array_ref small_svd(array_ref a);
array_ref values_of_small(const array_ref& parts, std::int64_t n);
/// By LU; errors name `what`.
array_ref invert(const char* what, array_ref a);
array_ref rank_by(array_ref values, double rcond);
/// That of the caller, or where it is below 0 what lstsq says. Throws misuse for a NaN.
double cutoff_of(const char* what, const array_node& x, double rcond);
/// The columns of tiles of a square matrix after each step of LU; task k * n + k has column k as it was factored, and
/// a last row with its pivots.
array_ref lu_steps(const char* what, array_ref x, const cut& tile);
/// The tiles of a square matrix: its chunks where they are square, and neither small nor large.
cut tiles_of(const grid& g) noexcept;

}  // namespace weft::detail::arrays
