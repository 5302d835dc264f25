#pragma once

#include <cmath>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "weft/array/functions.hpp"
#include "weft/array/join.hpp"
#include "weft/array/linear.hpp"
#include "weft/array/matrices.hpp"
#include "weft/array/reduce.hpp"
#include "weft/array/views.hpp"

namespace weft {

/// What a matrix of observations is, and what the sums of their products are divided by.
struct covariance_options {
  bool by_columns = false;  // a variable is a column, and an observation a row; else the other way round
  double lessened = 1;      // the number of observations less this; 0: they are all there are, and no sample
};
static_assert(std::is_trivially_destructible_v<covariance_options>,
              "g++ 12 destroys it twice in a co_await expression");

namespace detail::arrays {

template <class... X>
using covariance_element =
    std::conditional_t<(is_complex<typename X::value_type> || ...), std::complex<double>, double>;

/// As a matrix of variables.
template <class E, class X>
array<E, 2> observations_of(const X& x, const covariance_options& how) {
  constexpr bool few_axes = X::rank == 1 || X::rank == 2;
  static_assert(few_axes, "weft: a covariance is of vectors or matrices; make an array of another rank one of these");
  if constexpr (X::rank == 1)
    return array<E, 2>(expand_dims(astype<E>(x), how.by_columns ? 1 : 0));
  else
    return array<E, 2>(astype<E>(x));
}

template <class E>
array<E, 2> covariance_of(const array<E, 2>& x, const covariance_options& how) {
  const std::size_t along = how.by_columns ? 0 : 1;
  const array<E, 2> from_mean = x - mean(x, along, keep_axes);
  const auto conjugate = [](const array<E, 2>& y) {
    if constexpr (is_complex<E>)
      return array<E, 2>(conj(y));
    else
      return y;
  };
  const double n = static_cast<double>(x.shape()[along]) - how.lessened;
  const array<E, 2> products = how.by_columns ? matmul(transpose(from_mean), conjugate(from_mean))
                                              : matmul(from_mean, transpose(conjugate(from_mean)));
  return products / (n > 0 ? n : 0.0);
}

/// A covariance by the deviations of its two variables. Rounding may make it a little more than 1.
struct to_correlation {
  template <class E>
  E operator()(E covariance, double first, double second) const {
    const auto within = [](double x) { return x < -1 ? -1 : x > 1 ? 1 : x; };
    const E x = covariance / first / second;
    if constexpr (is_complex<E>)
      return {within(x.real()), within(x.imag())};
    else
      return within(x);
  }
};
template <class E>
array<E, 2> correlation_of(const array<E, 2>& covariance) {
  const auto squares = diagonal(covariance);
  const array<double, 1> deviations = sqrt(abs(squares));  // they are real, and not negative
  return array<E, 2>(arrays::apply_to(to_correlation{}, covariance, expand_dims(deviations, 1), deviations));
}

/// Of one variable, which has no rows and columns: the only element.
template <std::size_t Rank, class E>
auto one_or_all(const array<E, 2>& all) {
  if constexpr (Rank == 1)
    return all(0, 0);
  else
    return all;
}

}  // namespace detail::arrays

// Covariances are products of matrices, in double, and need what weft/array/linear.hpp needs. Chunks along the
// observations are added up by the product's tree. x is read twice, once for the means. They throw misuse where x and
// y have other numbers of observations.

/// The covariance of each two variables, a row of x each: row i, column j is that of variables i and j, with that of
/// j conjugated, and the diagonal has their variances. Of a vector, which is one variable, a number. NaN, or
/// infinite, where there are no more observations than how.lessened.
template <array_like X>
auto cov(const X& x, covariance_options how = {}) {
  using namespace detail::arrays;
  using E = covariance_element<X>;
  return one_or_all<X::rank>(covariance_of(observations_of<E>(x, how), how));
}
/// The same of the variables of both, those of y last: of two vectors a matrix of two rows.
template <array_like X, array_like Y>
auto cov(const X& x, const Y& y, covariance_options how = {}) {
  using namespace detail::arrays;
  using E = covariance_element<X, Y>;
  const std::int64_t axis = how.by_columns ? 1 : 0;
  return covariance_of<E>(array<E, 2>(concatenate(axis, observations_of<E>(x, how), observations_of<E>(y, how))),
                          how);
}

/// Pearson's correlation of each two variables: their covariance by both deviations, between -1 and 1. NaN for those
/// that do not vary.
template <array_like X>
auto corrcoef(const X& x, covariance_options how = {}) {
  using namespace detail::arrays;
  using E = covariance_element<X>;
  return one_or_all<X::rank>(correlation_of(covariance_of(observations_of<E>(x, how), how)));
}
template <array_like X, array_like Y>
auto corrcoef(const X& x, const Y& y, covariance_options how = {}) {
  return detail::arrays::correlation_of(cov(x, y, how));
}

}  // namespace weft
