#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdint>
#include <functional>
#include <numbers>
#include <numeric>
#include <vector>

#include "array/arrays.hpp"
#include "support/sanitized.hpp"

/// How far samples are from the distributions that they should have.
namespace arrays {

inline constexpr std::int64_t many = weft::test::sanitized ? 10'000 : 40'000;

// ---- distribution functions ----

/// The incomplete gamma function P(a, x), by its series or its continued fraction (Abramowitz and Stegun, 6.5.29 and
/// 6.5.31).
inline double gamma_below(double a, double x) {
  if (x <= 0) return 0;
  const double factor = std::exp(a * std::log(x) - x - std::lgamma(a));
  if (x < a + 1) {
    double term = 1 / a, sum = term;
    for (double n = a + 1; term > sum * 1e-16; ++n) sum += term *= x / n;
    return factor * sum;
  }
  double fraction = 0;
  for (double n = 500; n >= 1; --n) fraction = n * (a - n) / (x + 2 * n + 1 - a + fraction);
  return 1 - factor / (x + 1 - a + fraction);
}
/// The incomplete beta function I_x(a, b), by its continued fraction (26.5.8).
inline double beta_below(double a, double b, double x) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - beta_below(b, a, 1 - x);
  double fraction = 1;
  for (double m = 300; m >= 0; --m) {
    const double even = (m + 1) * (b - m - 1) * x / ((a + 2 * m + 1) * (a + 2 * m + 2));
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    fraction = 1 + odd / (1 + even / fraction);
  }
  return std::exp(a * std::log(x) + b * std::log1p(-x) + std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b)) /
         (a * fraction);
}
inline double normal_below(double x) { return std::erfc(-x / std::numbers::sqrt2) / 2; }
inline double t_below(double df, double t) {
  const double tail = beta_below(df / 2, 0.5, df / (df + t * t)) / 2;
  return t > 0 ? 1 - tail : tail;
}

using function = std::function<double(double)>;

template <class X>
std::vector<double> sample_of(place& at, const X& x) {
  return arrays::list_of(at(weft::array<typename X::value_type>(x.node())));
}
inline double mean_of(const std::vector<double>& sample) {
  return std::accumulate(sample.begin(), sample.end(), 0.0) / static_cast<double>(sample.size());
}
/// The largest distance of a sample from a distribution, times the root of its size (Kolmogorov and Smirnov): above
/// 2.5 once in 130,000 seeds.
inline double distance(std::vector<double> sample, const function& below) {
  std::sort(sample.begin(), sample.end());
  const auto n = static_cast<double>(sample.size());
  double most = 0;
  for (std::size_t i = 0; i < sample.size(); ++i) {
    const double p = below(sample[i]);
    most = std::max({most, p - static_cast<double>(i) / n, static_cast<double>(i + 1) / n - p});
  }
  return most * std::sqrt(n);
}

/// The sample has that distribution, and that mean and variance where it has any, within five deviations.
template <class X>
void check_reals(place& at, const char* name, const X& x, const function& below, double mean = std::nan(""),
                 double variance = std::nan("")) {
  CAPTURE(name);
  const std::vector<double> sample = sample_of(at, x);
  CHECK(distance(sample, below) < 2.5);
  if (std::isnan(mean)) return;
  CHECK(std::abs(mean_of(sample) - mean) < 5 * std::sqrt(variance / static_cast<double>(sample.size())));
  std::vector<double> squares;
  for (const double v : sample) squares.push_back((v - mean) * (v - mean));
  const double found = mean_of(squares);
  for (double& s : squares) s = (s - found) * (s - found);
  CHECK(std::abs(found - variance) < 5 * std::sqrt(mean_of(squares) / static_cast<double>(sample.size())));
}

/// Counts have those probabilities: chi squared over classes of 20 expected ones or more, of mean n - 1 and variance
/// 2 (n - 1), is within four deviations.
template <class X>
void check_counts(place& at, const char* name, const X& x, const function& probability) {
  CAPTURE(name);
  std::vector<double> sample = sample_of(at, x);
  std::sort(sample.begin(), sample.end());
  const auto n = static_cast<double>(sample.size());
  double chi_squared = 0, expected = 0, found = 0, all = 0;
  int classes = 0;
  auto next = sample.begin();
  const double end = sample.back() + 1;
  for (double k = 0; k <= end; ++k) {
    const bool last = k == end;
    expected += last ? n * (1 - all) : n * probability(k);
    if (!last) all += probability(k);
    for (; next != sample.end() && (*next <= k || last); ++next) ++found;
    if (expected < 20 && !last) continue;
    if (expected >= 5) {
      chi_squared += (found - expected) * (found - expected) / expected;
      ++classes;
    } else {
      CHECK(found < 25);
    }
    expected = found = 0;
  }
  const double freedom = std::max(1, classes - 1);
  CAPTURE(chi_squared, classes);
  CHECK(all == Approx(1).margin(1e-3));
  CHECK(chi_squared < freedom + 4 * std::sqrt(2 * freedom));
}
inline double poisson_probability(double mean, double k) {
  return std::exp(k * std::log(mean) - mean - std::lgamma(k + 1));
}
inline double binomial_probability(double n, double p, double k) {
  if (k > n) return 0;
  return std::exp(std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1) + k * std::log(p) +
                  (n - k) * std::log1p(-p));
}

/// The logarithm of how many choices there are of k of n.
inline double choose(double n, double k) { return std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1); }

}  // namespace arrays
