// Random numbers of distributions with parameters: what they are distributed as (of fixed seeds, so that it holds
// always or never), that chunks do not matter to them, and bits that no machine changes.
#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <numbers>
#include <numeric>
#include <vector>

#include "array/distances.hpp"
#include "weft/errors.hpp"

using namespace arrays;
using Catch::Contains;
using weft::slice;
namespace drawn = weft::random;

TEST_CASE("random reals have the distributions that they are named by") {
  const std::uint64_t seed = GENERATE(1u, 2u);
  place at;
  const weft::client& c = at.client;
  const weft::shape all{many};
  const drawn::options how{.seed = seed, .chunk = {7000}};
  for (const double shape : {0.05, 0.7, 1.0, 2.5, 300.0}) {
    check_reals(
        at, "gamma", drawn::gamma(c, all, shape, 3, how), [=](double x) { return gamma_below(shape, x / 3); },
        3 * shape, 9 * shape);
    check_reals(
        at, "chisquare", drawn::chisquare(c, all, shape, how),
        [=](double x) { return gamma_below(shape / 2, x / 2); }, shape, 2 * shape);
    check_reals(at, "pareto", drawn::pareto(c, all, shape, how),
                [=](double x) { return 1 - std::pow(1 + x, -shape); });
    check_reals(at, "weibull", drawn::weibull(c, all, shape, how),
                [=](double x) { return 1 - std::exp(-std::pow(x, shape)); });
    check_reals(
        at, "power", drawn::power(c, all, shape, how), [=](double x) { return std::pow(x, shape); },
        shape / (shape + 1), shape / ((shape + 1) * (shape + 1) * (shape + 2)));
    check_reals(at, "standard_t", drawn::standard_t(c, all, shape, how), [=](double t) { return t_below(shape, t); });
  }
  for (const auto& both : {std::pair(0.3, 0.6), std::pair(1.0, 1.0), std::pair(2.0, 0.5), std::pair(30.0, 7.0)}) {
    const double a = both.first, b = both.second;
    check_reals(
        at, "beta", drawn::beta(c, all, a, b, how), [=](double x) { return beta_below(a, b, x); }, a / (a + b),
        a * b / ((a + b) * (a + b) * (a + b + 1)));
    check_reals(at, "f", drawn::f(c, all, a, b, how),
                [=](double x) { return beta_below(a / 2, b / 2, a * x / (a * x + b)); });
  }
  check_reals(at, "standard_cauchy", drawn::standard_cauchy(c, all, how),
              [](double x) { return 0.5 + std::atan(x) / std::numbers::pi; });
  check_reals(
      at, "lognormal", drawn::lognormal(c, all, 0.3, 0.5, how),
      [](double x) { return normal_below((std::log(x) - 0.3) / 0.5); }, std::exp(0.3 + 0.125),
      (std::exp(0.25) - 1) * std::exp(0.6 + 0.25));
  check_reals(
      at, "laplace", drawn::laplace(c, all, 2, 3, how),
      [](double x) { return x < 2 ? std::exp((x - 2) / 3) / 2 : 1 - std::exp((2 - x) / 3) / 2; }, 2, 18);
  check_reals(
      at, "logistic", drawn::logistic(c, all, 2, 3, how), [](double x) { return 1 / (1 + std::exp((2 - x) / 3)); }, 2,
      3 * std::numbers::pi * std::numbers::pi);
  check_reals(
      at, "gumbel", drawn::gumbel(c, all, 2, 3, how), [](double x) { return std::exp(-std::exp((2 - x) / 3)); },
      2 + 3 * std::numbers::egamma, 9 * std::numbers::pi * std::numbers::pi / 6);
  check_reals(
      at, "rayleigh", drawn::rayleigh(c, all, 2, how), [](double x) { return 1 - std::exp(-x * x / 8); },
      2 * std::sqrt(std::numbers::pi / 2), (4 - std::numbers::pi) * 2);
  check_reals(
      at, "triangular", drawn::triangular(c, all, -1, 0, 3, how),
      [](double x) { return x < 0 ? (x + 1) * (x + 1) / 4 : 1 - (3 - x) * (3 - x) / 12; }, 2.0 / 3, 13.0 / 18);
  // By the integral of its density, which is 1 over a turn: Simpson's rule at 4,096 places.
  for (const double kappa : {0.0, 0.4, 1.25, 1.35, 20.0}) {
    constexpr int steps = 4096;
    std::vector<double> below(steps + 1);
    const double width = 2 * std::numbers::pi / steps;
    const auto density = [=](double x) { return std::exp(kappa * (std::cos(x) - 1)); };
    for (int i = 0; i < steps; ++i) {
      const double x = i * width - std::numbers::pi;
      below[static_cast<std::size_t>(i) + 1] =
          below[static_cast<std::size_t>(i)] +
          width / 6 * (density(x) + 4 * density(x + width / 2) + density(x + width));
    }
    check_reals(at, "vonmises", drawn::vonmises(c, all, 0, kappa, how), [&](double x) {
      const double place = (x + std::numbers::pi) / width;
      const auto i = std::min(static_cast<std::size_t>(place), std::size_t{steps - 1});
      return (below[i] + (place - static_cast<double>(i)) * (below[i + 1] - below[i])) / below[steps];
    });
  }
  // A narrow one is normal; one whose middle is elsewhere is the same, turned.
  check_reals(
      at, "vonmises", drawn::vonmises(c, all, 1, 1e10, how), [](double x) { return normal_below((x - 1) * 1e5); }, 1,
      1e-10);
  const auto turned = drawn::vonmises<double, 1>(c, all, 3, 2, how),
             plain = drawn::vonmises<double, 1>(c, all, 0, 2, how);
  CHECK(at(weft::all(weft::abs(turned) <= std::numbers::pi)));
  CHECK(at(weft::max(weft::abs(weft::sin(turned - 3.0) - weft::sin(plain)))) < 1e-14);
  check_reals(
      at, "vonmises", drawn::vonmises(c, all, 0, 1e34, how), [](double x) { return normal_below(x * 1e17); }, 0,
      1e-34);
  // What is nearly pi is not above it as a float either, on both sides.
  const auto floats = weft::astype<double>(drawn::vonmises<float, 1>(c, all, std::numbers::pi, 1e14, how));
  CHECK(at(weft::max(floats)) == 0x1.921fb4p+1);
  CHECK(at(weft::min(floats)) == -0x1.921fb4p+1);
  check_reals(at, "triangular", drawn::triangular(c, all, 0, 0, 1, how),
              [](double x) { return 1 - (1 - x) * (1 - x); });
  // Floats are the doubles, rounded; what has a place and a scale is a line of what has not.
  CHECK(arrays::list_of(at(drawn::gamma<float, 1>(c, all, 2.5, 3, how))) ==
        arrays::list_of(at(weft::astype<float>(drawn::gamma<double, 1>(c, all, 2.5, 3, how)))));
  check_reals(at, "uniform", drawn::uniform(c, all, -1, 3, how), [](double x) { return (x + 1) / 4; }, 1, 16.0 / 12);
  check_reals(
      at, "normal", drawn::normal<float>(c, all, -1, 3, how), [](double x) { return normal_below((x + 1) / 3); }, -1,
      9);
  check_reals(
      at, "exponential", drawn::exponential(c, all, 3, how), [](double x) { return 1 - std::exp(-x / 3); }, 3, 9);
}

TEST_CASE("random counts have the distributions that they are named by") {
  const std::uint64_t seed = GENERATE(1u, 2u);
  place at;
  const weft::client& c = at.client;
  const weft::shape all{many};
  const drawn::options how{.seed = seed, .chunk = {7000}};
  for (const double mean : {0.2, 3.0, 9.99, 10.0, 31.5, 400.0})
    check_counts(at, "poisson", drawn::poisson(c, all, mean, how),
                 [=](double k) { return poisson_probability(mean, k); });
  for (const double p : {0.001, 0.3, 0.5, 0.77, 0.999})
    for (const std::int64_t n : {1, 7, 40, 1000})
      check_counts(at, "binomial", drawn::binomial(c, all, n, p, how),
                   [=](double k) { return binomial_probability(static_cast<double>(n), p, k); });
  for (const double p : {0.05, 0.5, 0.9})
    check_counts(at, "geometric", drawn::geometric<std::uint16_t>(c, all, p, how),
                 [=](double k) { return k < 1 ? 0 : p * std::pow(1 - p, k - 1); });
  for (const double n : {0.3, 1.0, 6.5, 50.0})
    for (const double p : {0.1, 0.5, 0.95})
      check_counts(at, "negative_binomial", drawn::negative_binomial(c, all, n, p, how), [=](double k) {
        return std::exp(std::lgamma(n + k) - std::lgamma(n) - std::lgamma(k + 1) + n * std::log(p) +
                        k * std::log1p(-p));
      });
  // Few and many of either kind, by inversion and by rejection.
  for (const auto& [good, bad, taken] : {std::tuple(7, 12, 5),
                                         {12, 7, 15},
                                         {300, 40, 60},
                                         {40, 300, 60},
                                         {300, 400, 500},
                                         {1000, 900, 30},
                                         {5, 100'000, 60'000}})
    check_counts(at, "hypergeometric", drawn::hypergeometric(c, all, good, bad, taken, how),
                 [g = good, b = bad, s = taken](double k) {
                   return k > g || k > s || s - k > b ? 0
                                                      : std::exp(choose(g, k) + choose(b, s - k) - choose(g + b, s));
                 });
  // Large ones are normal: by the centre of each count.
  const double large = 1e12;
  check_reals(
      at, "poisson", drawn::poisson(c, all, large, how),
      [=](double k) { return normal_below((k - large) / std::sqrt(large)); }, large, large);
  check_reals(
      at, "binomial", drawn::binomial(c, all, std::int64_t{1} << 50, 0.25, how),
      [](double k) { return normal_below((k - 0x1p48) / std::sqrt(0.75 * 0x1p48)); }, 0x1p48, 0.75 * 0x1p48);
  const double variance = 0x1p46 * 0.75 * (1 - 0.125);
  check_reals(
      at, "hypergeometric",
      drawn::hypergeometric(c, all, std::int64_t{3} << 49, std::int64_t{1} << 49, std::int64_t{1} << 48, how),
      [=](double k) { return normal_below((k - 0.75 * 0x1p48) / std::sqrt(variance)); }, 0.75 * 0x1p48, variance);
}

TEST_CASE("what is certain is drawn so") {
  place at;
  const weft::client& c = at.client;
  const weft::shape all{1000};
  const auto are = [&](double value, const auto& x) { return at(weft::all(x == value)); };
  CHECK(are(0, drawn::poisson(c, all, 0)));
  CHECK(are(0, drawn::binomial(c, all, 0, 0.4)));
  CHECK(are(0, drawn::binomial(c, all, 1'000'000, 0)));
  CHECK(are(1'000'000, drawn::binomial(c, all, 1'000'000, 1)));
  CHECK(are(1, drawn::geometric(c, all, 1)));
  CHECK(are(0, drawn::gamma(c, all, 2, 0)));
  CHECK(are(5, drawn::laplace(c, all, 5, 0)));
  CHECK(are(7, drawn::choice(c, all, std::vector<float>{7})));
  CHECK(are(1, drawn::choice(c, all, 3, std::vector<double>{0, 1, 0})));
  CHECK(are(0, drawn::negative_binomial(c, all, 3, 1)));
  CHECK(are(0, drawn::hypergeometric(c, all, 0, 0, 0)));
  CHECK(are(0, drawn::hypergeometric(c, all, 0, 500, 300)));
  CHECK(are(300, drawn::hypergeometric(c, all, 500, 0, 300)));
  CHECK(are(0, drawn::hypergeometric(c, all, 500, 300, 0)));
  CHECK(are(500, drawn::hypergeometric(c, all, 500, 300, 800)));
  CHECK(are(1, drawn::dirichlet(c, all, {2.5})));
  CHECK(are(1, drawn::dirichlet<double, 2>(c, all, {0, 1e-5, 0})(slice(), 1)));
  CHECK(are(0, drawn::dirichlet<double, 2>(c, all, {0, 3, 2})(slice(), 0)));
  // Tiny parameters give no NaNs.
  CHECK(at(weft::all(weft::isfinite(drawn::beta(c, all, 1e-5, 1e-5)))));
  CHECK(at(weft::all(weft::isfinite(drawn::gamma(c, all, 1e-5, 1)))));
  const auto shares = drawn::dirichlet<double, 2>(c, all, {1e-300, 1e-5, 1e-5});
  CHECK(at(weft::all(weft::isclose(weft::sum(shares, 1), 1.0))));
  CHECK(at(weft::sum(shares(slice(), 0))) == 0);
}

TEST_CASE("choices have the probabilities that they are given") {
  place at;
  const weft::client& c = at.client;
  const weft::shape all{many};
  const drawn::options how{.seed = 5, .chunk = {7000}};
  check_counts(at, "choice", drawn::choice(c, all, 7, how), [](double k) { return k < 7 ? 1.0 / 7 : 0; });
  const std::vector<double> p{0.1, 0, 0.25, 0.6, 0.05, 0};
  check_counts(at, "choice with p", drawn::choice(c, all, 6, p, how),
               [&](double k) { return k < 6 ? p[static_cast<std::size_t>(k)] : 0; });
  const std::vector<std::uint8_t> values{4, 9, 2, 0, 200, 1};
  const auto of_values = drawn::choice(c, all, values, p, how);
  STATIC_REQUIRE(std::is_same_v<decltype(of_values), const weft::array<std::uint8_t>>);
  const std::vector<double> places = sample_of(at, drawn::choice(c, all, 6, p, how)),
                            found = sample_of(at, of_values);
  for (std::size_t i = 0; i < found.size(); ++i) REQUIRE(found[i] == values[static_cast<std::size_t>(places[i])]);

  const auto rows = drawn::multinomial<2>(c, {many}, 40, p, {.seed = 5, .chunk = {700, 4}});
  CHECK(rows.shape() == weft::shape{many, 6});
  CHECK(at(weft::all(weft::sum(rows, 1) == 40)));
  for (std::int64_t j = 0; j < 6; ++j) {
    const double share = p[static_cast<std::size_t>(j)];
    if (share == 0)
      CHECK(at(weft::sum(rows(slice(), j))) == 0);
    else
      check_counts(at, "multinomial", rows(slice(), j), [=](double k) { return binomial_probability(40, share, k); });
  }
  // Of two categories together it is binomial too: they are not independent.
  check_counts(at, "multinomial", rows(slice(), 0) + rows(slice(), 3),
               [](double k) { return binomial_probability(40, 0.7, k); });
}

TEST_CASE("shares have the distributions that their parameters give them, and their sum is 1") {
  place at;
  const weft::client& c = at.client;
  for (const std::vector<double>& alpha :
       {std::vector<double>{0.05, 0.4, 2}, {1.5, 7, 0.3, 2}, {2, 0.05, 0, 1}, {1, 0, 2}}) {
    const double all = std::accumulate(alpha.begin(), alpha.end(), 0.0);
    const auto x = drawn::dirichlet<double, 2>(c, {many}, alpha, {.seed = 6, .chunk = {700, 2}});
    CHECK(x.shape() == weft::shape{many, alpha.size()});
    CHECK(at(weft::max(weft::abs(weft::sum(x, 1) - 1.0))) < 1e-15);
    for (std::size_t j = 0; j < alpha.size(); ++j) {
      const double a = alpha[j], b = all - a;
      if (a == 0) {
        CHECK(at(weft::max(x(slice(), j))) == 0);
        continue;
      }
      check_reals(
          at, "dirichlet", x(slice(), j), [=](double share) { return beta_below(a, b, share); }, a / all,
          a * b / (all * all * (all + 1)));
    }
    // They are not independent: two together are one.
    check_reals(at, "dirichlet", x(slice(), 0) + x(slice(), 1),
                [=](double share) { return beta_below(alpha[0] + alpha[1], all - alpha[0] - alpha[1], share); });
  }
}

TEST_CASE("numbers that are not central have the distributions that they are named by") {
  place at;
  const weft::client& c = at.client;
  const drawn::options how{.seed = 1, .chunk = {7000}};
  for (const double nonc : {0.4, 9.0, 2500.0}) {
    const double root = std::sqrt(nonc);
    const auto one = [=](double x) {
      return x <= 0 ? 0 : normal_below(std::sqrt(x) - root) - normal_below(-std::sqrt(x) - root);
    };
    check_reals(at, "noncentral_chisquare", drawn::noncentral_chisquare(c, {many}, 1, nonc, how), one, 1 + nonc,
                2 * (1 + 2 * nonc));
    // Two degrees more: less twice their density.
    const auto three = [=](double x) {
      const auto bell = [](double z) { return std::exp(-z * z / 2) / std::sqrt(2 * std::numbers::pi); };
      return x <= 0 ? 0 : one(x) - (bell(std::sqrt(x) - root) - bell(std::sqrt(x) + root)) / root;
    };
    check_reals(at, "noncentral_chisquare", drawn::noncentral_chisquare(c, {many}, 3, nonc, how), three, 3 + nonc,
                2 * (3 + 2 * nonc));
  }
  check_reals(at, "noncentral_chisquare", drawn::noncentral_chisquare(c, {many}, 0.3, 0, how),
              [](double x) { return gamma_below(0.15, x / 2); });
  // A mixture of beta numbers, by a Poisson number.
  check_reals(
      at, "noncentral_f", drawn::noncentral_f(c, {2000}, 3, 20, 5, how),
      [](double x) {
        double below = 0;
        for (double j = 0; j < 18; ++j)
          below += poisson_probability(2.5, j) * beta_below(1.5 + j, 10, 3 * x / (3 * x + 20));
        return below;
      },
      20.0 * 8 / (3 * 18), 2 * (64.0 + 13 * 18) / (18 * 18 * 16) * 400 / 9);
  for (const auto& both : {std::pair(1.5, 2.0), std::pair(3.0, 0.2)}) {
    const double mean = both.first, scale = both.second;
    check_reals(
        at, "wald", drawn::wald(c, {many}, mean, scale, how),
        [=](double x) {
          const double root = std::sqrt(scale / x);
          return normal_below(root * (x / mean - 1)) +
                 std::exp(2 * scale / mean) * normal_below(-root * (x / mean + 1));
        },
        mean, mean * mean * mean / scale);
  }
}

TEST_CASE("counts with long tails have the distributions that they are named by") {
  place at;
  const weft::client& c = at.client;
  const drawn::options how{.seed = 1, .chunk = {7000}};
  const auto by_power = [](double a, double most) {
    double all = 0;
    for (double k = 1; k <= most; ++k) all += std::pow(k, -a);
    return [=](double k) { return k == 0 ? 0 : std::pow(k, -a) / all; };
  };
  check_counts(at, "zipf", drawn::zipf(c, {many}, 2, how), by_power(2, 1e6));
  check_counts(at, "zipf", drawn::zipf<std::int32_t>(c, {many}, 7.5, how), by_power(7.5, 1000));
  check_counts(at, "zipf", drawn::zipf<std::uint8_t>(c, {many}, 1.2, how), by_power(1.2, 255));
  check_counts(at, "zipf", drawn::zipf<std::int8_t>(c, {many}, 1 + 1e-9, how), by_power(1, 127));
  CHECK(at(weft::all(drawn::zipf(c, {1000}, 2000) == 1)));
  // Up to 2^52, near 1 / k: the logarithm is nearly uniform, of mean (log n)^2 / 2 / (log n + 0.577).
  CHECK(at(weft::mean(weft::log2(drawn::zipf(c, {many}, 1.00001, how)))) == Approx(25.6).margin(0.6));
  for (const double p : {0.01, 0.6, 0.99})
    check_counts(at, "logseries", drawn::logseries<std::int32_t>(c, {many}, p, how),
                 [=](double k) { return k == 0 ? 0 : -std::pow(p, k) / (k * std::log1p(-p)); });
  CHECK(at(weft::all(drawn::logseries(c, {1000}, 0) == 1)));
}

TEST_CASE("vectors have the marginals, and the sums, that they are named by") {
  place at;
  const weft::client& c = at.client;
  const drawn::options how{.seed = 1, .chunk = {700, 2}};
  const auto taken = drawn::multivariate_hypergeometric<2>(c, {many / 4}, {20, 5, 0, 30, 8}, 15, how);
  CHECK(at(weft::all(weft::sum(taken, 1) == 15)));
  const auto hyper = [](double good) {
    return [=](double k) {
      const double bad = 63 - good;
      return k > good || k > 15 || 15 - k > bad ? 0
                                                : std::exp(choose(good, k) + choose(bad, 15 - k) - choose(63, 15));
    };
  };
  check_counts(at, "the first kind", taken(slice(), 0), hyper(20));
  check_counts(at, "the last but one", taken(slice(), 3), hyper(30));
  check_counts(at, "two together", taken(slice(), 1) + taken(slice(), 4), hyper(13));
  CHECK(at(weft::all(taken(slice(), 2) == 0)));

  // The third is the first and twice the second: a covariance of rank 2.
  const xt::xtensor<double, 2> covariance{{4, 1.2, 6.4}, {1.2, 1, 3.2}, {6.4, 3.2, 12.8}};
  const auto x = drawn::multivariate_normal<double, 2>(c, {many / 4}, {1, -2, 3}, covariance, how);
  const auto normal = [](double mean, double variance) {
    return [=](double v) { return normal_below((v - mean) / std::sqrt(variance)); };
  };
  check_reals(at, "the first", x(slice(), 0), normal(1, 4), 1, 4);
  check_reals(at, "the second", x(slice(), 1), normal(-2, 1), -2, 1);
  check_reals(at, "their sum", x(slice(), 0) + x(slice(), 1), normal(-1, 7.4), -1, 7.4);
  check_reals(at, "their difference", x(slice(), 0) - x(slice(), 1), normal(3, 2.6), 3, 2.6);
  CHECK(at(weft::max(weft::abs(x(slice(), 0) + x(slice(), 1) * 2.0 - x(slice(), 2) + 6.0))) < 1e-12);
  const auto still = drawn::multivariate_normal<double, 2>(c, {10}, {1, 2}, xt::zeros<double>({2, 2}));
  CHECK(at(weft::all(still(slice(), 1) == 2.0)));
}

TEST_CASE("choices without replacement have no element twice") {
  using drawn::without_replacement;
  place at;
  const weft::client& c = at.client;
  const drawn::options how{.seed = 5};
  const std::vector<double> some = arrays::list_of(at(drawn::choice(c, {50}, 1000, without_replacement, how)));
  const std::vector<double> order = arrays::list_of(at(drawn::permutation(c, 1000, how)));
  CHECK(std::equal(some.begin(), some.end(), order.begin()));
  CHECK(arrays::list_of(at(drawn::choice(c, {1000}, 1000, without_replacement, how))) == order);
  // By a tree and by a sort, in several chunks of random numbers.
  const std::int64_t n = 100'000;
  const auto cut = drawn::options{.seed = 5, .chunk = {20, 10}, .bytes = 80'000};
  const auto tree = drawn::choice<2>(c, {100, 600}, n, without_replacement, cut);
  CHECK(tree.chunk_sizes()[1].front() == 10);
  std::vector<double> found = arrays::list_of(at(tree));
  const std::vector<double> sorted =
      arrays::list_of(at(drawn::choice(c, {n - 1}, n, without_replacement, {.seed = 5, .bytes = 80'000})));
  CHECK(std::equal(found.begin(), found.end(), sorted.begin()));
  std::sort(found.begin(), found.end());
  CHECK(std::adjacent_find(found.begin(), found.end()) == found.end());
  // All are as likely: of the first 60,000 of 100,000, those below any number.
  CHECK(distance(found, [=](double k) { return k / static_cast<double>(n); }) < 2.5);
  CHECK(at(drawn::choice(c, {0}, 3, without_replacement)).size() == 0);
  const std::vector<float> values{4, 9, 2.5F};
  std::vector<double> all = arrays::list_of(at(drawn::choice(c, {3}, values, without_replacement, how)));
  std::sort(all.begin(), all.end());
  CHECK((all == std::vector<double>{2.5, 4, 9}));
}

TEST_CASE("weighted choices without replacement are those of one draw after another") {
  place at(1);
  const std::vector<double> p{0.1, 0.5, 0, 0.15, 0.25};
  // Two of five: 0.5 * 0.25 / 0.5 of these are elements 1 and 4, in this order, and so on.
  std::array<double, 25> found{};
  constexpr int seeds = weft::test::sanitized ? 1000 : 4000;
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    const auto two = at(drawn::choice<1>(at.client, {2}, 5, p, drawn::without_replacement, {.seed = seed}));
    ++found[static_cast<std::size_t>(two(0) * 5 + two(1))];
  }
  double chi_squared = 0;
  for (std::size_t i = 0; i < 5; ++i)
    for (std::size_t j = 0; j < 5; ++j) {
      const double expected = i == j ? 0 : seeds * p[i] * p[j] / (1 - p[i]), off = found[5 * i + j] - expected;
      if (expected == 0) CHECK(off == 0);
      if (expected != 0) chi_squared += off * off / expected;
    }
  CHECK(chi_squared < 11 + 4 * std::sqrt(2.0 * 11));  // of 12 classes
}

TEST_CASE("permutations have each number once, in any order") {
  place at;
  const weft::client& c = at.client;
  for (const std::int64_t n : {0, 1, 2, 1000}) {
    CAPTURE(n);
    std::vector<double> order = arrays::list_of(at(drawn::permutation(c, n, {.seed = 3, .chunk = {64}})));
    CHECK(order == arrays::list_of(at(drawn::permutation(c, n, {.seed = 3}))));
    const auto x = weft::arange<std::int32_t>(c, static_cast<std::int32_t>(n));
    CHECK(order == arrays::list_of(at(drawn::permutation(x, 0, {.seed = 3}))));
    if (n == 1000) CHECK(order != arrays::list_of(at(drawn::permutation(c, n, {.seed = 4}))));
    std::sort(order.begin(), order.end());
    for (std::size_t i = 0; i < order.size(); ++i) REQUIRE(order[i] == static_cast<double>(i));
  }
  // Columns move as a whole.
  const auto x = weft::from_function<2>(c, {5, 40}, [](std::int64_t i, std::int64_t j) { return 100 * i + j; });
  const xt::xtensor<std::int64_t, 2> moved = at(drawn::permutation(x, -1, {.seed = 3}));
  for (std::size_t j = 0; j < 40; ++j)
    for (std::size_t i = 1; i < 5; ++i) REQUIRE(moved(i, j) == moved(0, j) + static_cast<std::int64_t>(100 * i));
  // All orders of four are as likely: 24 of them, of 12,000 seeds.
  std::array<int, 256> count{};
  for (std::uint64_t seed = 0; seed < 12'000; ++seed) {
    const std::vector<std::int64_t> order = weft::detail::arrays::permuted(4, seed, 0);
    ++count[static_cast<std::size_t>(order[0] * 64 + order[1] * 16 + order[2] * 4 + order[3])];
  }
  CHECK(std::count(count.begin(), count.end(), 0) == 256 - 24);
  double chi_squared = 0;
  for (const int k : count)
    if (k != 0) chi_squared += (k - 500.0) * (k - 500.0) / 500;
  CHECK(chi_squared < 23 + 4 * std::sqrt(2 * 23.0));
}

TEST_CASE("drawn numbers are those of their places, in all chunks") {
  place at;
  const weft::client& c = at.client;
  const auto same = [&](const char* name, auto make) {
    CAPTURE(name);
    const auto whole = at(make(drawn::options{.seed = 42, .stream = 3, .chunk = {60, 35}}));
    for (const weft::shape& chunk : {weft::shape{7, 35}, weft::shape{13, 4}, weft::shape{1, 1}}) {
      const auto x = make(drawn::options{.seed = 42, .stream = 3, .chunk = chunk});
      CHECK((at(x) == whole));
      const auto part = at(weft::transpose(x(slice(50, 10, -7), slice(1, 30, 2))));
      for (std::size_t j = 0; j < part.shape()[0]; ++j)
        for (std::size_t i = 0; i < part.shape()[1]; ++i) REQUIRE(part(j, i) == whole(50 - 7 * i, 1 + 2 * j));
    }
    CHECK((at(make(drawn::options{.seed = 42, .stream = 4})) != whole));
    CHECK((at(make(drawn::options{.seed = 43, .stream = 3})) != whole));
  };
  const weft::shape all{60, 35};
  same("gamma", [&](drawn::options how) { return drawn::gamma<double, 2>(c, all, 0.7, 3, how); });
  same("standard_t", [&](drawn::options how) { return drawn::standard_t<float, 2>(c, all, 4, how); });
  same("beta", [&](drawn::options how) { return drawn::beta<double, 2>(c, all, 2, 0.5, how); });
  same("f", [&](drawn::options how) { return drawn::f<double, 2>(c, all, 1, 7, how); });
  same("poisson", [&](drawn::options how) { return drawn::poisson<std::int16_t, 2>(c, all, 40, how); });
  same("binomial", [&](drawn::options how) { return drawn::binomial<std::uint8_t, 2>(c, all, 200, 0.4, how); });
  same("vonmises", [&](drawn::options how) { return drawn::vonmises<float, 2>(c, all, 0.5, 3, how); });
  same("negative_binomial",
       [&](drawn::options how) { return drawn::negative_binomial<std::int32_t, 2>(c, all, 3.5, 0.1, how); });
  same("hypergeometric",
       [&](drawn::options how) { return drawn::hypergeometric<std::uint16_t, 2>(c, all, 300, 500, 100, how); });
  same("dirichlet",
       [&](drawn::options how) { return drawn::dirichlet<double, 2>(c, {60}, std::vector<double>(35, 0.4), how); });
  same("noncentral_f", [&](drawn::options how) { return drawn::noncentral_f<double, 2>(c, all, 0.5, 7, 3, how); });
  same("wald", [&](drawn::options how) { return drawn::wald<double, 2>(c, all, 2, 3, how); });
  same("zipf", [&](drawn::options how) { return drawn::zipf<std::uint8_t, 2>(c, all, 1.5, how); });
  same("logseries", [&](drawn::options how) { return drawn::logseries<std::int16_t, 2>(c, all, 0.9, how); });
  same("multivariate_hypergeometric", [&](drawn::options how) {
    return drawn::multivariate_hypergeometric<2>(c, {60}, std::vector<std::int64_t>(35, 9), 100, how);
  });
  same("multivariate_normal", [&](drawn::options how) {
    return drawn::multivariate_normal<double, 2>(c, {60}, std::vector<double>(35, 1), xt::eye<double>(35), how);
  });
  same("choice", [&](drawn::options how) { return drawn::choice<2>(c, all, 9, how); });
  same("multinomial", [&](drawn::options how) {
    return drawn::multinomial<2>(c, {60}, 500, std::vector<double>(35, 1.0 / 35), how);
  });
}

TEST_CASE("drawn bits are the same on every machine and with every compiler") {
  place at(1);
  const weft::client& c = at.client;
  const drawn::options how{.seed = 0x0123456789abcdef, .stream = 7};
  const auto second = [&](const auto& x) {
    return static_cast<double>(at(weft::array<double, 1>(weft::astype<double>(x)))(1));
  };
  const weft::shape two{2};
  CHECK(second(drawn::gamma<double, 1>(c, two, 2.5, 1, how)) == 0x1.d7eafc1dba3acp+1);
  CHECK(second(drawn::gamma<double, 1>(c, two, 0.3, 1, how)) == 0x1.51f193841fc5p-5);
  CHECK(second(drawn::beta<double, 1>(c, two, 0.3, 0.4, how)) == 0x1.fd17a460e1b89p-1);
  CHECK(second(drawn::standard_t<double, 1>(c, two, 3, how)) == 0x1.12efa9de5ee54p+0);
  CHECK(second(drawn::standard_cauchy<double, 1>(c, two, how)) == -0x1.dff79bb36aacbp-2);
  CHECK(second(drawn::lognormal<double, 1>(c, two, 1, 2, how)) == 0x1.e1f9ee05241aap+3);
  CHECK(second(drawn::logistic<double, 1>(c, two, 1, 2, how)) == 0x1.12c225791637bp+1);
  CHECK(second(drawn::gumbel<double, 1>(c, two, 1, 2, how)) == 0x1.4e1b8bf64c2dcp+1);
  CHECK(second(drawn::pareto<double, 1>(c, two, 3, how)) == 0x1.4916fa21ac4f8p-3);
  CHECK(second(drawn::weibull<double, 1>(c, two, 3, how)) == 0x1.877cfa01f7f9ep-1);
  CHECK(second(drawn::triangular<double, 1>(c, two, 1, 2, 4, how)) == 0x1.43c0e0806d61p+1);
  CHECK(second(drawn::poisson<std::int64_t, 1>(c, two, 1e9, how)) == 0x1.dcd7dcep+29);
  CHECK(second(drawn::binomial<std::int64_t, 1>(c, two, 1'000'000'000, 0.3, how)) == 0x1.1e1b9bbp+28);
  CHECK(second(drawn::vonmises<double, 1>(c, two, 1, 2, how)) == 0x1.8ea093f7a585p-5);
  CHECK(second(drawn::negative_binomial<std::int64_t, 1>(c, two, 2.5, 1e-8, how)) == 368'675'071);
  CHECK(second(drawn::hypergeometric<std::int64_t, 1>(c, two, 1'000'000'000, 3'000'000'000, 200'000'000, how)) ==
        49'993'111);
  CHECK(second(drawn::dirichlet<double, 2>(c, {1}, {0.03, 0.4, 2}, how)(0)) == 0x1.7ad59174f3f37p-10);
  CHECK(second(drawn::choice<1>(c, {2}, 1'000'000, drawn::without_replacement, how)) == 650'343);
}

TEST_CASE("parameters that a distribution cannot have are refused") {
  place at(1);
  const weft::client& c = at.client;
  const weft::shape all{4};
  const double nan = std::nan(""), infinity = std::numeric_limits<double>::infinity();
  CHECK_THROWS_WITH(drawn::gamma(c, all, 0, 1), "weft: gamma with shape 0: give a finite number above 0");
  CHECK_THROWS_WITH(drawn::gamma(c, all, 1, -1), "weft: gamma with scale -1: give a finite number, 0 or more");
  CHECK_THROWS_WITH(drawn::beta(c, all, 1, nan), "weft: beta with b nan: give a finite number, 1e-300 or more");
  CHECK_THROWS_WITH(drawn::beta(c, all, 1e-308, 1e-308),
                    Contains("beta with a 1e-308: give a finite number, 1e-300"));
  CHECK_FALSE(at(weft::any(weft::isnan(drawn::beta(c, {40}, 1e-300, 1e-300)))));
  CHECK_THROWS_WITH(drawn::chisquare(c, all, infinity), Contains("chisquare with df inf"));
  CHECK_THROWS_WITH(drawn::f(c, all, 1, 0), Contains("f with dfden 0"));
  CHECK_THROWS_WITH(drawn::standard_t(c, all, -2), Contains("standard_t with df -2"));
  CHECK_THROWS_WITH(drawn::lognormal(c, all, 0, -1), Contains("lognormal with sigma -1"));
  CHECK_THROWS_WITH(drawn::laplace(c, all, nan, 1), "weft: laplace with loc nan: give a finite number");
  CHECK_THROWS_WITH(drawn::triangular(c, all, 0, 2, 1),
                    Contains("triangular from 0 over 2 to 1") && Contains("left <= mode <= right"));
  CHECK_THROWS_AS(drawn::triangular(c, all, 1, 1, 1), weft::misuse);
  CHECK_THROWS_WITH(drawn::poisson(c, all, -1), Contains("poisson with lam -1"));
  CHECK_THROWS_WITH(drawn::poisson(c, all, 1e17), Contains("beyond 2^52"));
  CHECK_THROWS_WITH(drawn::poisson<std::int8_t>(c, all, 40),
                    "weft: numbers of poisson that may come near 155.895 do not fit in elements of int8");
  CHECK_THROWS_WITH(drawn::binomial(c, all, -1, 0.5), Contains("binomial with n -1"));
  CHECK_THROWS_WITH(drawn::binomial(c, all, 3, 1.5), "weft: binomial with p 1.5: give a number from 0 to 1");
  CHECK_THROWS_WITH(drawn::binomial<std::uint8_t>(c, all, 256, 0.5), Contains("do not fit") && Contains("uint8"));
  CHECK(at(weft::max(drawn::binomial<std::uint8_t>(c, all, 255, 1))) == 255);
  CHECK_THROWS_WITH(drawn::geometric(c, all, 0), "weft: geometric with p 0: give a number above 0, up to 1");
  CHECK_THROWS_WITH(drawn::geometric<std::int16_t>(c, all, 1e-9), Contains("do not fit") && Contains("int16"));
  CHECK_THROWS_WITH(drawn::vonmises(c, all, 0, -1), "weft: vonmises with kappa -1: give a finite number, 0 or more");
  CHECK_THROWS_WITH(drawn::negative_binomial(c, all, 0, 0.5), Contains("negative_binomial with n 0"));
  CHECK_THROWS_WITH(drawn::negative_binomial(c, all, 2, 0), Contains("negative_binomial with p 0"));
  CHECK_THROWS_WITH(drawn::negative_binomial(c, all, 2, 1e-15),
                    Contains("negative_binomial with n 2 and p 1e-15") && Contains("beyond 2^52"));
  CHECK_THROWS_WITH(drawn::negative_binomial<std::int8_t>(c, all, 2, 0.5), Contains("int8"));
  CHECK_THROWS_WITH(drawn::hypergeometric(c, all, -1, 2, 1), Contains("hypergeometric with ngood -1"));
  const weft::array<double, 1> halves = weft::arange(c, 4.0) * 0.5;
  CHECK_THROWS_WITH(at(drawn::binomial(c, all, halves, 0.5)), Contains("binomial with n 0.5: give a whole number"));
  CHECK_THROWS_WITH(drawn::binomial(c, all, 2.5, halves), Contains("binomial with n 2.5: give a whole number, 0"));
  CHECK_THROWS_WITH(
      drawn::hypergeometric(c, all, 3, 2, 6),
      "weft: hypergeometric with ngood 3 and nbad 2: give an nsample that is no more than both together, "
      "instead of 6");
  CHECK_THROWS_WITH(drawn::hypergeometric(c, all, std::int64_t{1} << 52, 1, 0), Contains("2^52 together"));
  CHECK_THROWS_WITH(drawn::hypergeometric<std::uint8_t>(c, all, 256, 300, 300), Contains("uint8"));
  CHECK_THROWS_WITH(drawn::zipf(c, all, 1), "weft: zipf with a 1: give a finite number above 1");
  CHECK_THROWS_WITH(drawn::logseries(c, all, 1),
                    "weft: logseries with p 1: give a number from 0 up to, but without, 1");
  CHECK_THROWS_WITH(drawn::logseries<std::int8_t>(c, all, 0.9), Contains("do not fit") && Contains("int8"));
  CHECK_THROWS_WITH(drawn::wald(c, all, 1, 0), Contains("wald with scale 0"));
  CHECK_THROWS_WITH(drawn::noncentral_chisquare(c, all, 1, 1e17), Contains("with nonc 1e+17: give 2^52 or less"));
  CHECK_THROWS_WITH(drawn::noncentral_f(c, all, 1, 1, -1), Contains("noncentral_f with nonc -1"));
  CHECK_THROWS_WITH(drawn::multivariate_hypergeometric(c, all, {}, 0), Contains("with no colors"));
  CHECK_THROWS_WITH(drawn::multivariate_hypergeometric(c, all, {2, -1}, 0), Contains("color 1 -1: give 0 or more"));
  CHECK_THROWS_WITH(drawn::multivariate_hypergeometric(c, all, {2, 3}, 6),
                    Contains("nsample 6") && Contains("them, 5"));
  const xt::xtensor<double, 2> skew{{1, 2}, {0, 1}}, none{{1, 2}, {2, 1}}, unknown{{1, nan}, {nan, 1}};
  CHECK_THROWS_WITH(drawn::multivariate_normal(c, all, {0}, skew), Contains("1 means and a covariance of 2 by 2"));
  CHECK_THROWS_WITH(drawn::multivariate_normal(c, all, {0, 0}, skew), Contains("give a symmetric matrix"));
  CHECK_THROWS_WITH(drawn::multivariate_normal(c, all, {0, 0}, none), Contains("2 by 2 that is no covariance"));
  CHECK_THROWS_WITH(drawn::multivariate_normal(c, all, {0, 0}, unknown), Contains("(0, 1) nan: give finite"));
  CHECK_THROWS_WITH(drawn::multivariate_normal(c, all, {nan, 0}, skew), Contains("mean 0 nan"));
  CHECK_THROWS_WITH(drawn::dirichlet(c, all, {}), "weft: dirichlet with no alpha: give one at least");
  CHECK_THROWS_WITH(drawn::dirichlet(c, all, {1, -1}), Contains("dirichlet with alpha 1 -1: give finite numbers"));
  CHECK_THROWS_WITH(drawn::dirichlet(c, all, {1, nan}), Contains("dirichlet with alpha 1 nan"));
  CHECK_THROWS_WITH(drawn::dirichlet(c, all, {1, 1e-301}), Contains("from 1e-300 on"));
  CHECK_THROWS_WITH(drawn::dirichlet(c, all, {0, 0}),
                    "weft: dirichlet with alphas that are all 0: give one above 0 at least");
  CHECK_THROWS_WITH(drawn::dirichlet(c, all, {1e300, 1e300}), Contains("beyond 1e300"));
  CHECK_THROWS_WITH(drawn::dirichlet(c, {1, 1, 1, 1, 1, 1, 1, 1}, {1, 1}),
                    Contains("dirichlet numbers of more than 8"));
  using drawn::without_replacement;
  CHECK_THROWS_WITH(drawn::choice(c, all, 3, without_replacement),
                    "weft: choice of 4 among 3 without replacement: give as many or fewer");
  CHECK_THROWS_WITH(drawn::choice(c, {2}, 3, std::vector<double>{0, 1, 0}, without_replacement),
                    "weft: choice of 2 without replacement among 1 whose probability is above 0: give as many or "
                    "fewer");
  CHECK_THROWS_WITH(drawn::choice(c, {0}, 0, without_replacement), Contains("choice among 0"));
  CHECK_THROWS_WITH(drawn::uniform(c, all, 2, 1), Contains("uniform with high - low -1"));
  CHECK_THROWS_WITH(drawn::normal(c, all, 0, -1), Contains("normal with scale -1"));
  CHECK_THROWS_WITH(drawn::exponential(c, all, nan), Contains("exponential with scale nan"));
  CHECK_THROWS_WITH(drawn::choice(c, all, 0), "weft: choice among 0: give one at least");
  CHECK_THROWS_WITH(drawn::choice(c, all, std::vector<float>{}), Contains("choice among 0"));
  CHECK_THROWS_WITH(drawn::choice(c, all, 2, std::vector<double>{1}),
                    "weft: choice among 2 with 1 probabilities: give one for each");
  CHECK_THROWS_WITH(drawn::choice(c, all, 2, std::vector<double>{0.5, 0.4}),
                    "weft: choice with probabilities whose sum is 0.9: give 1 in all");
  CHECK_THROWS_WITH(drawn::choice(c, all, 2, std::vector<double>{1.5, -0.5}),
                    "weft: choice with probability 0 is 1.5: give numbers from 0 to 1");
  CHECK_THROWS_WITH(drawn::multinomial(c, all, 3, {}), Contains("multinomial with no probability"));
  CHECK_THROWS_WITH(drawn::multinomial(c, all, -3, {1}), Contains("multinomial with n -3"));
  CHECK_THROWS_WITH(drawn::multinomial(c, {1, 1, 1, 1, 1, 1, 1, 1}, 3, {1}), Contains("more than 8 axes"));
  CHECK_THROWS_AS(drawn::permutation(c, -1), weft::misuse);
  CHECK_THROWS_WITH(drawn::permutation(weft::zeros<double, 1>(c, {3}), 1), Contains("axis 1"));
}
