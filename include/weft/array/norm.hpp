#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>

#ifndef WEFT_WITHOUT_BLAS
#include "weft/array/linear.hpp"
#endif
#include "weft/array/functions.hpp"
#include "weft/array/reduce.hpp"
#include "weft/array/views.hpp"
#include "weft/detail/array/norms.hpp"

namespace weft {

/// Which norm: `ord{1}`, `ord::infinity`, `ord::nuclear`.
///
/// | | along one axis | over two |
/// | --- | --- | --- |
/// | ord::frobenius | | the root of the sum of squares |
/// | ord::nuclear | | the sum of the singular values |
/// | ord::infinity | the largest length | the largest sum along a row |
/// | ord::minus_infinity | the smallest length | the smallest sum along a row |
/// | ord{0} | how many are not 0 | |
/// | ord{1} and ord{-1} | as ord{p} | the largest and the smallest sum along a column |
/// | ord{2} and ord{-2} | as ord{p} | the largest and the smallest singular value |
/// | ord{p} | the sum of the lengths to the power of p, to that of 1 / p | |
class ord {
 public:
  enum class kind : std::uint8_t { power, frobenius, nuclear };
  constexpr explicit ord(double p) noexcept : p_(p) {}
  static const ord frobenius, nuclear, infinity, minus_infinity;

  constexpr kind what() const noexcept { return what_; }
  constexpr double p() const noexcept { return p_; }

 private:
  constexpr explicit ord(kind k) noexcept : what_(k) {}
  kind what_ = kind::power;
  double p_ = 2;
};
inline constexpr ord ord::frobenius{ord::kind::frobenius};
inline constexpr ord ord::nuclear{ord::kind::nuclear};
inline constexpr ord ord::infinity{std::numeric_limits<double>::infinity()};
inline constexpr ord ord::minus_infinity{-std::numeric_limits<double>::infinity()};

namespace detail::arrays {

/// Lengths of elements, of the type that norms have.
template <class X>
auto lengths_of(const X& x) {
  using T = typename X::value_type;
  using R = typename real_part<real_t<T>>::type;
  return weft::astype<R>(weft::abs(weft::astype<real_t<T>>(x)));
}
template <class X, class... W>
auto vector_norm(const X& x, double p, const W&... where) {
  const auto lengths = lengths_of(x);
  using R = typename decltype(lengths)::value_type;
  using result = array<R, reduced_rank<X::rank, W...>::value>;
  if (p == std::numeric_limits<double>::infinity()) return result(weft::max(lengths, where...));
  if (p == -std::numeric_limits<double>::infinity()) return result(weft::min(lengths, where...));
  if (p == 0) return result(weft::sum(weft::astype<R>(lengths != R(0)), where...));
  if (p == 1) return result(weft::sum(lengths, where...));
  if (p == 2) return result(weft::norm(x, where...));
  return result(weft::pow(weft::sum(weft::pow(lengths, p), where...), 1 / p));
}
template <bool Keeps, class X>
array_ref singular_norm([[maybe_unused]] const X& x, [[maybe_unused]] const ord& how) {
#ifdef WEFT_WITHOUT_BLAS
  throw_norm("a norm by singular values needs OpenBLAS, with which this weft was not built");
#else
  using T = typename X::value_type;
  if constexpr (X::rank != 2 && X::rank != dynamic_rank) {
    throw_norm("a norm by singular values is of a matrix, and of no array of more axes");
  } else {
    if (x.grid().rank != 2) throw_axes("a norm by singular values", "two axes", x.grid());
    using R = real_t<T>;
    const array<part_t<R>, 1> s = svd(array<R, 2>(elements_as<R>(x))).s;
    array_ref found = how.what() == ord::kind::nuclear ? weft::sum(s).node()
                      : how.p() > 0                    ? weft::max(s).node()
                                                       : weft::min(s).node();
    for (int a = 0; Keeps && a < 2; ++a) found = expand_view(std::move(found), 0);
    return found;
  }
#endif
}
/// Rows lie along axis `rows`, of which a column has one element each.
template <class X, class... W>
auto matrix_norm(const X& x, const ord& how, std::int64_t rows, std::int64_t columns, const W&... where) {
  const auto lengths = lengths_of(x);
  using R = typename decltype(lengths)::value_type;
  using rank = reduced_rank<X::rank, W...>;
  using result = array<R, rank::value>;
  if (how.what() == ord::kind::frobenius) return result(weft::norm(x, where...));
  if (is_singular(how.what() == ord::kind::nuclear, how.p())) return result(singular_norm<rank::keeps>(x, how));
  const auto sums = weft::sum(lengths, std::isinf(how.p()) ? columns : rows, keep_axes);
  return how.p() > 0 ? result(weft::max(sums, where...)) : result(weft::min(sums, where...));
}

}  // namespace detail::arrays

/// The norm of vectors along an axis, or of matrices over two, of which the first has the rows' numbers: `norm(x,
/// ord{1}, 0)`, `norm(x, ord::infinity, weft::axes(0, 1), weft::keep_axes)`. Without an axis it is that of an array
/// of one or two. As numpy.linalg.norm; without `ord` there is norm(x, axes...). Those by singular values are of
/// matrices, not of several in one array, and need OpenBLAS. Throws misuse for an ord that there is not, and for
/// largest ones of nothing.
template <array_like X, detail::arrays::axes_option... W>
auto norm(const X& x, const ord& how, const W&... where) {
  using namespace detail::arrays;
  constexpr std::size_t named = (std::size_t{0} + ... + axes_named<W>);
  constexpr bool possible = named <= 2;
  static_assert(possible, "weft: a norm is along one axis, or over two");
  const array<typename X::value_type, X::rank> whole(x.node());
  const norm_axes over = axes_of_norm(x.grid(), how.what() != ord::kind::power, how.p(), named, [&] {
    std::array<std::int64_t, 3> list{};
    std::size_t n = 0;
    [[maybe_unused]] const auto take = [&](const auto& o) {
      using O = std::remove_cvref_t<decltype(o)>;
      if constexpr (std::is_integral_v<O>)
        list[n++] = static_cast<std::int64_t>(o);
      else if constexpr (is_axes<O>)
        for (const std::int64_t a : o.list) list[n++] = a;
    };
    (take(where), ...);
    return list;
  }());
  return over.count == 1 ? vector_norm(whole, how.p(), where...)
                         : matrix_norm(whole, how, over.rows, over.columns, where...);
}

}  // namespace weft
