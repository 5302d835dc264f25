// Singular values: of tall arrays by their R, and compressed ones by a random projection: Halko, Martinsson and
// Tropp, "Finding structure with randomness: probabilistic algorithms for constructing approximate matrix
// decompositions", SIAM Review 53 (2011), algorithms 4.4 and 5.1.
#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "array/blas.hpp"
#include "array/linear.hpp"
#include "array/philox.hpp"
#include "weft/array/index.hpp"

namespace weft::detail::arrays {

namespace {

/// R is not a number where what was factored is.
template <class T>
void demand_finite_r(const T* first, const T* last) {
  if (!std::all_of(first, last, finite_number<T>))
    throw std::domain_error(
        "weft: the R of a QR factorisation has elements that are NaN or infinite, and what was factored has none: "
        "its elements are too large, divide them");
}
[[noreturn]] void refuse_svd(const block& a) {
  throw std::runtime_error("weft: LAPACK's gesdd did not converge for a matrix of shape " +
                           weft::to_string(a.extents()));
}

/// U, S and V^H of a small matrix, one after the other.
struct all_parts {
  template <class T>
  static void fill(const block& a, block& packed) {
    const std::int64_t m = a.extents()[0], n = a.extents()[1], k = std::min(m, n);
    const auto count = static_cast<std::size_t>(m * n);
    // Row by row A is LAPACK's A' = conj(V) S U', whose results are row by row conj(V)' = V^H and U.
    std::vector<T> copy(a.data<T>(), a.data<T>() + count);
    demand_finite_r(copy.data(), copy.data() + count);
    T* const u = packed.data<T>();
    T* const vt = u + m * k + k;
    if (k == 0) return;
    std::vector<blas::real<T>> s(static_cast<std::size_t>(k));
    if (!blas::singular_values<T>(static_cast<blas::index>(n), static_cast<blas::index>(m), copy.data(), s.data(), vt,
                                  u))
      refuse_svd(a);
    std::copy(s.begin(), s.end(), u + m * k);
    // A pair of vectors may be turned together: the largest element of each row of V^H is made real and positive.
    for (std::int64_t i = 0; i < k; ++i) {
      T* const row = vt + i * n;
      T* const largest = std::max_element(row, row + n, [](T x, T y) { return std::abs(x) < std::abs(y); });
      const blas::real<T> length = std::abs(*largest);
      if (*largest == length) continue;
      const T turn = *largest / length;  // of a real number -1
      for (std::int64_t j = 0; j < n; ++j) row[j] *= conjugate_of(turn);
      *largest = length;
      for (std::int64_t j = 0; j < m; ++j) u[j * k + i] *= turn;
    }
  }
  block operator()(std::size_t, const block& a) const {
    demand_matrix(a);
    const std::int64_t m = a.extents()[0], n = a.extents()[1], k = std::min(m, n);
    block packed(a.of(), weft::shape(m * k + k + k * n));
    with_inexact(a.of(), [&](auto x) { fill<decltype(x)>(a, packed); });
    return packed;
  }
  std::string task_name() const { return "svd"; }
  std::string task_subject(std::size_t) const { return {}; }
};

/// S alone.
struct values_of_r {
  block operator()(std::size_t, const block& a) const {
    demand_matrix(a);
    const std::int64_t m = a.extents()[0], n = a.extents()[1];
    block s(real_element(a.of()), weft::shape(std::min(m, n)));
    if (s.count() == 0) return s;
    with_inexact(a.of(), [&](auto zero) {
      using T = decltype(zero);
      std::vector<T> copy(a.data<T>(), a.data<T>() + a.count());
      demand_finite_r(copy.data(), copy.data() + copy.size());
      if (!blas::singular_values<T>(blas::count_of(n), blas::count_of(m), copy.data(), s.data<blas::real<T>>(),
                                    nullptr, nullptr))
        refuse_svd(a);
    });
    return s;
  }
  std::string task_name() const { return "singular-values"; }
  std::string task_subject(std::size_t) const { return {}; }
};

struct take_part {
  std::int64_t from = 0;
  weft::shape extents = {};
  element of = {};  // that of the block, or of its parts where these are real
  block operator()(std::size_t, const block& packed) const {
    demand_given(is_number(of) && (of.type == packed.of().type || of.type == real_element(packed.of()).type),
                 "other elements than it takes");
    block b(of, extents);
    demand_given(from >= 0 && static_cast<std::size_t>(from) <= packed.count() &&
                     b.count() <= packed.count() - static_cast<std::size_t>(from),
                 "fewer elements than it takes");
    with_inexact(packed.of(), [&](auto zero) {
      using T = decltype(zero);
      const T* const first = packed.data<T>() + from;
      if (of.type == packed.of().type)
        std::copy_n(first, b.count(), b.data<T>());
      else
        std::transform(first, first + b.count(), b.data<blas::real<T>>(), [](T x) { return std::real(x); });
    });
    return b;
  }
  std::string task_name() const { return "svd-part"; }
  std::string task_subject(std::size_t) const { return {}; }
};

/// One of the parts of a matrix.
array_ref part_of(const array_ref& packed, std::int64_t from, const weft::shape& extents, element of) {
  grid g;
  for (const std::int64_t x : extents) g.axes[g.rank++] = one_chunk(x);
  return make_layered(packed->owner, of, g, {packed}, recipe(1, [=](std::span<const layer<block>> in) {
                        return layer_of(1, take_part{from, extents, of}, in[0], one_to_one{});
                      }));
}
/// The parts of a matrix of one chunk.
svd_parts factor_small(array_ref a) {
  const std::int64_t m = a->chunks.axes[0].extent, n = a->chunks.axes[1].extent, k = std::min(m, n);
  const element e = a->of;
  const array_ref packed = small_svd(std::move(a));
  return {part_of(packed, 0, {m, k}, e), part_of(packed, m * k, {k}, real_element(e)),
          part_of(packed, m * k + k, {k, n}, e)};
}

/// Rows of normal numbers (of complex ones both parts are), which do not depend on how they are cut.
struct normal_rows {
  cut rows;
  std::int64_t columns = 0;
  element of = {};
  std::uint64_t seed = 0;
  block operator()(std::size_t j) const {
    demand_cut(rows);
    const auto chunk = static_cast<std::int64_t>(j);
    std::int64_t all = 0;
    demand_given(is_number(of) && chunk < rows.count() && columns >= 0 &&
                     !__builtin_mul_overflow(rows.extent, columns, &all) &&
                     all <= std::numeric_limits<std::int64_t>::max() / 2,
                 "rows that there are not");
    block b(of, {rows.size(chunk), columns});
    with_inexact(of, [&](auto x) {
      using T = decltype(x);
      constexpr std::size_t parts = is_complex<T> ? 2 : 1;
      philox::normal({seed, 0}, static_cast<std::uint64_t>(rows.first(chunk) * columns) * parts,
                     std::span(reinterpret_cast<blas::real<T>*>(b.data<T>()), b.count() * parts));
    });
    return b;
  }
  std::string task_name() const { return "random"; }
  std::string task_subject(std::size_t j) const {
    return rows.chunk < 1 ? std::string() : name_of_chunk(j, {0, 0}, {rows.count(), 1});
  }
};

/// The first k along an axis.
array_ref first_of(array_ref x, std::uint32_t axis, std::int64_t k) {
  std::array<index_item, most_axes> all{};
  all[axis].range = slice(0, k);
  const std::size_t n = x->chunks.rank;
  return slice_view(std::move(x), {all.data(), n});
}

}  // namespace

array_ref small_svd(array_ref a) {
  const client c = a->owner;
  const element e = a->of;
  const grid whole = grid_of_axes({one_chunk(a->chunks.axes[0].extent), one_chunk(a->chunks.axes[1].extent)});
  a = in_chunks(std::move(a), whole);
  return make_layered(c, e, values_only(1), {std::move(a)}, recipe(1, [](std::span<const layer<block>> in) {
                        return layer_of(1, all_parts{}, in[0], one_to_one{});
                      }));
}

array_ref singular_values(const char* what, array_ref x) {
  need_matrix(what, *x);
  const bool wide = x->chunks.axes[0].extent < x->chunks.axes[1].extent;
  const client c = x->owner;
  array_ref r = factor_qr(what, wide ? transposed(std::move(x)) : std::move(x)).r;
  const element e = real_element(r->of);
  const std::int64_t n = r->chunks.axes[0].extent;
  return make_layered(
      c, e, grid_of_axes({one_chunk(n)}), {in_chunks(std::move(r), grid_of_axes({one_chunk(n), one_chunk(n)}))},
      recipe(1, [](std::span<const layer<block>> in) { return layer_of(1, values_of_r{}, in[0], one_to_one{}); }));
}

array_ref values_of_small(const array_ref& parts, std::int64_t n) {
  return part_of(parts, n * n, {n}, real_element(parts->of));
}

svd_parts factor_svd(array_ref x) {
  need_matrix("svd", *x);
  const bool wide = x->chunks.axes[0].extent < x->chunks.axes[1].extent;
  if (wide) x = transposed(std::move(x));
  const element e = x->of;
  const qr_parts qr = factor_qr("svd", std::move(x));
  const svd_parts small = factor_small(qr.r);
  const svd_parts all{product(qr.q, small.u, e), small.s, small.vt};
  if (!wide) return all;
  return {transposed(all.vt), all.s, transposed(all.u)};
}

svd_parts compressed_svd(array_ref x, std::int64_t k, std::int64_t oversampling, int powers, std::uint64_t seed) {
  need_matrix("svd_compressed", *x);
  const std::int64_t rows = x->chunks.axes[0].extent, columns = x->chunks.axes[1].extent;
  if (k < 1 || k > std::min(rows, columns))
    throw misuse("weft: svd_compressed of an array of shape " + shape_text(*x) + " to " + std::to_string(k) +
                 " singular values: it has from 1 to " + std::to_string(std::min(rows, columns)));
  if (oversampling < 0 || powers < 0)
    throw misuse("weft: svd_compressed with " + std::to_string(oversampling) + " columns more and " +
                 std::to_string(powers) + " passes more: neither is below 0");
  const std::int64_t width = std::min(k + oversampling, std::min(rows, columns));
  const element e = x->of;
  if (x->kind == node_kind::view) x = in_chunks(x, x->chunks);  // one copy for all passes
  const cut down = x->chunks.axes[1];
  array_ref sample =
      make_layered(x->owner, e, grid_of_axes({down, one_chunk(width)}), {},
                   recipe(static_cast<std::size_t>(down.count()), [=](std::span<const layer<block>>) {
                     return layer_of(static_cast<std::size_t>(down.count()), normal_rows{down, width, e, seed});
                   }));
  const auto range = [](array_ref y) { return factor_qr("svd_compressed", std::move(y)).q; };
  // Of complex numbers Q is conjugated, which is small, and A is not: A^H Q is the conjugate of A' conj(Q).
  const array_ref turned = transposed(x);
  array_ref q = range(product(x, std::move(sample), e));
  for (int p = 0; p < powers; ++p)
    q = range(product(x, conjugated(range(product(turned, conjugated(std::move(q)), e))), e));
  // Of B = Q^H A, whose transpose is tall: B' = U S V^H, so that A is near Q conj(V) S U'.
  const svd_parts b = factor_svd(product(turned, conjugated(q), e));
  const array_ref u = product(q, transposed(b.vt), e);
  return {first_of(u, 1, k), first_of(b.s, 0, k), first_of(transposed(b.u), 0, k)};
}

}  // namespace weft::detail::arrays
