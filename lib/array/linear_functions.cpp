// Determinants, ranks and condition numbers, and powers and chains of products.
#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "array/column_steps.hpp"
#include "array/linear.hpp"
#include "weft/detail/array/arrangements.hpp"

namespace weft::detail::arrays {

namespace {

/// A product of many numbers: `factor` times 2 to the power of `exponent`, so that no part of it is too large.
struct scaled {
  std::complex<double> factor = 1;
  double exponent = 0;

  /// Both are scaled before they are multiplied: of the largest or the smallest of numbers the product would be none.
  void multiply(std::complex<double> by) {
    by = taken(by);
    factor = taken(factor * by);
  }

 private:
  /// x without its power of 2, which goes to the exponent.
  std::complex<double> taken(std::complex<double> x) {
    const double largest = std::max(std::abs(x.real()), std::abs(x.imag()));
    if (largest == 0 || !std::isfinite(largest)) return x;
    const int e = std::ilogb(largest);
    exponent += e;
    return {std::scalbn(x.real(), -e), std::scalbn(x.imag(), -e)};
  }
};

/// What a column of tiles has of the determinant: its diagonal, and a sign for each row that changed its place. A
/// block of the factor and the exponent.
struct column_determinant {
  cut tile;
  block operator()(std::size_t k, const block& column) const {
    demand_cut(tile);
    demand_given(static_cast<std::int64_t>(k) < tile.count(), "a column that there is not");
    const std::int64_t first = tile.first(static_cast<std::int64_t>(k)),
                       width = tile.size(static_cast<std::int64_t>(k));
    const std::int64_t lead = tile.extent + 1;
    demand_matrix(column, width, lead);
    scaled all;
    with_inexact(column.of(), [&](auto zero) {
      using T = decltype(zero);
      const T* const x = column.data<T>();
      for (std::int64_t c = 0; c < width; ++c) {
        const T d = x[c * lead + first + c];
        const bool moved =
            static_cast<double>(std::real(x[c * lead + tile.extent])) != static_cast<double>(first + c);
        const std::complex<double> wide(static_cast<double>(std::real(d)), static_cast<double>(std::imag(d)));
        all.multiply(moved ? -wide : wide);
      }
    });
    block b(element_of<std::complex<double>>, weft::shape{2});
    b.data<std::complex<double>>()[0] = all.factor;
    b.data<std::complex<double>>()[1] = all.exponent;
    return b;
  }
  std::string task_name() const { return "determinant"; }
  std::string task_subject(std::size_t) const { return {}; }
};

enum class determinant_part : std::uint8_t { all, sign, logarithm };

struct whole_determinant {
  determinant_part which = determinant_part::all;
  element of = {};
  block operator()(std::size_t, values<block> columns) const {
    scaled all;
    for (const block& b : columns) {
      demand_given(b.of().type == dtype::c128 && b.count() == 2, "a determinant that is none");
      all.multiply(b.data<std::complex<double>>()[0]);
      all.exponent += b.data<std::complex<double>>()[1].real();
    }
    block found(of, weft::shape());
    with_inexact(of, [&](auto zero) {
      using T = decltype(zero);
      *found.data<T>() = value<T>(all);
    });
    return found;
  }
  std::string task_name() const { return "determinant"; }
  std::string task_subject(std::size_t) const { return {}; }

 private:
  template <class T>
  T value(const scaled& all) const {
    using R = typename real_part<T>::type;
    const double length = std::abs(all.factor);
    if (which == determinant_part::logarithm) return static_cast<R>(std::log(length) + all.exponent * std::log(2.0));
    std::complex<double> z = all.factor;
    if (which == determinant_part::all) {
      const int e = static_cast<int>(std::clamp(all.exponent, -1e6, 1e6));
      z = {std::scalbn(z.real(), e), std::scalbn(z.imag(), e)};
    } else if (length != 0) {
      z /= length;
    }
    if constexpr (is_complex<T>)
      return T(static_cast<R>(z.real()), static_cast<R>(z.imag()));
    else
      return static_cast<T>(z.real());
  }
};

struct ratio_of_values {
  bool turned = false;
  block operator()(std::size_t, const block& s) const {
    demand_given(s.extents().size() == 1 && s.count() != 0, "singular values that are none");
    block found(s.of(), weft::shape());
    with_inexact(s.of(), [&](auto zero) {
      using T = decltype(zero);
      const T largest = s.data<T>()[0], smallest = s.data<T>()[s.count() - 1];
      const T none(std::numeric_limits<typename real_part<T>::type>::infinity());
      if (turned)
        *found.data<T>() = largest == T(0) ? none : smallest / largest;
      else
        *found.data<T>() = smallest == T(0) ? none : largest / smallest;
    });
    return found;
  }
  std::string task_name() const { return "condition"; }
  std::string task_subject(std::size_t) const { return {}; }
};

}  // namespace

determinant_parts determinant(array_ref x, const char* what) {
  need_square(what, *x);
  const cut tile = tiles_of(x->chunks);
  const auto n = static_cast<std::size_t>(tile.count());
  const client c = x->owner;
  const element e = x->of;
  if (real_element(e).type == dtype::f32 && tile.extent > (std::int64_t{1} << 24))
    throw misuse("weft: " + std::string(what) + " of an array of shape " + shape_text(*x) +
                 " of floats: give doubles");
  const array_ref columns =
      make_layered(c, element_of<std::complex<double>>, values_only(n), {lu_steps(what, std::move(x), tile)},
                   recipe(n, [=](std::span<const layer<block>> in) {
                     return layer_of(n, column_determinant{tile}, in[0], factored{n});
                   }));
  const auto part = [&](determinant_part which, element of) {
    return make_layered(c, of, grid{}, {columns}, recipe(1, [=](std::span<const layer<block>> in) {
                          return layer_of(1, whole_determinant{which, of}, in[0], every{});
                        }));
  };
  return {part(determinant_part::all, e), part(determinant_part::sign, e),
          part(determinant_part::logarithm, real_element(e))};
}

array_ref matrix_rank(array_ref x, double rcond) {
  need_matrix("matrix_rank", *x);
  const double cutoff = cutoff_of("matrix_rank", *x, rcond);
  return rank_by(singular_values("matrix_rank", std::move(x)), cutoff);
}

void need_condition(const array_ref& x) {
  need_matrix("cond", *x);
  if (x->chunks.whole().count() == 0)
    throw misuse("weft: cond of an array of shape " + shape_text(*x) + ": it has no elements");
}

array_ref condition(array_ref x, bool turned) {
  need_condition(x);
  const client c = x->owner;
  const element e = real_element(x->of);
  return make_layered(c, e, grid{}, {singular_values("cond", std::move(x))},
                      recipe(1, [=](std::span<const layer<block>> in) {
                        return layer_of(1, ratio_of_values{turned}, in[0], one_to_one{});
                      }));
}

namespace {

/// The extents of axes from `first` up to `end`.
weft::shape some_of(const weft::shape& all, std::size_t first, std::size_t end) {
  weft::shape some = weft::shape::of_rank(end - first);
  for (std::size_t a = first; a < end; ++a) some[a - first] = all[a];
  return some;
}

}  // namespace

tensor_shapes shapes_of_inverse(const grid& a, std::int64_t left) {
  const weft::shape all = a.whole();
  const auto rank = static_cast<std::int64_t>(all.size());
  const std::string what = "weft: tensorinv of an array of shape " + to_string(a);
  if (left < 1 || left >= rank)
    throw misuse(what + " with " + std::to_string(left) + " axes first: give 1 to " + std::to_string(rank - 1));
  const auto at = static_cast<std::size_t>(left);
  const weft::shape rows = some_of(all, 0, at), columns = some_of(all, at, all.size());
  if (rows.count() != columns.count())
    throw misuse(what + ": the first " + std::to_string(left) + " axes have " + std::to_string(rows.count()) +
                 " elements, and the others " + std::to_string(columns.count()) + ": they must have as many");
  weft::shape turned = weft::shape::of_rank(all.size());
  for (std::size_t i = 0; i < all.size(); ++i) turned[i] = i < columns.size() ? columns[i] : rows[i - columns.size()];
  return {rows.count(), turned};
}
tensor_shapes shapes_of_solution(const grid& a, const grid& b) {
  const weft::shape all = a.whole(), right = b.whole();
  const std::size_t n = right.size();
  const std::string what =
      "weft: tensorsolve of an array of shape " + to_string(a) + " and one of " + to_string(b) + ": ";
  if (all.size() < n || some_of(all, 0, n) != right)
    throw misuse(what + "the axes of the second are the first ones of the other");
  const weft::shape result = some_of(all, n, all.size());
  if (result.count() != right.count())
    throw misuse(what + "the other axes have " + std::to_string(result.count()) + " elements, and these " +
                 std::to_string(right.count()) + ": they must have as many");
  return {right.count(), result};
}
array_ref moved_last(array_ref x, std::span<const std::int64_t> axes) {
  std::vector<std::int64_t> last(axes.size());
  for (std::size_t i = 0; i < last.size(); ++i)
    last[i] = static_cast<std::int64_t>(i) - static_cast<std::int64_t>(last.size());
  return moved_view(std::move(x), axes, last);
}

array_ref matrix_power(array_ref x, std::int64_t n, element e) {
  need_square("matrix_power", *x);
  if (n < 0) {
    if (e.type != dtype::f32 && e.type != dtype::f64 && e.type != dtype::c64 && e.type != dtype::c128)
      throw misuse("weft: matrix_power of an array of shape " + shape_text(*x) + " of " + to_string(e.type) +
                   " to the power of " + std::to_string(n) + ": use astype<double> on it");
    x = invert("matrix_power", std::move(x));
  }
  std::uint64_t left = n < 0 ? ~static_cast<std::uint64_t>(n) + 1 : static_cast<std::uint64_t>(n);
  array_ref found;
  for (; left != 0; left /= 2) {
    if (left % 2 == 1) found = found ? product(std::move(found), x, e) : x;
    if (left > 1) x = product(x, x, e);
  }
  return found ? found : identity_of(x->owner, x->chunks, e);
}

namespace {

/// The product of the arrays from i to j, where last[i][j] is the last of those that are multiplied first.
array_ref chain(const std::vector<array_ref>& all, const std::vector<std::vector<std::size_t>>& last, std::size_t i,
                std::size_t j, element e) {
  if (i == j) return all[i];
  array_ref left = chain(all, last, i, last[i][j], e);
  return product(std::move(left), chain(all, last, last[i][j] + 1, j, e), e);
}

}  // namespace

array_ref chain_product(std::vector<array_ref> all, element e) {
  const std::size_t n = all.size();
  std::string shapes;
  for (const array_ref& x : all) shapes += (shapes.empty() ? "" : ", ") + shape_text(*x);
  std::vector<double> extents;
  for (std::size_t i = 0; i < n; ++i) {
    const grid& g = all[i]->chunks;
    if (g.rank != 2 && (g.rank != 1 || (i != 0 && i + 1 != n)))
      throw misuse("weft: multi_dot of arrays of shapes " + shapes + ": number " + std::to_string(i) +
                   " of them must be a matrix" + (i == 0 || i + 1 == n ? " or a vector" : ""));
    const std::int64_t rows = i == 0 && g.rank == 1 ? 1 : g.axes[0].extent;
    const std::int64_t columns = i != 0 && g.rank == 1 ? 1 : g.axes[g.rank - 1].extent;
    if (i != 0 && extents.back() != static_cast<double>(rows))
      throw misuse("weft: multi_dot of arrays of shapes " + shapes + ": number " + std::to_string(i) +
                   " of them has not as many rows as the one before it has columns");
    if (i == 0) extents.push_back(static_cast<double>(rows));
    extents.push_back(static_cast<double>(columns));
  }
  std::vector<std::vector<double>> cost(n, std::vector<double>(n, 0));
  std::vector<std::vector<std::size_t>> last(n, std::vector<std::size_t>(n, 0));
  for (std::size_t size = 1; size < n; ++size)
    for (std::size_t i = 0; i + size < n; ++i) {
      const std::size_t j = i + size;
      cost[i][j] = std::numeric_limits<double>::infinity();
      for (std::size_t k = i; k < j; ++k) {
        const double all_of_them = cost[i][k] + cost[k + 1][j] + extents[i] * extents[k + 1] * extents[j + 1];
        if (all_of_them >= cost[i][j]) continue;
        cost[i][j] = all_of_them;
        last[i][j] = k;
      }
    }
  return chain(all, last, 0, n - 1, e);
}

}  // namespace weft::detail::arrays
