#include "array/samplers.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "array/sampler_kinds.hpp"

// Compiled as philox.cpp: see elementary.hpp.

namespace weft::detail::arrays {

namespace {

/// Sampler after sampler: those that are inversions stand here as they are.
template <class T>
void fill(const drawn_numbers& w, std::uint64_t first, std::span<T> out, const auto& one) noexcept {
  for (std::size_t i = 0; i < out.size(); ++i) {
    element_bits bits(w.seed, w.stream, first + i);
    out[i] = static_cast<T>(one(bits));
  }
}

/// The same, where the first tries of most elements are taken: `first_of(u, t)` makes the tries t of the units u of
/// so many elements. Of few elements nothing is gained by it.
template <class T>
void fill_by_tries(const drawn_numbers& w, std::uint64_t first, std::span<T> out, std::size_t units,
                   const auto& first_of, const auto& one) noexcept {
  constexpr std::size_t few = 16;
  const auto blocks = static_cast<std::uint32_t>((units + 1) / 2);
  while (out.size() >= few) {
    first_units u;
    gamma_tries tried_first;
    u.make({w.seed, w.stream}, first, blocks);
    first_of(u, tried_first);
    const std::size_t n = std::min(tries, out.size());
    for (std::size_t i = 0; i < n; ++i) {
      if (tried_first.taken[i]) {
        out[i] = static_cast<T>(tried_first.value[i]);
      } else {
        element_bits bits(w.seed, w.stream, first + i);
        out[i] = static_cast<T>(one(bits));
      }
    }
    out = out.subspan(n);
    first += n;
  }
  fill(w, first, out, one);
}
/// Of two gamma numbers.
template <class T>
void fill_by_two(const drawn_numbers& w, std::uint64_t first, std::span<T> out, const gamma_sampler& g,
                 const gamma_sampler& h, const auto& of_both) noexcept {
  const auto first_of = [&](const first_units& u, gamma_tries& t) {
    gamma_tries second;
    g.first(u, 0, t);
    h.first(u, g.units(), second);
    for (std::size_t i = 0; i < tries; ++i) {
      t.value[i] = of_both(t.value[i], second.value[i]);
      t.taken[i] = t.taken[i] && second.taken[i];
    }
  };
  fill_by_tries(w, first, out, g.units() + h.units(), first_of, [&](element_bits& e) {
    const double x = g(e);
    return of_both(x, h(e));
  });
}
/// Of one.
template <class T>
void fill_by_one(const drawn_numbers& w, std::uint64_t first, std::span<T> out, const gamma_sampler& g,
                 double scale) noexcept {
  const auto first_of = [&](const first_units& u, gamma_tries& t) {
    g.first(u, 0, t);
    for (double& x : t.value) x = scale * x;
  };
  fill_by_tries(w, first, out, g.units(), first_of, [&](element_bits& e) { return scale * g(e); });
}

double triangular(double u, double left, double mode, double right) noexcept {
  const double base = right - left, up = mode - left;
  return u <= up / base ? left + std::sqrt(u * up * base) : right - std::sqrt((1 - u) * (right - mode) * base);
}

}  // namespace

template <class T>
void sample(const drawn_numbers& w, std::uint64_t first, std::span<T> out) noexcept {
  const double a = w.a, b = w.b, c = w.c;
  const auto each = [&](const auto& one) { fill(w, first, out, one); };
  using bits = element_bits;
  using name = distribution_name;
  if constexpr (std::is_integral_v<T>) {
    switch (w.of) {
      case name::poisson:
        return each(poisson_sampler(a));
      case name::binomial:
        return each(binomial_sampler(a, b));
      case name::negative_binomial: {  // Poisson's, of a mean that is a gamma number
        const gamma_sampler g(a);
        const double odds = (1 - b) / b;
        return each([=](bits& e) { return poisson_sampler(odds * g(e))(e); });
      }
      case name::hypergeometric:
        return each(hypergeometric_sampler(a, b, c));
      case name::zipf:
        return each(zipf_sampler(a, c));
      case name::logseries:
        return each(logseries_sampler(a));
      default: {  // geometric
        const double rate = a < 1 ? -logarithm_of_1_plus(-a) : std::numeric_limits<double>::infinity();
        return each([=](bits& e) { return std::max(1.0, std::ceil(e.exponential() / rate)); });
      }
    }
  } else {
    switch (w.of) {
      case name::gamma:
        return fill_by_one(w, first, out, gamma_sampler(a), b);
      case name::beta:
        if (a <= 1 && b <= 1) return each(small_beta_sampler{a, b});
        return fill_by_two(w, first, out, gamma_sampler(a), gamma_sampler(b),
                           [](double x, double y) { return x / (x + y); });
      case name::chisquare:
        return fill_by_one(w, first, out, gamma_sampler(a / 2), 2);
      case name::f:
        return fill_by_two(w, first, out, gamma_sampler(a / 2), gamma_sampler(b / 2),
                           [=](double x, double y) { return (x * b) / (y * a); });
      case name::standard_t: {
        const gamma_sampler g(a / 2);
        const double root = std::sqrt(a / 2);
        const auto first_of = [&](const first_units& u, gamma_tries& t) {
          tried z;
          normals_of(u.at[0], u.at[1], z);
          g.first(u, 2, t);
          for (std::size_t i = 0; i < tries; ++i) t.value[i] = root * z[i] / std::sqrt(t.value[i]);
        };
        return fill_by_tries(w, first, out, 2 + g.units(), first_of, [=](bits& e) {
          const double z = e.normal();
          return root * z / std::sqrt(g(e));
        });
      }
      case name::standard_cauchy:
        return each([](bits& e) {
          const sine_cosine angle = turn(0.5 * e.unit());
          return angle.cosine / angle.sine;
        });
      case name::lognormal:
        return each([=](bits& e) { return arrays::exponential(a + b * e.normal()); });
      case name::laplace:
        return each([=](bits& e) {
          const double u = e.unit();
          return u < 0.5 ? a + b * logarithm(2 * u) : a - b * logarithm(2 * (1 - u));
        });
      case name::logistic:
        return each([=](bits& e) {
          const double u = e.unit();
          return a + b * (logarithm(u) - logarithm(1 - u));
        });
      case name::gumbel:
        return each([=](bits& e) { return a - b * logarithm(e.exponential()); });
      case name::pareto:
        return each([=](bits& e) { return exponential_less_1(e.exponential() / a); });
      case name::weibull:
        return each([=](bits& e) { return arrays::power(e.exponential(), 1 / a); });
      case name::power:
        return each([=](bits& e) { return arrays::exponential(-e.exponential() / a); });
      case name::rayleigh:
        return each([=](bits& e) { return a * std::sqrt(2 * e.exponential()); });
      case name::vonmises: {
        constexpr double most = std::is_same_v<T, float> ? 0x1.921fb4p+1 : std::numbers::pi;  // pi, rounded down
        return each([=, one = vonmises_sampler(a, b)](bits& e) { return std::clamp(one(e), -most, most); });
      }
      case name::noncentral_chisquare:
        return each(noncentral_chisquare_sampler(a, b));
      case name::noncentral_f:
        return each([=, above = noncentral_chisquare_sampler(a, c), below = gamma_sampler(b / 2)](bits& e) {
          const double x = above(e);
          return (x * b) / (2 * below(e) * a);
        });
      case name::wald:
        return each(wald_sampler{a, b});
      default:  // triangular
        return each([=](bits& e) { return triangular(e.unit(), a, b, c); });
    }
  }
}
template void sample(const drawn_numbers&, std::uint64_t, std::span<float>) noexcept;
template void sample(const drawn_numbers&, std::uint64_t, std::span<double>) noexcept;
template void sample(const drawn_numbers&, std::uint64_t, std::span<std::uint8_t>) noexcept;
template void sample(const drawn_numbers&, std::uint64_t, std::span<std::uint16_t>) noexcept;
template void sample(const drawn_numbers&, std::uint64_t, std::span<std::uint32_t>) noexcept;
template void sample(const drawn_numbers&, std::uint64_t, std::span<std::uint64_t>) noexcept;

}  // namespace weft::detail::arrays
