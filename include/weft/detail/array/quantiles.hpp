#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "weft/detail/array/node.hpp"
#include "weft/detail/array/reducers.hpp"

namespace weft {

/// What a quantile of sorted elements is, as numpy.quantile's `method`: on the line between two of them, one of them,
/// the nearer one (of two that are as near that with the even number), or their mean; and from `inverted_cdf` on,
/// with `linear`, the nine definitions of Hyndman and Fan ("Sample quantiles in statistical packages", The American
/// Statistician 50, 1996) in their order. Of closest_observation two that are as near are decided as they have it, by
/// the even number counted from 1, where NumPy 1 counts from 0.
enum class between : std::uint8_t {
  linear,
  lower,
  higher,
  nearest,
  midpoint,
  inverted_cdf,
  averaged_inverted_cdf,
  closest_observation,
  interpolated_inverted_cdf,
  hazen,
  weibull,
  median_unbiased,
  normal_unbiased
};

namespace detail::arrays {

/// Two elements of a sorted line, and how far a quantile is from the first to the second.
struct rank_point {
  std::int64_t low = 0, high = 0;
  double share = 0;
};
/// Place `at` of a line of n elements, or the nearer end.
inline rank_point point_at(double at, std::int64_t n) {
  const auto last = static_cast<double>(n - 1);
  if (!(at < last)) return {n - 1, n - 1, 0};
  if (at < 0) return {0, 0, 0};
  const auto low = static_cast<std::int64_t>(at);
  return {low, low + 1, at - static_cast<double>(low)};
}
/// Of a line of n elements, one at least.
inline rank_point point_of(double q, between how, std::int64_t n) {
  const auto count = static_cast<double>(n);
  const rank_point p = point_at(q * (count - 1), n);
  const auto one = [](std::int64_t i) { return rank_point{i, i, 0}; };
  // By plotting positions (i - a) / (n + 1 - a - b) of element i, counted from 1.
  const auto among = [&](double a, double b) { return point_at(count * q + (a + q * (1 - a - b)) - 1, n); };
  switch (how) {
    case between::lower:
      return one(p.low);
    case between::higher:
      return one(p.share > 0 ? p.high : p.low);
    case between::nearest:
      return one(std::min(static_cast<std::int64_t>(std::nearbyint(q * (count - 1))), n - 1));
    case between::midpoint:
      return {p.low, p.high, p.share > 0 ? 0.5 : 0};
    case between::inverted_cdf: {
      const rank_point i = point_at(count * q - 1, n);
      return one(i.share > 0 ? i.high : i.low);
    }
    case between::averaged_inverted_cdf: {
      const rank_point i = point_at(count * q - 1, n);
      return i.share > 0 ? one(i.high) : rank_point{i.low, i.high, 0.5};
    }
    case between::closest_observation: {
      const rank_point i = point_at(count * q - 1.5, n);
      return one(i.share > 0 || i.low % 2 == 0 ? i.high : i.low);
    }
    case between::interpolated_inverted_cdf:
      return among(0, 1);
    case between::hazen:
      return among(0.5, 0.5);
    case between::weibull:
      return among(0, 0);
    case between::median_unbiased:
      return among(1.0 / 3, 1.0 / 3);
    case between::normal_unbiased:
      return among(3.0 / 8, 3.0 / 8);
    default:
      return p;
  }
}

/// As NumPy has it: monotonic, and exact at both ends. Where the two are further apart than a number can say, as
/// infinities are, each is weighed by itself: what is between a number and infinity is infinite, and of both
/// infinities NaN.
template <class T>
real_t<T> on_line_between(T low, T high, double share) {
  const auto a = static_cast<double>(low), b = static_cast<double>(high);
  if (share == 0 || a == b) return static_cast<real_t<T>>(a);
  if (!std::isfinite(b - a)) return static_cast<real_t<T>>(a * (1 - share) + b * share);
  return static_cast<real_t<T>>(share < 0.5 ? a + (b - a) * share : b - (b - a) * (1 - share));
}
/// NaN where the line has one, which is its last element then.
struct join_neighbours {
  double share = 0;
  template <class T>
  real_t<T> operator()(T low, T high, T last) const {
    return last == last ? on_line_between(low, high, share) : static_cast<real_t<T>>(last);
  }
};

/// An element of a line of which `count` elements are no NaNs: what it adds to the line's quantile.
struct line_point {
  double low, high, share;
};
struct pick_point {
  double q = 0.5;
  between how = between::linear;
  template <class T>
  line_point operator()(T x, std::int64_t place, std::int64_t count) const {
    const double value = static_cast<double>(x);
    if (count == 0) return {place == 0 ? std::numeric_limits<double>::quiet_NaN() : 0, 0, 0};
    const rank_point p = point_of(q, how, count);
    return {place == p.low ? value : 0, place == p.high ? value : 0, place == p.low ? p.share : 0};
  }
};
template <class T>
struct point_picked {
  using result = real_t<T>;
  using accumulator = line_point;
  constexpr accumulator start() const { return {}; }
  constexpr void add(accumulator& a, const line_point& x) const { merge(a, x); }
  constexpr void merge(accumulator& a, const accumulator& b) const {
    a.low += b.low;
    a.high += b.high;
    a.share += b.share;
  }
  result finish(const accumulator& a) const { return static_cast<result>(on_line_between(a.low, a.high, a.share)); }
};

// lib/array/quantile.cpp.
/// Throws misuse for what is no quantile.
void check_quantile(double q);
/// Quantiles of all elements, which are doubles, by weighted samples.
array_ref sampled_quantiles(array_ref x, std::vector<double> q);

}  // namespace detail::arrays
}  // namespace weft
