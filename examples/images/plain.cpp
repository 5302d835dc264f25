#include "plain.hpp"

#include <cmath>

namespace images {

namespace {

using numbers = std::vector<double>;

numbers covariance(const pictures& p) {
  const std::size_t n = p.pixels;
  numbers products(n * n), mean(n);
  for (std::size_t i = 0; i < p.count; ++i) {
    const std::uint8_t* x = &p.grey[i * n];
    for (std::size_t a = 0; a < n; ++a) {
      if (x[a] == 0) continue;
      mean[a] += x[a];
      for (std::size_t b = 0; b <= a; ++b) products[a * n + b] += x[a] * x[b];  // exact: far below 2 to the 53
    }
  }
  const double count = static_cast<double>(p.count);
  for (double& m : mean) m /= count;
  for (std::size_t a = 0; a < n; ++a)
    for (std::size_t b = 0; b <= a; ++b) {
      products[a * n + b] = products[a * n + b] / count - mean[a] * mean[b];
      products[b * n + a] = products[a * n + b];
    }
  return products;
}

double dot(const numbers& a, const numbers& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

/// The power method; `v` becomes the eigenvector. It stays away from `not_along`, which may be empty.
double largest_eigenvalue(const numbers& matrix, const numbers& not_along, numbers& v) {
  const std::size_t n = v.size();
  double value = 0;
  for (int round = 0; round < 10000; ++round) {
    numbers next(n);
    for (std::size_t a = 0; a < n; ++a)
      for (std::size_t b = 0; b < n; ++b) next[a] += matrix[a * n + b] * v[b];
    if (!not_along.empty()) {
      const double shared = dot(next, not_along);
      for (std::size_t a = 0; a < n; ++a) next[a] -= shared * not_along[a];
    }
    const double length = std::sqrt(dot(next, next)), before = value;
    for (std::size_t a = 0; a < n; ++a) v[a] = next[a] / length;
    value = length;
    if (std::abs(value - before) <= 1e-13 * value) break;
  }
  return value;
}

}  // namespace

plain_variances plain_pass(const pictures& p) {
  const numbers matrix = covariance(p);
  plain_variances v;
  for (std::size_t a = 0; a < p.pixels; ++a) v.all += matrix[a * p.pixels + a];
  numbers first(p.pixels), second(p.pixels);
  for (std::size_t a = 0; a < p.pixels; ++a) {
    first[a] = std::sin(static_cast<double>(a) + 1);
    second[a] = std::cos(static_cast<double>(a) + 1);
  }
  v.first = largest_eigenvalue(matrix, {}, first);
  v.second = largest_eigenvalue(matrix, first, second);
  return v;
}

}  // namespace images
