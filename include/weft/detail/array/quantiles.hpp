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

/// What a quantile is that lies between two elements: on the line between them, one of them, the nearer one (of two
/// that are as near that with the even number), or their mean. As numpy.quantile's `method`.
enum class between : std::uint8_t { linear, lower, higher, nearest, midpoint };

namespace detail::arrays {

/// Two elements of a sorted line, and how far a quantile is from the first to the second.
struct rank_point {
  std::int64_t low = 0, high = 0;
  double share = 0;
};
/// Of a line of n elements, one at least.
inline rank_point point_of(double q, between how, std::int64_t n) {
  const double at = q * static_cast<double>(n - 1);
  const auto low = std::min(static_cast<std::int64_t>(at), n - 1), high = std::min(low + 1, n - 1);
  const double share = at - static_cast<double>(low);
  switch (how) {
    case between::lower:
      return {low, low, 0};
    case between::higher:
      return share > 0 ? rank_point{high, high, 0} : rank_point{low, low, 0};
    case between::nearest: {
      const auto nearest = std::min(static_cast<std::int64_t>(std::nearbyint(at)), n - 1);
      return {nearest, nearest, 0};
    }
    case between::midpoint:
      return {low, high, share > 0 ? 0.5 : 0};
    default:
      return {low, high, share};
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
