// Least squares: of tall matrices by their R, and of wide ones by that of their transpose. Golub and Van Loan,
// "Matrix computations", 4th ed., sections 5.3 and 5.5.
#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "array/blas.hpp"
#include "array/linear.hpp"

namespace weft::detail::arrays {

namespace {

using blas::count_of;

/// The shortest x that makes |R x - c| the least, or |R' x - c| (`turned`), for an upper triangular R.
struct solve_small {
  double rcond = 0;
  bool turned = false;
  block operator()(std::size_t, values<block> c, values<block> r) const {
    demand_given(c.size() == 1 && r.size() == 1, "other blocks than it takes");
    demand_matrix(c[0]);
    demand_alike(c[0], r[0]);
    demand_matrix(r[0], c[0].extents()[0], c[0].extents()[0]);
    block x(c[0].of(), c[0].extents());
    if (x.count() == 0) return x;
    with_inexact(x.of(), [&](auto zero) {
      using T = decltype(zero);
      demand_finite<T>("lstsq", r[0]);
      solve<T>(r[0], c[0], x);
    });
    return x;
  }
  std::string task_name() const { return "least-squares"; }
  std::string task_subject(std::size_t j) const { return "chunk (0, " + std::to_string(j) + ")"; }

 private:
  template <class T>
  void solve(const block& r, const block& c, block& x) const {
    const std::int64_t n = x.extents()[0], width = x.extents()[1];
    const T* const from = r.data<T>();
    T* const to = x.data<T>();
    // The ratio of singular values is 1 / n of that in this norm at least, and the estimate may be some times too
    // much: where it is beyond all that, no singular value counts as 0. Row by row R is LAPACK's R', which is lower.
    if (blas::triangle_condition<T>(false, count_of(n), from, count_of(n)) > rcond * 10 * static_cast<double>(n)) {
      std::copy_n(c.data<T>(), c.count(), to);
      blas::solve_triangular<T>(false, false, turned ? blas::form::turned : blas::form::plain, false, count_of(width),
                                count_of(n), T(1), from, count_of(n), to, count_of(width));
      return;
    }
    std::vector<T> a(from, from + r.count()), b(c.count());
    for (std::int64_t i = 0; i < n && !turned; ++i)
      for (std::int64_t j = 0; j < i; ++j)
        std::swap(a[static_cast<std::size_t>(i * n + j)], a[static_cast<std::size_t>(j * n + i)]);
    for (std::int64_t i = 0; i < n; ++i)
      for (std::int64_t j = 0; j < width; ++j) b[static_cast<std::size_t>(j * n + i)] = c.data<T>()[i * width + j];
    if (!blas::least_squares<T>(count_of(n), count_of(width), a.data(), b.data(), static_cast<blas::real<T>>(rcond)))
      throw std::runtime_error("weft: LAPACK's gelsd did not converge for a matrix of shape " +
                               weft::to_string(r.extents()));
    for (std::int64_t i = 0; i < n; ++i)
      for (std::int64_t j = 0; j < width; ++j) to[i * width + j] = b[static_cast<std::size_t>(j * n + i)];
  }
};

/// The pseudo-inverse of a small square matrix: of R = U S V^H it is V S+ U^H.
struct invert_small {
  double rcond = 0;
  block operator()(std::size_t, const block& r) const {
    demand_matrix(r, r.extents()[0], r.extents()[0]);
    block inverse(r.of(), r.extents());
    if (r.count() == 0) return inverse;
    with_inexact(r.of(), [&](auto zero) {
      using T = decltype(zero);
      demand_finite<T>("pinv", r);
      const auto n = count_of(r.extents()[0]);
      std::vector<T> a(r.data<T>(), r.data<T>() + r.count()), u(r.count()), vt(r.count());
      std::vector<blas::real<T>> s(static_cast<std::size_t>(n));
      // LAPACK has R' there, whose vectors are row by row V^H and U.
      if (!blas::singular_values<T>(n, n, a.data(), s.data(), vt.data(), u.data()))
        throw std::runtime_error("weft: LAPACK's gesdd did not converge for a matrix of shape " +
                                 weft::to_string(r.extents()));
      const double least = rcond * static_cast<double>(s[0]);
      for (std::size_t i = 0; i < s.size(); ++i) {
        const blas::real<T> by = static_cast<double>(s[i]) > least ? 1 / s[i] : 0;
        for (std::size_t j = 0; j < s.size(); ++j) vt[i * s.size() + j] *= by;
      }
      // Row by row (U S+ V^H)^H is LAPACK's conj(U) conj(S+ V^H).
      std::fill_n(inverse.data<T>(), inverse.count(), T(0));
      blas::multiply<T>(blas::form::adjoint, blas::form::adjoint, n, n, n, T(1), u.data(), n, vt.data(), n, T(0),
                        inverse.data<T>(), n);
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
    count = 0;
    with_inexact(s.of(), [&](auto zero) {
      using T = decltype(zero);
      const T* const first = s.data<T>();
      if (s.count() != 0)
        count = std::count_if(first, first + s.count(),
                              [&](T x) { return std::real(x) > rcond * static_cast<double>(std::real(*first)); });
    });
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
  const double next = real_element(x.of).type == dtype::f32 ? std::numeric_limits<float>::epsilon()
                                                            : std::numeric_limits<double>::epsilon();
  return next * static_cast<double>(std::max(x.chunks.axes[0].extent, x.chunks.axes[1].extent));
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
  array_ref r = in_chunks(qr.r, grid_of_axes({one_chunk(n), one_chunk(n)}));
  least_squares_parts found;
  found.singular_values = small_singular_values(r);
  found.rank = rank_by(found.singular_values, cutoff);
  array_ref x = make_layered(c, e, chunks, {in_chunks(std::move(b), chunks), std::move(r)},
                             recipe(tasks, [=](std::span<const layer<block>> in) {
                               return layer_of(tasks, solve_small{cutoff, wide}, from(in[0], one_to_one{}),
                                               from(in[1], every{}));
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
  const cut side = one_chunk(qr.r->chunks.axes[0].extent);
  const grid small = grid_of_axes({side, side});
  array_ref inverse =
      make_layered(c, e, small, {in_chunks(qr.r, small)}, recipe(1, [=](std::span<const layer<block>> in) {
                     return layer_of(1, invert_small{cutoff}, in[0], one_to_one{});
                   }));
  // Of A = Q R it is R+ Q^H, and of A' = Q R the transpose of that.
  array_ref q = conjugated(qr.q);
  return wide ? product(std::move(q), transposed(std::move(inverse)), e)
              : product(std::move(inverse), transposed(std::move(q)), e);
}

}  // namespace weft::detail::arrays
