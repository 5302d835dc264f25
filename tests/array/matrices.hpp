// What the tests of linear algebra share.
#pragma once

#include <algorithm>
#include <cmath>
#include <complex>
#include <random>

#include "array/arrays.hpp"

namespace arrays {

/// A matrix of some numbers without a pattern, in chunks.
template <class T = double>
weft::array<T, 2> matrix(const weft::client& c, std::int64_t rows, std::int64_t columns, weft::shape chunk,
                         std::int64_t seed = 0) {
  xt::xtensor<T, 2> x = xt::xtensor<T, 2>::from_shape({std::size_t(rows), std::size_t(columns)});
  for (std::size_t i = 0; i < x.size(); ++i)
    x.data()[i] = static_cast<T>(noise(static_cast<std::int64_t>(i) + seed * 1'000'003));
  return weft::from_array(c, x, {.chunk = chunk});
}
/// Small whole numbers, whose sums of products are exact.
template <class T = double, std::size_t N>
weft::array<T, N> whole_numbers(const weft::client& c, weft::shape extents, weft::shape chunk,
                                std::int64_t seed = 0) {
  using part = typename weft::detail::real_part<T>::type;
  typename xt::xtensor<T, N>::shape_type s{};
  for (std::size_t a = 0; a < N; ++a) s[a] = static_cast<std::size_t>(extents[a]);
  xt::xtensor<T, N> x = xt::xtensor<T, N>::from_shape(s);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double whole = std::floor(16 * noise(static_cast<std::int64_t>(i) + seed * 1'000'003));
    x.data()[i] = T(static_cast<part>(static_cast<std::int64_t>(whole)));  // of an unsigned type it wraps
  }
  return weft::from_array(c, x, {.chunk = chunk});
}
template <class T>
xt::xtensor<T, 2> product_of(const xt::xtensor<T, 2>& a, const xt::xtensor<T, 2>& b) {
  using wide = typename std::conditional<std::is_integral_v<T>, std::uint64_t, T>::type;  // integers wrap
  xt::xtensor<T, 2> c = xt::zeros<T>({a.shape()[0], b.shape()[1]});
  const std::size_t n = b.shape()[1];
  for (std::size_t i = 0; i < a.shape()[0]; ++i)
    for (std::size_t k = 0; k < a.shape()[1]; ++k) {
      // By pointers: without optimisation, as a sanitizer has it, xtensor's elements take ten times as long.
      const wide factor = static_cast<wide>(a(i, k));
      const T* from = b.data() + k * n;
      T* to = c.data() + i * n;
      for (std::size_t j = 0; j < n; ++j)
        to[j] = static_cast<T>(static_cast<wide>(to[j]) + factor * static_cast<wide>(from[j]));
    }
  return c;
}
/// The transpose, conjugated.
template <class T>
xt::xtensor<T, 2> turned(const xt::xtensor<T, 2>& a) {
  xt::xtensor<T, 2> t = xt::xtensor<T, 2>::from_shape({a.shape()[1], a.shape()[0]});
  for (std::size_t i = 0; i < a.shape()[0]; ++i)
    for (std::size_t j = 0; j < a.shape()[1]; ++j)
      if constexpr (weft::detail::is_complex<T>)
        t(j, i) = std::conj(a(i, j));
      else
        t(j, i) = a(i, j);
  return t;
}
template <class T>
xt::xtensor<T, 2> identity(std::size_t n) {
  xt::xtensor<T, 2> one = xt::zeros<T>({n, n});
  for (std::size_t i = 0; i < n; ++i) one(i, i) = 1;
  return one;
}
/// The largest magnitude there.
template <class T>
double below_diagonal(const xt::xtensor<T, 2>& r) {
  double most = 0;
  for (std::size_t i = 0; i < r.shape()[0]; ++i)
    for (std::size_t j = 0; j < std::min(i, r.shape()[1]); ++j)
      most = std::max(most, static_cast<double>(std::abs(r(i, j))));
  return most;
}
/// The largest distance of two arrays of one shape.
template <class A, class B>
double distance(const A& a, const B& b) {
  REQUIRE(a.shape() == b.shape());
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double d = std::abs(a.data()[i] - b.data()[i]);
    if (!(d <= most)) most = d;  // a NaN stays
    if (std::isnan(d)) return d;
  }
  return most;
}

}  // namespace arrays
