// Fast Fourier transforms of one line.
#include "array/fft_plan.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

namespace weft::detail::arrays {

namespace {

using number = fft_plan::number;

/// Factors that a step takes. Lengths with larger primes go by Bluestein's algorithm, which costs three transforms of
/// up to four times the length.
constexpr std::size_t radices[] = {4, 2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31};
constexpr std::size_t most_prime = 31;

/// Fours first, since a step by 4 reads and writes as much as one by 2. None where a prime is too large.
std::vector<std::size_t> factors_of(std::size_t n) {
  std::vector<std::size_t> all;
  for (const std::size_t f : radices)
    for (; n % f == 0; n /= f) all.push_back(f);
  if (n != 1) all.clear();
  return all;
}

/// exp(-2 pi i k / n): the angle is brought below an eighth of a turn, so that it has the precision of a double.
number turn(std::size_t k, std::size_t n) {
  const std::size_t eighths = 8 * k / n;
  const auto angle = [&](std::size_t part) {
    return 2 * std::numbers::pi * static_cast<double>(part) / static_cast<double>(n) / 8;
  };
  // In eighths of 1 / n: 8 k = eighths * n + rest.
  const std::size_t rest = 8 * k - eighths * n;
  const double c = std::cos(angle(rest)), s = std::sin(angle(rest));
  const double back_c = std::cos(angle(n - rest)), back_s = std::sin(angle(n - rest));
  switch (eighths) {
    case 0:
      return {c, -s};
    case 1:
      return {back_s, -back_c};
    case 2:
      return {-s, -c};
    case 3:
      return {-back_c, -back_s};
    case 4:
      return {-c, s};
    case 5:
      return {-back_s, back_c};
    case 6:
      return {s, c};
    default:
      return {back_c, back_s};
  }
}

number times(number a, number b) {
  return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
}
/// a * -i
number quarter(number a) { return {a.imag(), -a.real()}; }

/// Transforms of so few numbers, in place.
void small(number* x, std::size_t radix, const std::vector<number>& turns, std::vector<number>& room) {
  constexpr double sin3 = 0.86602540378443864676;
  constexpr double cos5 = 0.30901699437494742410, sin5 = 0.95105651629515357212, cos5b = -0.80901699437494742410,
                   sin5b = 0.58778525229247312917;
  switch (radix) {
    case 2: {
      const number a = x[0];
      x[0] = a + x[1];
      x[1] = a - x[1];
      return;
    }
    case 3: {
      const number sum = x[1] + x[2], difference = quarter(x[1] - x[2]) * sin3, middle = x[0] - 0.5 * sum;
      x[0] += sum;
      x[1] = middle + difference;
      x[2] = middle - difference;
      return;
    }
    case 4: {
      const number a = x[0] + x[2], b = x[0] - x[2], c = x[1] + x[3], d = quarter(x[1] - x[3]);
      x[0] = a + c;
      x[1] = b + d;
      x[2] = a - c;
      x[3] = b - d;
      return;
    }
    case 5: {
      const number a = x[1] + x[4], b = x[1] - x[4], c = x[2] + x[3], d = x[2] - x[3];
      const number even = x[0] + cos5 * a + cos5b * c, even_b = x[0] + cos5b * a + cos5 * c;
      const number odd = quarter(sin5 * b + sin5b * d), odd_b = quarter(sin5b * b - sin5 * d);
      x[0] += a + c;
      x[1] = even + odd;
      x[2] = even_b + odd_b;
      x[3] = even_b - odd_b;
      x[4] = even - odd;
      return;
    }
    default: {
      const std::size_t step = turns.size() / radix;
      for (std::size_t k = 0; k < radix; ++k) {
        number sum = x[0];
        for (std::size_t j = 1; j < radix; ++j) sum += times(x[j], turns[j * k % radix * step]);
        room[k] = sum;
      }
      for (std::size_t k = 0; k < radix; ++k) x[k] = room[k];
    }
  }
}

/// One of Stockham's steps: transforms of `length` become fewer that are `radix` times as long.
void step(const number* from, number* to, std::size_t radix, std::size_t n, std::size_t length,
          const std::vector<number>& turns, std::vector<number>& room) {
  const std::size_t groups = n / radix / length;
  number x[most_prime];
  for (std::size_t g = 0; g < groups; ++g) {
    for (std::size_t k = 0; k < length; ++k) {
      const std::size_t by = k * groups;  // turns[by * j] is exp(-2 pi i j k / (radix * length))
      for (std::size_t j = 0; j < radix; ++j) x[j] = from[(j * groups + g) * length + k];
      for (std::size_t j = 1; j < radix && k != 0; ++j) x[j] = times(x[j], turns[by * j]);
      small(x, radix, turns, room);
      for (std::size_t j = 0; j < radix; ++j) to[(g * radix + j) * length + k] = x[j];
    }
  }
}

}  // namespace

fft_plan::fft_plan(std::size_t n) : n_(n), factors_(factors_of(n)) {
  if (!factors_.empty() || n == 1) {
    turns_.reserve(n);
    for (std::size_t k = 0; k < n; ++k) turns_.push_back(turn(k, n));
    room_.resize(n);
    row_.resize(most_prime);
    return;
  }
  // x_j X_k = c_k sum (x_j c_j) conj(c_(k-j)), with c_j = exp(-pi i j^2 / n).
  std::size_t length = 1;
  while (length < 2 * n - 1) length *= 2;
  longer_ = std::make_unique<fft_plan>(length);
  chirp_.reserve(n);
  std::size_t square = 0;  // j^2 modulo 2 n, without overflow
  for (std::size_t j = 0; j < n; ++j) {
    chirp_.push_back(turn(square, 2 * n));
    square = (square + 2 * j + 1) % (2 * n);
  }
  chirp_turned_.assign(length, number());
  for (std::size_t j = 0; j < n; ++j) {
    chirp_turned_[j] = std::conj(chirp_[j]);
    if (j != 0) chirp_turned_[length - j] = std::conj(chirp_[j]);
  }
  longer_->forward(chirp_turned_);
  padded_.resize(length);
}

void fft_plan::stages(std::span<number> x) {
  number *from = x.data(), *to = room_.data();
  std::size_t length = 1;
  for (const std::size_t radix : factors_) {
    step(from, to, radix, n_, length, turns_, row_);
    length *= radix;
    std::swap(from, to);
  }
  if (from != x.data()) std::copy_n(from, n_, x.data());
}

void fft_plan::bluestein(std::span<number> x) {
  for (std::size_t j = 0; j < n_; ++j) padded_[j] = times(x[j], chirp_[j]);
  std::fill(padded_.begin() + static_cast<std::ptrdiff_t>(n_), padded_.end(), number());
  longer_->forward(padded_);
  for (std::size_t j = 0; j < padded_.size(); ++j) padded_[j] = times(padded_[j], chirp_turned_[j]);
  longer_->inverse(padded_);
  for (std::size_t k = 0; k < n_; ++k) x[k] = times(padded_[k], chirp_[k]);
}

void fft_plan::forward(std::span<number> x) {
  if (longer_)
    bluestein(x);
  else
    stages(x);
}

void fft_plan::inverse(std::span<number> x) {
  for (number& v : x) v = std::conj(v);
  forward(x);
  const double scale = 1.0 / static_cast<double>(n_);
  for (number& v : x) v = std::conj(v) * scale;
}

}  // namespace weft::detail::arrays
