// Least squares: of tall matrices by their R, and of wide ones by that of their transpose. Golub and Van Loan,
// "Matrix computations", 4th ed., sections 5.3 and 5.5.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "array/blas.hpp"
#include "array/linear.hpp"

namespace weft::detail::arrays {

namespace {

using blas::count_of;

/// How many of n singular values count: they fall, and are above rcond times the largest.
template <class R>
std::int64_t counted(const R* s, std::int64_t n, double rcond) {
  return std::count_if(s, s + n, [&](R x) { return static_cast<double>(x) > rcond * static_cast<double>(*s); });
}

/// U, S and V^H of a small square matrix, and how many singular values count.
template <class T>
struct small_parts {
  small_parts(const block& packed, std::int64_t size, double rcond)
      : n(size), u(packed.data<T>()), vt(u + n * n + n), s(static_cast<std::size_t>(n)) {
    std::transform(u + n * n, vt, s.begin(), [](T x) { return std::real(x); });
    rank = counted(s.data(), n, rcond);
  }
  /// S+ applied to n rows.
  void divide(T* rows, std::int64_t width) const {
    for (std::int64_t i = 0; i < n; ++i)
      for (std::int64_t j = 0; j < width; ++j) {
        T& x = rows[i * width + j];
        x = i < rank ? x / s[static_cast<std::size_t>(i)] : T(0);
      }
  }

  std::int64_t n = 0, rank = 0;
  const T *u = nullptr, *vt = nullptr;
  std::vector<blas::real<T>> s;
};
/// n x n twice, and n.
void demand_parts(const block& packed, std::int64_t n) {
  demand_given(n >= 0 && n < (std::int64_t{1} << 31) && packed.extents().size() == 1 &&
                   packed.count() == static_cast<std::size_t>(n) * static_cast<std::size_t>(2 * n + 1),
               "parts of another matrix");
}

/// The shortest x that makes |A x - c| the least, of a small square A = U S V^H: V S+ U^H c.
struct solve_small {
  double rcond = 0;
  block operator()(std::size_t, values<block> c, values<block> parts) const {
    demand_given(c.size() == 1 && parts.size() == 1, "other blocks than it takes");
    demand_matrix(c[0]);
    demand_alike(c[0], parts[0]);
    const std::int64_t rows = c[0].extents()[0];
    demand_parts(parts[0], rows);
    block x(c[0].of(), c[0].extents());
    if (x.count() == 0) return x;
    with_inexact(x.of(), [&](auto zero) {
      using T = decltype(zero);
      const small_parts<T> a(parts[0], rows, rcond);
      const auto n = count_of(rows), width = count_of(x.extents()[1]);
      // Row by row LAPACK has c' conj(U), and of that times S+ the product with V'.
      std::vector<T> along(x.count());
      blas::multiply<T>(blas::form::plain, blas::form::adjoint, width, n, n, T(1), c[0].data<T>(), width, a.u, n,
                        T(0), along.data(), width);
      a.divide(along.data(), width);
      blas::multiply<T>(blas::form::plain, blas::form::adjoint, width, n, n, T(1), along.data(), width, a.vt, n, T(0),
                        x.template data<T>(), width);
    });
    return x;
  }
  std::string task_name() const { return "least-squares"; }
  std::string task_subject(std::size_t j) const { return "chunk (0, " + std::to_string(j) + ")"; }
};

/// The pseudo-inverse of a small square matrix U S V^H: V S+ U^H.
struct invert_small {
  double rcond = 0;
  std::int64_t size = 0;
  block operator()(std::size_t, const block& parts) const {
    demand_parts(parts, size);
    block inverse(parts.of(), {size, size});
    if (inverse.count() == 0) return inverse;
    with_inexact(parts.of(), [&](auto zero) {
      using T = decltype(zero);
      const small_parts<T> a(parts, size, rcond);
      const auto n = count_of(size);
      std::vector<T> vt(a.vt, a.vt + inverse.count());
      a.divide(vt.data(), size);
      // Row by row LAPACK has its transpose, conj(U) times (V S+)'.
      blas::multiply<T>(blas::form::adjoint, blas::form::adjoint, n, n, n, T(1), a.u, n, vt.data(), n, T(0),
                        inverse.template data<T>(), n);
    });
    return inverse;
  }
  std::string task_name() const { return "pseudo-inverse"; }
  std::string task_subject(std::size_t) const { return {}; }
};

/// How many singular values are above rcond times the largest.
struct count_values {
  double rcond = 0;
  block operator()(std::size_t, const block& s) const {
    demand_given(s.extents().size() == 1, "singular values that are none");
    block rank(element_of<std::int64_t>, weft::shape());
    std::int64_t& count = *rank.data<std::int64_t>();
    // Singular values are real.
    if (s.of().type == dtype::f32)
      count = counted(s.data<float>(), static_cast<std::int64_t>(s.count()), rcond);
    else if (s.of().type == dtype::f64)
      count = counted(s.data<double>(), static_cast<std::int64_t>(s.count()), rcond);
    else
      demand_given(false, "singular values that are none");
    return rank;
  }
  std::string task_name() const { return "matrix-rank"; }
  std::string task_subject(std::size_t) const { return {}; }
};

}  // namespace

double cutoff_of(const char* what, const array_node& x, double rcond) {
  if (std::isnan(rcond))
    throw misuse("weft: " + std::string(what) + " of an array of shape " + shape_text(x) +
                 " with an rcond that is NaN: give a ratio of singular values, or -1");
  if (rcond >= 0) return rcond;
  const auto rows = static_cast<double>(x.chunks.axes[0].extent),
             columns = static_cast<double>(x.chunks.axes[1].extent);
  const double most = std::max(rows, columns);
  // Times the larger extent, 2^-23 is above the ratios of singular values of well-posed fits of some thousand rows,
  // and 1 of millions. Errors of rounding grow as the root of the number of rows.
  if (real_element(x.of).type == dtype::f32)
    return std::numeric_limits<float>::epsilon() * std::max(std::min(rows, columns), std::sqrt(most));
  return std::numeric_limits<double>::epsilon() * most;
}

array_ref rank_by(array_ref values, double rcond) {
  const client c = values->owner;
  return make_layered(c, element_of<std::int64_t>, grid{}, {std::move(values)},
                      recipe(1, [=](std::span<const layer<block>> in) {
                        return layer_of(1, count_values{rcond}, in[0], one_to_one{});
                      }));
}

least_squares_parts solve_least_squares(array_ref a, array_ref b, double rcond) {
  need_matrix("lstsq", *a);
  common_client(a->owner, b->owner);
  need_fitting("lstsq", *a, *b);
  const double cutoff = cutoff_of("lstsq", *a, rcond);
  const bool vector = b->chunks.rank == 1, wide = a->chunks.axes[0].extent < a->chunks.axes[1].extent;
  if (vector) b = expand_view(std::move(b), 1);
  const client c = a->owner;
  const element e = a->of;
  const qr_parts qr = factor_qr("lstsq", wide ? transposed(std::move(a)) : std::move(a));
  // A = Q R, or A' = Q R, so that A x = b is R' (Q' x) = b, whose shortest x is in the space of conj(Q).
  if (!wide) b = conjugated(product(transposed(qr.q), conjugated(std::move(b)), e));
  const std::int64_t n = qr.r->chunks.axes[0].extent;
  const grid chunks = grid_of_axes({one_chunk(n), b->chunks.axes[1]});
  const std::size_t tasks = chunks.tasks();
  const array_ref parts = small_svd(wide ? transposed(qr.r) : qr.r);
  least_squares_parts found;
  found.singular_values = values_of_small(parts, n);
  found.rank = rank_by(found.singular_values, cutoff);
  array_ref x = make_layered(
      c, e, chunks, {in_chunks(std::move(b), chunks), parts}, recipe(tasks, [=](std::span<const layer<block>> in) {
        return layer_of(tasks, solve_small{cutoff}, from(in[0], one_to_one{}), from(in[1], every{}));
      }));
  if (wide) x = conjugated(product(qr.q, conjugated(std::move(x)), e));
  found.solution = vector ? squeeze_view(std::move(x), 1) : std::move(x);
  return found;
}

array_ref pseudo_inverse(array_ref x, double rcond) {
  need_matrix("pinv", *x);
  const double cutoff = cutoff_of("pinv", *x, rcond);
  const bool wide = x->chunks.axes[0].extent < x->chunks.axes[1].extent;
  const client c = x->owner;
  const element e = x->of;
  const qr_parts qr = factor_qr("pinv", wide ? transposed(std::move(x)) : std::move(x));
  const std::int64_t n = qr.r->chunks.axes[0].extent;
  array_ref inverse =
      make_layered(c, e, grid_of_axes({one_chunk(n), one_chunk(n)}), {small_svd(wide ? transposed(qr.r) : qr.r)},
                   recipe(1, [=](std::span<const layer<block>> in) {
                     return layer_of(1, invert_small{cutoff, n}, in[0], one_to_one{});
                   }));
  // Of A = Q R it is R+ Q^H, and of A = R' Q' conj(Q) (R')+.
  array_ref q = conjugated(qr.q);
  return wide ? product(std::move(q), std::move(inverse), e)
              : product(std::move(inverse), transposed(std::move(q)), e);
}

}  // namespace weft::detail::arrays
