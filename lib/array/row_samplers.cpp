// Random numbers in rows, of which each is drawn as a whole.
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "array/sampler_kinds.hpp"
#include "array/samplers.hpp"

// Compiled as philox.cpp: see elementary.hpp.

namespace weft::detail::arrays {

namespace {

/// Calls draw(row, bits, skip, at) for rows of `width` elements, of which the first ones, from `first` on, may be
/// left out: it writes those behind `skip` to out[at], and raises `at`.
template <class T>
void for_each_row(std::uint64_t seed, std::uint32_t stream, std::size_t width, std::uint64_t first, std::span<T> out,
                  const auto& draw) noexcept {
  std::uint64_t row = first / width;
  std::size_t skip = first % width;
  for (std::size_t at = 0; at < out.size(); ++row, skip = 0) {
    element_bits bits(seed, stream, row);
    draw(bits, skip, at);
  }
}

}  // namespace

// Category after category: of those that are left, a binomial number falls to each.
void sample_multinomial(std::int64_t n, std::span<const double> p, std::uint64_t seed, std::uint32_t stream,
                        std::uint64_t first, std::span<std::int64_t> out) noexcept {
  std::size_t last = p.size() - 1;
  while (last > 0 && p[last] == 0) --last;  // nothing may fall to those behind it, however sums are rounded
  for_each_row(seed, stream, p.size(), first, out, [&](element_bits& bits, std::size_t skip, std::size_t& at) {
    auto left = static_cast<double>(n);
    double share = 1;
    for (std::size_t j = 0; j < p.size() && at < out.size(); ++j) {
      const double part = share > 0 ? std::min(1.0, p[j] / share) : 0;
      const double count = j == last || left == 0 ? left : binomial_sampler(left, part)(bits);
      left -= count;
      share -= p[j];
      if (j >= skip) out[at++] = static_cast<std::int64_t>(count);
    }
  });
}

// Kind after kind: of those that are left, a hypergeometric number is of it (Gentle, "Random number generation and
// Monte Carlo methods", 2003, section 5.3).
void sample_kinds(std::span<const std::int64_t> colors, std::int64_t nsample, std::uint64_t seed,
                  std::uint32_t stream, std::uint64_t first, std::span<std::int64_t> out) noexcept {
  double all = 0;
  for (const std::int64_t n : colors) all += static_cast<double>(n);
  for_each_row(seed, stream, colors.size(), first, out, [&](element_bits& bits, std::size_t skip, std::size_t& at) {
    auto left = static_cast<double>(nsample);
    double others = all;
    for (std::size_t j = 0; j < colors.size() && at < out.size(); ++j) {
      const auto own = static_cast<double>(colors[j]);
      others -= own;
      const double count = left == 0 ? 0 : hypergeometric_sampler(own, others, left)(bits);
      left -= count;
      if (j >= skip) out[at++] = static_cast<std::int64_t>(count);
    }
  });
}

// By gamma numbers, which are divided by their sum (Devroye, Non-Uniform Random Variate Generation, 1986, chapter XI,
// section 4). Where all of a row may be too small to be told from 0, by their logarithms.
template <class T>
void sample_dirichlet(std::span<const double> alpha, std::uint64_t seed, std::uint32_t stream, std::span<double> row,
                      std::uint64_t first, std::span<T> out) noexcept {
  const bool small = std::any_of(alpha.begin(), alpha.end(), [](double a) { return a > 0 && a < 0.1; });
  constexpr double never = -std::numeric_limits<double>::infinity();  // a logarithm of 0
  for_each_row(seed, stream, alpha.size(), first, out, [&](element_bits& bits, std::size_t skip, std::size_t& at) {
    for (std::size_t j = 0; j < alpha.size(); ++j) {
      if (alpha[j] == 0)
        row[j] = small ? never : 0;
      else
        row[j] = small ? log_of_gamma(alpha[j], bits) : gamma_sampler(alpha[j])(bits);
    }
    if (small) {
      const double most = *std::max_element(row.begin(), row.end());
      for (double& x : row) x = arrays::exponential(x - most);
    }
    double sum = 0;
    for (const double x : row) sum += x;
    for (std::size_t j = skip; j < alpha.size() && at < out.size(); ++j) out[at++] = static_cast<T>(row[j] / sum);
  });
}
template void sample_dirichlet(std::span<const double>, std::uint64_t, std::uint32_t, std::span<double>,
                               std::uint64_t, std::span<float>) noexcept;
template void sample_dirichlet(std::span<const double>, std::uint64_t, std::uint32_t, std::span<double>,
                               std::uint64_t, std::span<double>) noexcept;

// A column of the factor for each normal number of a row.
template <class T>
void sample_vectors(std::span<const double> mean, std::span<const double> factor, std::uint64_t seed,
                    std::uint32_t stream, std::span<double> row, std::uint64_t first, std::span<T> out) noexcept {
  const std::size_t n = mean.size(), columns = row.size();
  for_each_row(seed, stream, n, first, out, [&](element_bits& bits, std::size_t skip, std::size_t& at) {
    for (double& z : row) z = bits.normal();
    for (std::size_t j = skip; j < n && at < out.size(); ++j) {
      double x = mean[j];
      for (std::size_t k = 0; k < columns; ++k) x += factor[j * columns + k] * row[k];
      out[at++] = static_cast<T>(x);
    }
  });
}
template void sample_vectors(std::span<const double>, std::span<const double>, std::uint64_t, std::uint32_t,
                             std::span<double>, std::uint64_t, std::span<float>) noexcept;
template void sample_vectors(std::span<const double>, std::span<const double>, std::uint64_t, std::uint32_t,
                             std::span<double>, std::uint64_t, std::span<double>) noexcept;

// Cholesky's method with the largest pivot first, which ends where what is left is 0 as far as rounding says (Higham,
// "Accuracy and stability of numerical algorithms", 2002, section 10.3).
std::optional<std::vector<double>> factor_of(std::span<const double> covariance, std::size_t n) {
  std::vector<double> left(covariance.begin(), covariance.end()), factor(n * n);
  std::vector<bool> done(n);
  double most = 0;
  std::size_t columns = 0;
  for (std::size_t i = 0; i < n; ++i) most = std::max(most, left[i * n + i]);
  const double small = static_cast<double>(n) * 0x1p-50 * most;
  for (; columns < n; ++columns) {
    std::size_t pivot = n;
    for (std::size_t i = 0; i < n; ++i)
      if (!done[i] && (pivot == n || left[i * n + i] > left[pivot * n + pivot])) pivot = i;
    const double square = left[pivot * n + pivot];
    if (square <= small) break;
    done[pivot] = true;
    const double root = std::sqrt(square);
    for (std::size_t i = 0; i < n; ++i)
      if (!done[i] || i == pivot) factor[i * n + columns] = i == pivot ? root : left[i * n + pivot] / root;
    for (std::size_t i = 0; i < n; ++i) {
      if (done[i]) continue;
      for (std::size_t j = 0; j < n; ++j)
        if (!done[j]) left[i * n + j] -= factor[i * n + columns] * factor[j * n + columns];
    }
  }
  // What is left of a covariance is nothing: a matrix of which something is left has a variance below 0.
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j)
      if (!done[i] && !done[j] && !(std::abs(left[i * n + j]) <= 1e-8 * most)) return std::nullopt;
  std::vector<double> narrow(n * columns);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t k = 0; k < columns; ++k) narrow[i * columns + k] = factor[i * n + k];
  return narrow;
}

}  // namespace weft::detail::arrays
