#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "array/elementary.hpp"
#include "array/first_tries.hpp"
#include "array/philox.hpp"

/// How a number of each distribution is drawn, from the bits of its element. What includes this is compiled as
/// elementary.hpp says.
namespace weft::detail::arrays {

/// The bits of one element.
class element_bits {
 public:
  element_bits(std::uint64_t seed, std::uint32_t stream, std::uint64_t element) noexcept
      : counter_{static_cast<std::uint32_t>(element), static_cast<std::uint32_t>(element >> 32), 0, stream},
        key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)} {}

  /// Above 0 and below 1, in 2^52 steps: 1 less it is exact too, and such a number.
  double unit() noexcept {
    if (left_ == 0) {
      words_ = philox4x32(counter_, key_);
      ++counter_[2];
      left_ = 4;
    }
    left_ -= 2;
    const std::uint32_t low = words_[left_], high = words_[left_ + 1];
    return (whole(high) * 0x1p20 + whole(low >> 12) + 0.5) * 0x1p-52;
  }
  double exponential() noexcept { return -logarithm(unit()); }
  double normal() noexcept {
    const double radius = std::sqrt(2 * exponential());
    return radius * turn(unit()).cosine;
  }

 private:
  philox_counter counter_;
  philox_key key_;
  philox_counter words_{};
  std::size_t left_ = 0;
};

/// Marsaglia and Tsang, "A simple method for generating gamma variables", ACM TOMS 26 (2000); below 1 by what they
/// say in section 6.
struct gamma_sampler {
  explicit gamma_sampler(double shape) noexcept
      : below_1(shape < 1), inverse(1 / shape), d((below_1 ? shape + 1 : shape) - 1.0 / 3), c(1 / std::sqrt(9 * d)) {}
  double operator()(element_bits& bits) const noexcept {
    for (;;) {
      const double x = bits.normal(), root = 1 + c * x;
      if (root <= 0) continue;
      const double v = root * root * root, u = bits.unit(), square = x * x;
      if (u >= 1 - 0.0331 * square * square && logarithm(u) >= 0.5 * square + d * (1 - v + logarithm(v))) continue;
      return below_1 ? d * v * arrays::exponential(-bits.exponential() * inverse) : d * v;
    }
  }
  /// The first tries of elements whose next numbers are those from `from` on; units() of them.
  void first(const first_units& u, std::size_t from, gamma_tries& out) const noexcept {
    tried x;
    normals_of(u.at[from], u.at[from + 1], x);
    out.make(d, c, x, u.at[from + 2]);
    if (below_1) out.times_power(u.at[from + 3], inverse);
  }
  std::size_t units() const noexcept { return below_1 ? 4 : 3; }
  bool below_1;
  double inverse, d, c;
};

/// Where both parameters are up to 1 (else it is by two gammas): Jöhnk's method ("Erzeugung von betaverteilten und
/// gammaverteilten Zufallszahlen", Metrika 8, 1964), with logarithms where powers are too small to be told from 0.
struct small_beta_sampler {
  double operator()(element_bits& bits) const noexcept {
    for (;;) {
      const double log_x = -bits.exponential() / a, log_y = -bits.exponential() / b;
      const double x = arrays::exponential(log_x), y = arrays::exponential(log_y), sum = x + y;
      if (sum > 1) continue;
      if (sum > std::numeric_limits<double>::min()) return x / sum;
      return 1 / (1 + arrays::exponential(log_y - log_x));
    }
  }
  double a, b;
};

// Logarithms of probabilities as Loader has them ("Fast and accurate computation of binomial probabilities", 2000):
// without differences of large numbers.

/// log n! less Stirling's formula for it.
inline double stirling_error(double n) noexcept {
  static constexpr double small[] = {0,
                                     0x1.4c071bcda0a5bp-4,
                                     0x1.52a9b923ea649p-5,
                                     0x1.c579a268d80b3p-6,
                                     0x1.54a2662fd78a9p-6,
                                     0x1.10b4e513fcbedp-6,
                                     0x1.c6b167bebdf36p-7,
                                     0x1.85d4d612e4a86p-7,
                                     0x1.552805e7b3076p-7,
                                     0x1.2f4871b12ab64p-7,
                                     0x1.10f9d4c0743a7p-7,
                                     0x1.f0593088014f8p-8,
                                     0x1.c7018733aa9c6p-8,
                                     0x1.a40514700f36cp-8,
                                     0x1.86076c002d4a7p-8,
                                     0x1.6c08f6f194a10p-8};
  if (n < 16) return small[static_cast<std::size_t>(n)];
  const double z = 1 / (n * n);
  return (1.0 / 12 - z * (1.0 / 360 - z * (1.0 / 1260 - z * (1.0 / 1680 - z * (1.0 / 1188))))) / n;
}
/// x log(x / m) + m - x, for x and m above 0.
inline double deviance(double x, double m) noexcept {
  if (std::abs(x - m) >= 0.1 * (x + m)) return x * logarithm(x / m) + m - x;
  const double v = (x - m) / (x + m), z = v * v;
  double sum = (x - m) * v, term = 2 * x * v;
  for (double j = 3;; j += 2) {
    term *= z;
    const double next = sum + term / j;
    if (next == sum) return sum;
    sum = next;
  }
}
inline double log_of_poisson(double k, double mean) noexcept {
  if (k == 0) return -mean;
  return -stirling_error(k) - deviance(k, mean) - 0.5 * logarithm(2 * std::numbers::pi * k);
}
inline double log_of_binomial(double k, double n, double p) noexcept {
  const double q = 1 - p, others = n - k;
  if (k == 0) return n * logarithm_of_1_plus(-p);
  if (others == 0) return n * logarithm(p);
  return stirling_error(n) - stirling_error(k) - stirling_error(others) - deviance(k, n * p) -
         deviance(others, n * q) + 0.5 * logarithm(n / (2 * std::numbers::pi * k) / others);
}

/// By inversion below a mean of 10, where 53 bits decide; above it by Hörmann's PTRS, "The transformed rejection
/// method for generating Poisson random variables", Insurance: Mathematics and Economics 12 (1993).
struct poisson_sampler {
  explicit poisson_sampler(double m) noexcept
      : mean(m),
        none(arrays::exponential(-m)),
        b(0.931 + 2.53 * std::sqrt(m)),
        a(-0.059 + 0.02483 * b),
        inverse_alpha(1.1239 + 1.1328 / (b - 3.4)),
        sure(0.9277 - 3.6224 / (b - 2)) {}
  double operator()(element_bits& bits) const noexcept {
    if (mean < 10) {
      double u = bits.unit(), p = none, k = 0;
      for (; u > p && k < 200; p *= mean / k) {
        u -= p;
        ++k;
      }
      return k;
    }
    for (;;) {
      const double u = bits.unit() - 0.5, v = bits.unit(), distance = 0.5 - std::abs(u);
      const double k = std::floor((2 * a / distance + b) * u + mean + 0.43);
      if (distance >= 0.07 && v <= sure) return k;
      if (k < 0 || (distance < 0.013 && v > distance)) continue;
      if (logarithm(v * inverse_alpha / (a / (distance * distance) + b)) <= log_of_poisson(k, mean)) return k;
    }
  }
  double mean, none, b, a, inverse_alpha, sure;
};

/// By inversion where fewer than 10 are expected, above by Hörmann's BTRS, "The generation of binomial random
/// variates", Journal of Statistical Computation and Simulation 46 (1993). Of a probability above one half those that
/// fail are drawn.
struct binomial_sampler {
  binomial_sampler(double count, double probability) noexcept
      : n(count), turned(probability > 0.5), p(turned ? 1 - probability : probability), few(n * p < 10) {
    const double q = 1 - p;
    if (few) {
      odds = p / q;
      none = arrays::exponential(n * logarithm_of_1_plus(-p));
      return;
    }
    const double deviation = std::sqrt(n * p * q);
    b = 1.15 + 2.53 * deviation;
    a = -0.0873 + 0.0248 * b + 0.01 * p;
    sure = 0.92 - 4.2 / b;
    alpha = (2.83 + 5.1 / b) * deviation;
    most_likely = log_of_binomial(std::floor((n + 1) * p), n, p);
  }
  double operator()(element_bits& bits) const noexcept {
    const double k = few ? inverted(bits) : accepted(bits);
    return turned ? n - k : k;
  }
  double inverted(element_bits& bits) const noexcept {
    if (p == 0 || n == 0) return 0;
    double u = bits.unit(), probability = none, k = 0;
    while (u > probability && k < n && k < 200) {
      u -= probability;
      ++k;
      probability *= (n + 1 - k) / k * odds;
    }
    return k;
  }
  double accepted(element_bits& bits) const noexcept {
    for (;;) {
      const double u = bits.unit() - 0.5, v = bits.unit(), distance = 0.5 - std::abs(u);
      const double k = std::floor((2 * a / distance + b) * u + n * p + 0.5);
      if (k < 0 || k > n) continue;
      if (distance >= 0.07 && v <= sure) return k;
      const double hat = logarithm(v * alpha / (a / (distance * distance) + b));
      if (hat <= log_of_binomial(k, n, p) - most_likely) return k;
    }
  }
  double n;
  bool turned;
  double p;
  bool few;
  double odds = 0, none = 0, a = 0, b = 0, sure = 0, alpha = 0, most_likely = 0;
};

/// As binomial ones by inversion or rejection; the rejection is by a ratio of uniforms, whose table is as wide as
/// Stadlober has it ("The ratio of uniforms approach for generating discrete random variates", Journal of
/// Computational and Applied Mathematics 31, 1990). Of the good and the bad those are drawn of which there are fewer,
/// and of more than half of all those that are left.
struct hypergeometric_sampler {
  hypergeometric_sampler(double ngood, double nbad, double nsample) noexcept
      : of(ngood),
        all(ngood + nbad),
        left(2 * nsample > all),
        bad(ngood > nbad),
        kind(bad ? nbad : ngood),
        taken(left ? all - nsample : nsample),
        most(std::min(kind, taken)),
        mean(all == 0 ? 0 : taken * (kind / all)),
        few(mean < 10) {
    if (few) {
      none = all == 0 ? 1 : arrays::exponential(log_of(0));
      return;
    }
    const double p = kind / all, variance = taken * p * (1 - p) * ((all - taken) / (all - 1));
    constexpr double a = 1.7155277699214135, b = 0.8989161620588988;  // 2 sqrt(2 / e) and 3 - 2 sqrt(3 / e)
    width = a * std::sqrt(variance + 0.5) + b;
    most_likely = log_of(std::floor((taken + 1) * (kind + 1) / (all + 2)));
  }
  double operator()(element_bits& bits) const noexcept {
    double k = few ? inverted(bits) : accepted(bits);
    if (bad) k = taken - k;
    return left ? of - k : k;
  }
  /// As Loader has it: of binomial numbers, which fall so where their sum is what was taken.
  double log_of(double k) const noexcept {
    const double p = taken / all, others = all - kind;
    return log_of_binomial(k, kind, p) + log_of_binomial(taken - k, others, p) - log_of_binomial(taken, all, p);
  }
  double inverted(element_bits& bits) const noexcept {
    double u = bits.unit(), probability = none, k = 0;
    while (u > probability && k < most && k < 200) {
      u -= probability;
      probability *= (kind - k) / (k + 1) * ((taken - k) / (all - kind - taken + k + 1));
      ++k;
    }
    return k;
  }
  double accepted(element_bits& bits) const noexcept {
    for (;;) {
      const double u = bits.unit(), v = bits.unit(), x = mean + 0.5 + width * (v - 0.5) / u;
      if (x < 0 || x >= most + 1) continue;
      const double k = std::floor(x), log_f = log_of(k) - most_likely;
      if (u * (4 - u) - 3 <= log_f) return k;                           // not below 2 log u
      if (u * (u - log_f) <= 1 && 2 * logarithm(u) <= log_f) return k;  // the first one is quick
    }
  }
  double of, all;
  bool left, bad;
  double kind, taken, most, mean;
  bool few;
  double none = 0, width = 0, most_likely = 0;
};

/// By a ratio of uniforms, in the rectangle that Barabesi gives ("Generating von Mises variates by the
/// ratio-of-uniforms method", Statistica Applicata 7, 1995).
struct vonmises_sampler {
  vonmises_sampler(double middle, double concentration) noexcept
      : mu(middle),
        kappa(concentration),
        most(kappa < 1.3 ? std::numbers::pi * arrays::exponential(-kappa) : 1 / std::sqrt(kappa)) {}
  double operator()(element_bits& bits) const noexcept {
    for (;;) {
      const double u = bits.unit(), angle = most * (2 * bits.unit() - 1) / u;
      if (std::abs(angle) > std::numbers::pi) continue;
      // Its density is e^(-2 kappa sin^2(angle / 2)), which u^2 must not be above.
      if (kappa * angle * angle > 4 - 4 * u) {
        const double sine = turn(std::abs(angle) / (4 * std::numbers::pi)).sine;
        if (kappa * sine * sine > -logarithm(u)) continue;
      }
      return wrapped(mu + angle);
    }
  }
  /// Small angles stay as they are, to the last bit. std::fmod is exact.
  static double wrapped(double x) noexcept {
    if (std::abs(x) <= std::numbers::pi) return x;
    const double from = std::fmod(std::abs(x) + std::numbers::pi, 2 * std::numbers::pi) - std::numbers::pi;
    return x < 0 ? -from : from;
  }
  double mu, kappa, most;
};

/// The logarithm of a gamma number, which itself may be too small to be told from 0.
inline double log_of_gamma(double shape, element_bits& bits) noexcept {
  if (shape >= 1) return logarithm(gamma_sampler(shape)(bits));
  const double above = logarithm(gamma_sampler(shape + 1)(bits));
  return above - bits.exponential() / shape;
}

/// Michael, Schucany and Haas, "Generating random variates using transformations with multiple roots", The American
/// Statistician 30 (1976), with the smaller root as a quotient, in which nothing is cancelled.
struct wald_sampler {
  double operator()(element_bits& bits) const noexcept {
    const double z = bits.normal(), d = z * z * mean / (2 * scale), larger = 1 + d + std::sqrt(d) * std::sqrt(d + 2);
    return bits.unit() <= 1 / (1 + 1 / larger) ? mean / larger : mean * larger;
  }
  double mean, scale;
};

/// Johnson, Kotz and Balakrishnan, "Continuous univariate distributions", volume 2 (1995), chapter 29: of more than
/// one degree of freedom all but one are central; else as many more are as twice a Poisson number.
struct noncentral_chisquare_sampler {
  noncentral_chisquare_sampler(double degrees, double nonc) noexcept
      : df(degrees), root(std::sqrt(nonc)), central(df > 1 ? (df - 1) / 2 : df / 2), more(nonc / 2) {}
  double operator()(element_bits& bits) const noexcept {
    if (df > 1) {
      const double z = bits.normal() + root;
      return z * z + 2 * central(bits);
    }
    const double n = more(bits);
    return n == 0 ? 2 * central(bits) : 2 * gamma_sampler(df / 2 + n)(bits);
  }
  double df, root;
  gamma_sampler central;
  poisson_sampler more;
};

/// Devroye, Non-Uniform Random Variate Generation (1986), chapter X, section 6.1, from the part of the proposal that
/// is not above `limit`, which NumPy draws again too. In logarithms, as powers near 1 would lose their digits.
struct zipf_sampler {
  zipf_sampler(double a, double most) noexcept
      : less(a - 1),
        limit(most),
        within(-exponential_less_1(-less * logarithm(limit + 1))),
        widest(exponential_less_1(std::min(less, 1024.0) * std::numbers::ln2)) {}
  double operator()(element_bits& bits) const noexcept {
    if (less >= 1024) return 1;  // 2 has a probability of 2^-1025
    for (;;) {
      const double e = -logarithm_of_1_plus(-bits.unit() * within), v = bits.unit();
      const double x = std::clamp(std::floor(arrays::exponential(e / less)), 1.0, limit);
      const double step = exponential_less_1(less * logarithm_of_1_plus(1 / x));
      if (v * x * step / widest <= (step + 1) / (widest + 1)) return x;
    }
  }
  double less, limit, within, widest;
};

/// Kemp's LK, "Efficient generation of logarithmically distributed pseudo-random variables", Applied Statistics 30
/// (1981).
struct logseries_sampler {
  explicit logseries_sampler(double probability) noexcept : p(probability), rate(logarithm_of_1_plus(-p)) {}
  double operator()(element_bits& bits) const noexcept {
    const double v = bits.unit();
    if (v >= p) return 1;
    const double left = arrays::exponential(rate * bits.unit()), q = 1 - left;
    if (v > q * q) return v > q ? 1 : 2;
    return std::max(1.0, 1 + std::floor(logarithm(v) / logarithm_of_1_plus(-left)));
  }
  double p, rate;
};

}  // namespace weft::detail::arrays
