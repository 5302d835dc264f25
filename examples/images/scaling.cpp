#include "scaling.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>

namespace images {

namespace {

using per_axis = std::array<double, axes>;

/// Written so that compilers see pmaddwd in it: products of 16 bits, summed in 32, which 2^15 pixels fit in.
[[gnu::always_inline]] inline void squared_distances(const strip& a, const strip& b, float* out) {
  constexpr std::size_t in_cache = 16;  // pictures of b, which stay there while all of a go by
  for (std::size_t begin = 0; begin < b.count; begin += in_cache)
    for (std::size_t i = 0; i < a.count; ++i)
      for (std::size_t j = begin; j < std::min(begin + in_cache, b.count); ++j) {
        const std::int16_t *x = &a.grey[i * a.pixels], *y = &b.grey[j * b.pixels];
        std::int32_t sum = 0;
        for (std::size_t k = 0; k < a.pixels; ++k) {
          const auto difference = static_cast<std::int16_t>(x[k] - y[k]);
          sum += difference * difference;
        }
        out[i * b.count + j] = static_cast<float>(sum);
      }
}

#if defined(__x86_64__)
/// The same in wider registers. Not by target_clones: thread sanitizers crash in what chooses among these.
[[gnu::target("avx2")]] void squared_distances_avx2(const strip& a, const strip& b, float* out) {
  squared_distances(a, b, out);
}
#endif

/// The whole product: `width` numbers for each picture.
std::vector<double> add_up(weft::values<partial> parts, std::size_t pictures, std::size_t width) {
  std::vector<double> whole(pictures * width);
  const auto add = [&](std::size_t first, const std::vector<double>& part) {
    for (std::size_t i = 0; i < part.size(); ++i) whole[first * width + i] += part[i];
  };
  for (const partial& p : parts) {
    add(p.row, p.to_rows);
    add(p.column, p.to_columns);
  }
  return whole;
}

double dot(const std::vector<double>& a, std::size_t i, const std::vector<double>& b, std::size_t j) {
  double sum = 0;
  for (std::size_t k = 0; k < a.size(); k += axes) sum += a[k + i] * b[k + j];
  return sum;
}

/// Gram and Schmidt's, twice: that is enough (Giraud, Langou, Rozloznik, 2005).
void orthonormalise(std::vector<double>& v) {
  for (int round = 0; round < 2; ++round)
    for (std::size_t i = 0; i < axes; ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        const double shared = dot(v, i, v, j);
        for (std::size_t k = 0; k < v.size(); k += axes) v[k + i] -= shared * v[k + j];
      }
      const double length = std::sqrt(dot(v, i, v, i));
      if (length == 0) continue;  // pictures that are all the same
      for (std::size_t k = 0; k < v.size(); k += axes) v[k + i] /= length;
    }
}

/// The eigenvalues of a small symmetric matrix, largest first, by Jacobi's rotations.
per_axis eigenvalues(std::array<per_axis, axes> m) {
  for (int sweep = 0; sweep < 20; ++sweep)
    for (std::size_t p = 0; p < axes; ++p)
      for (std::size_t q = p + 1; q < axes; ++q) {
        const double angle = 0.5 * std::atan2(2 * m[p][q], m[p][p] - m[q][q]);
        const double c = std::cos(angle), s = std::sin(angle);
        for (auto& row : m) {
          const double at_p = row[p], at_q = row[q];
          row[p] = c * at_p + s * at_q;
          row[q] = c * at_q - s * at_p;
        }
        for (std::size_t k = 0; k < axes; ++k) {
          const double at_p = m[p][k], at_q = m[q][k];
          m[p][k] = c * at_p + s * at_q;
          m[q][k] = c * at_q - s * at_p;
        }
      }
  per_axis values{};
  for (std::size_t i = 0; i < axes; ++i) values[i] = m[i][i];
  std::sort(values.begin(), values.end(), std::greater<>());
  return values;
}

}  // namespace

strip cut(const pictures& p, std::size_t first, std::size_t count) {
  const std::uint8_t* from = p.grey.data() + first * p.pixels;
  return {first, count, p.pixels, std::vector<std::int16_t>(from, from + count * p.pixels)};
}

block distances(const strip& a, const strip& b) {
  block d{a.first, b.first, a.count, b.count, std::vector<float>(a.count * b.count)};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) {
    squared_distances_avx2(a, b, d.squared.data());
    return d;
  }
#endif
  squared_distances(a, b, d.squared.data());
  return d;
}

partial row_sums(const block& d) {
  partial p{d.row, d.column, std::vector<double>(d.rows), std::vector<double>(d.columns)};
  for (std::size_t i = 0; i < d.rows; ++i)
    for (std::size_t j = 0; j < d.columns; ++j) {
      const double squared = d.squared[i * d.columns + j];
      p.to_rows[i] += squared;
      p.to_columns[j] += squared;
    }
  if (d.row == d.column) p.to_columns.clear();
  return p;
}

centre average(weft::values<partial> sums, std::size_t pictures) {
  centre c{add_up(sums, pictures, 1), 0};
  for (double& m : c.means) {
    m /= static_cast<double>(pictures);
    c.mean += m / static_cast<double>(pictures);
  }
  return c;
}

basis start(std::size_t pictures) {
  std::mt19937_64 random(1);
  basis b{std::vector<double>(pictures * axes), {}};
  for (double& x : b.vectors) x = static_cast<double>(random()) / 0x1p63 - 1;
  orthonormalise(b.vectors);
  return b;
}

partial multiply(const block& d, const centre& c, const basis& v) {
  partial p{d.row, d.column, std::vector<double>(d.rows * axes), std::vector<double>(d.columns * axes)};
  const double *of_rows = &v.vectors[d.row * axes], *of_columns = &v.vectors[d.column * axes];
  for (std::size_t i = 0; i < d.rows; ++i) {
    per_axis sum{};
    for (std::size_t j = 0; j < d.columns; ++j) {
      const double squared = d.squared[i * d.columns + j];
      const double centred = -0.5 * (squared - c.means[d.row + i] - c.means[d.column + j] + c.mean);
      for (std::size_t k = 0; k < axes; ++k) {
        sum[k] += centred * of_columns[j * axes + k];
        p.to_columns[j * axes + k] += centred * of_rows[i * axes + k];
      }
    }
    std::copy(sum.begin(), sum.end(), &p.to_rows[i * axes]);
  }
  if (d.row == d.column) p.to_columns.clear();
  return p;
}

basis improve(weft::values<partial> products, const basis& v) {
  basis next{add_up(products, v.vectors.size() / axes, axes), {}};
  std::array<per_axis, axes> small{};  // B, as the basis sees it
  for (std::size_t i = 0; i < axes; ++i)
    for (std::size_t j = 0; j < axes; ++j)
      small[i][j] = (dot(v.vectors, i, next.vectors, j) + dot(v.vectors, j, next.vectors, i)) / 2;
  next.found = eigenvalues(small);
  orthonormalise(next.vectors);
  return next;
}

}  // namespace images
