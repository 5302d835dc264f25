#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

/// Elementary functions of doubles whose results do not depend on the machine's library: within some units in the
/// last place. They have no branches, and no conversions between doubles and 64-bit integers, so that loops of the
/// first ones are vectorised. What includes this is compiled with -ffp-contract=off: with fused multiplications,
/// results would depend on the instruction set.
namespace weft::detail::arrays {

#define WEFT_INLINE [[gnu::always_inline]] inline

/// A whole number below 2^52 as a double: the low bits of 2^52 + n.
WEFT_INLINE double whole(std::uint64_t n) noexcept {
  return std::bit_cast<double>(n | std::bit_cast<std::uint64_t>(0x1p52)) - 0x1p52;
}

/// log 2 in two parts, the first of which has so few bits that its product with an exponent is exact.
inline constexpr double log2_high = 0x1.62e42feep-1, log2_low = 0x1.a39ef35793c76p-33;

/// The natural logarithm of x above 0, normal. x = 2^k m with m in [sqrt(1/2), sqrt(2)), and log m is
/// 2 artanh((m - 1) / (m + 1)): its series has converged to 10^-18 after 11 terms, as |(m - 1) / (m + 1)| < 0.172.
WEFT_INLINE double logarithm(double x) noexcept {
  constexpr std::uint64_t least = 0x3FE6A09E00000000;  // a double just below sqrt(1/2)
  constexpr std::uint64_t one = 0x3FF0000000000000;
  const std::uint64_t bits = std::bit_cast<std::uint64_t>(x) + (one - least);
  const double k = whole(bits >> 52) - 1023;
  const double m = std::bit_cast<double>((bits & 0x000FFFFFFFFFFFFF) + least);
  const double f = m - 1, s = f / (2 + f), z = s * s;
  double p = 2.0 / 23;
  p = p * z + 2.0 / 21;
  p = p * z + 2.0 / 19;
  p = p * z + 2.0 / 17;
  p = p * z + 2.0 / 15;
  p = p * z + 2.0 / 13;
  p = p * z + 2.0 / 11;
  p = p * z + 2.0 / 9;
  p = p * z + 2.0 / 7;
  p = p * z + 2.0 / 5;
  p = p * z + 2.0 / 3;
  return k * log2_high + (2 * s + (s * z * p + k * log2_low));
}

struct sine_cosine {
  double sine, cosine;
};

/// Of 2 pi u, u in [0, 1]. The angle is taken from the nearest quarter turn, exactly; the series of sine and cosine
/// have converged to 10^-18 for what is left, at most pi/4.
WEFT_INLINE sine_cosine turn(double u) noexcept {
  constexpr double rounding = 0x1.8p52;  // adding it leaves no bits below 1
  const double t = 4 * u, shifted = t + rounding;
  const double f = t - (shifted - rounding);
  const std::uint64_t quarter = std::bit_cast<std::uint64_t>(shifted);  // in its low bits
  const double x = f * 0x1.921fb54442d18p0, z = x * x;
  double s = -1.0 / 121645100408832000.0;  // 19!
  s = s * z + 1.0 / 355687428096000.0;
  s = s * z - 1.0 / 1307674368000.0;
  s = s * z + 1.0 / 6227020800.0;
  s = s * z - 1.0 / 39916800.0;
  s = s * z + 1.0 / 362880.0;
  s = s * z - 1.0 / 5040.0;
  s = s * z + 1.0 / 120.0;
  s = s * z - 1.0 / 6.0;
  const double sine = x + x * z * s;
  double c = -1.0 / 6402373705728000.0;  // 18!
  c = c * z + 1.0 / 20922789888000.0;
  c = c * z - 1.0 / 87178291200.0;
  c = c * z + 1.0 / 479001600.0;
  c = c * z - 1.0 / 3628800.0;
  c = c * z + 1.0 / 40320.0;
  c = c * z - 1.0 / 720.0;
  c = c * z + 1.0 / 24.0;
  const double cosine = 1 - (0.5 * z - z * z * c);
  const std::uint64_t odd = 0 - (quarter & 1), a = std::bit_cast<std::uint64_t>(sine),
                      b = std::bit_cast<std::uint64_t>(cosine), differ = (a ^ b) & odd;
  return {std::bit_cast<double>((a ^ differ) ^ ((quarter & 2) << 62)),
          std::bit_cast<double>((b ^ differ) ^ (((quarter + 1) & 2) << 62))};
}

/// e^x = 2^k e^r, with |r| <= log(2) / 2, whose series has converged to 10^-18 after 14 terms; for x from -746 to
/// 710.
WEFT_INLINE double exponential_within(double x) noexcept {
  constexpr double rounding = 0x1.8p52;
  const double shifted = x * 1.44269504088896340736 + rounding, k = shifted - rounding;
  const double r = (x - k * log2_high) - k * log2_low;
  double p = 1.0 / 6227020800.0;  // 13!
  p = p * r + 1.0 / 479001600.0;
  p = p * r + 1.0 / 39916800.0;
  p = p * r + 1.0 / 3628800.0;
  p = p * r + 1.0 / 362880.0;
  p = p * r + 1.0 / 40320.0;
  p = p * r + 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  p = p * r + 0.5;
  // In two steps, each by a normal number: k is in the low bits, and 2048 more is above 0.
  constexpr std::uint64_t none = std::bit_cast<std::uint64_t>(rounding);
  const std::uint64_t n = std::bit_cast<std::uint64_t>(shifted) - none + 2048, half = n / 2;
  return (1 + (r + r * r * p)) * std::bit_cast<double>((half - 1) << 52) *
         std::bit_cast<double>((n - half - 1) << 52);
}

// What follows has branches.

/// log(1 + x), for x above -1: log(u) x / (u - 1), where u is 1 + x as it is rounded (Kahan).
inline double logarithm_of_1_plus(double x) noexcept {
  const double u = 1 + x;
  return u == 1 ? x : logarithm(u) * (x / (u - 1));
}

/// e^x.
inline double exponential(double x) noexcept {
  if (!(x > -746)) return x != x ? x : 0;
  if (x > 710) return std::numeric_limits<double>::infinity();
  return exponential_within(x);
}
/// e^x - 1.
inline double exponential_less_1(double x) noexcept {
  if (std::abs(x) > 0x1p-6) return exponential(x) - 1;
  double p = 1;
  for (double n = 9; n >= 2; --n) p = 1 + p * (x / n);
  return x * p;
}
/// x^y, for x above 0.
inline double power(double x, double y) noexcept { return exponential(y * logarithm(x)); }

}  // namespace weft::detail::arrays
