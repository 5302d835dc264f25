#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include "weft/array/functions.hpp"
#include "weft/array/random.hpp"
#include "weft/detail/array/distributions.hpp"

namespace weft {

namespace detail::arrays {

template <class T>
consteval bool checked_reals() {
  constexpr bool real = std::is_same_v<T, float> || std::is_same_v<T, double>;
  static_assert(real, "weft: these random numbers are of float or of double");
  return real;
}
template <class T>
consteval bool checked_counts() {
  constexpr bool whole = std::is_integral_v<T> && !std::is_same_v<T, bool>;
  static_assert(whole, "weft: these random numbers are of an integer type");
  return whole;
}
template <class T, std::size_t N>
array<T, N> drawn(const client& c, const weft::shape& extents, const random::options& how, distribution_name of,
                  double a = 0, double b = 0, double d = 0) {
  const grid chunks = make_grid(extents, how.chunk, how.bytes, sizeof(T));
  return array<T, N>(make_drawn(c, element_of<T>, chunks, {of, a, b, d, how.seed, how.stream}));
}

/// What a parameter may be beside a number: an array, or an expression, of real numbers.
template <class P>
concept drawn_argument = std::is_arithmetic_v<P> || array_like<P>;
template <class... P>
concept array_arguments = (drawn_argument<P> && ...) && (array_like<P> || ...);
template <class P>
drawn_parameter parameter_of(const P& p) {
  if constexpr (array_like<P>) {
    constexpr bool real = !is_complex<typename P::value_type>;
    static_assert(real, "weft: the parameters of random numbers are real numbers");
    return {elements_as<double>(p), 0};
  } else {
    return {nullptr, static_cast<double>(p)};
  }
}
template <class P>
array_ref whole_of(const client& c, const P& p) {
  if constexpr (array_like<P>) {
    constexpr bool whole = std::is_integral_v<typename P::value_type>;
    static_assert(whole, "weft: random integers lie between integers");
    constexpr bool fits = !std::is_unsigned_v<typename P::value_type> || sizeof(typename P::value_type) < 8;
    static_assert(fits, "weft: random integers lie between arrays of int64: give those of uint64 that type");
    return elements_as<std::int64_t>(p);
  } else {
    static_assert(std::is_integral_v<P>, "weft: random integers lie between integers");
    return full<std::int64_t, 0>(c, {}, bound_of(p)).node();
  }
}
template <class T, std::size_t N, class... P>
array<T, N> drawn_by(const client& c, const weft::shape& extents, const random::options& how, distribution_name of,
                     const P&... given) {
  return array<T, N>(make_drawn_by(c, element_of<T>, {extents, how.chunk, how.bytes},
                                   {of, 0, 0, 0, how.seed, how.stream}, {parameter_of(given)...}));
}
template <class T, std::size_t N, class... P>
array<T, N> drawn_by(const client& c, const weft::shape& extents, const random::options& how, distribution of,
                     const P&... given) {
  static_assert(checked_reals<T>());
  return array<T, N>(make_random_by(c, element_of<T>, {extents, how.chunk, how.bytes},
                                    {of, how.seed, how.stream, 0, 0}, {parameter_of(given)...}));
}

}  // namespace detail::arrays

// Random numbers with the parameters that numpy.random has for them, before the options: `gamma(c, {1000}, 2.5, 1.0,
// {.seed = 1})`. Each is a function of the seed, the stream and its place, as those in weft/array/random.hpp, and of
// nothing else: it is made of 128 bits of Philox, and of as many again as often as something is rejected, by
// functions of our own, so that its bits do not depend on the machine's library. Parameters that a distribution
// cannot have are misuse, thrown when the expression is built.
//
// Parameters may be arrays as well, all or some, which broadcast to the extents: `normal(c, {500, 200}, means, 2.0)`.
// Each number is that which the distribution with its own parameters has at its place. An array of the extents says
// how the result is cut, where no chunk is named. Elements that the distribution cannot have are misuse where they
// are found. What is made of gamma numbers costs several times as much where neighbours have other parameters.
//
// What is not given is NumPy's default: a location or a mean of 0, a scale or a deviation of 1, and a lam of 1.
namespace random {

/// From `low` up to `high`.
template <class T = double, std::size_t N = dynamic_rank>
array<T, N> uniform(const client& c, const weft::shape& extents, double low, double high, options how = {}) {
  detail::arrays::check_scale("uniform", "low", low, true);
  detail::arrays::check_scale("uniform", "high - low", high - low);
  const auto x = uniform<T, N>(c, extents, how) * static_cast<T>(high - low) + static_cast<T>(low);
  return array<T, N>(x.node(true));
}
/// Of that mean and that standard deviation.
template <class T = double, std::size_t N = dynamic_rank>
array<T, N> normal(const client& c, const weft::shape& extents, double loc, double scale, options how = {}) {
  detail::arrays::check_scale("normal", "loc", loc, true);
  detail::arrays::check_scale("normal", "scale", scale);
  const auto x = normal<T, N>(c, extents, how) * static_cast<T>(scale) + static_cast<T>(loc);
  return array<T, N>(x.node(true));
}
/// Of that mean.
template <class T = double, std::size_t N = dynamic_rank>
array<T, N> exponential(const client& c, const weft::shape& extents, double scale, options how = {}) {
  detail::arrays::check_scale("exponential", "scale", scale);
  const auto x = exponential<T, N>(c, extents, how) * static_cast<T>(scale);
  return array<T, N>(x.node(true));
}
template <class T = double, std::size_t N = dynamic_rank, class A, class B>
  requires detail::arrays::array_arguments<A, B>
array<T, N> uniform(const client& c, const weft::shape& extents, const A& low, const B& high, options how = {}) {
  return detail::arrays::drawn_by<T, N>(c, extents, how, detail::arrays::distribution::uniform, low, high);
}
template <class T = double, std::size_t N = dynamic_rank, class A, class B>
  requires detail::arrays::array_arguments<A, B>
array<T, N> normal(const client& c, const weft::shape& extents, const A& loc, const B& scale, options how = {}) {
  return detail::arrays::drawn_by<T, N>(c, extents, how, detail::arrays::distribution::normal, loc, scale);
}
template <class T = double, std::size_t N = dynamic_rank, class A>
  requires detail::arrays::array_arguments<A>
array<T, N> exponential(const client& c, const weft::shape& extents, const A& scale, options how = {}) {
  return detail::arrays::drawn_by<T, N>(c, extents, how, detail::arrays::distribution::exponential, scale);
}
/// Of integers: whole numbers from one up to but without the other, each of which an int64 holds.
template <class T = std::int64_t, std::size_t N = dynamic_rank, class A, class B>
  requires detail::arrays::array_arguments<A, B>
array<T, N> integers(const client& c, const weft::shape& extents, const A& least, const B& end, options how = {}) {
  using namespace detail::arrays;
  static_assert(checked_counts<T>());
  return array<T, N>(make_integers_by(c, element_of<T>, {extents, how.chunk, how.bytes},
                                      {distribution::integers, how.seed, how.stream, 0, 0}, whole_of(c, least),
                                      whole_of(c, end)));
}

// What is behind the type stands for parameters that are not given.
#define WEFT_DETAIL_DRAWN_0(checked, name, type, ...)                                                       \
  template <class T = type, std::size_t N = dynamic_rank>                                                   \
  array<T, N> name(const client& c, const weft::shape& extents, options how = {}) {                         \
    static_assert(detail::arrays::checked<T>());                                                            \
    return detail::arrays::drawn<T, N>(c, extents, how,                                                     \
                                       detail::arrays::distribution_name::name __VA_OPT__(, ) __VA_ARGS__); \
  }
// What is behind the first parameter stands for the second one.
#define WEFT_DETAIL_DRAWN_1(checked, name, type, a, ...)                                            \
  template <class T = type, std::size_t N = dynamic_rank>                                           \
  array<T, N> name(const client& c, const weft::shape& extents, double a, options how = {}) {       \
    static_assert(detail::arrays::checked<T>());                                                    \
    return detail::arrays::drawn<T, N>(c, extents, how, detail::arrays::distribution_name::name,    \
                                       a __VA_OPT__(, ) __VA_ARGS__);                               \
  }                                                                                                 \
  template <class T = type, std::size_t N = dynamic_rank, class A>                                  \
    requires detail::arrays::array_arguments<A>                                                     \
  array<T, N> name(const client& c, const weft::shape& extents, const A& a, options how = {}) {     \
    static_assert(detail::arrays::checked<T>());                                                    \
    return detail::arrays::drawn_by<T, N>(c, extents, how, detail::arrays::distribution_name::name, \
                                          a __VA_OPT__(, ) __VA_ARGS__);                            \
  }
#define WEFT_DETAIL_DRAWN_2(checked, name, type, a, b)                                                      \
  template <class T = type, std::size_t N = dynamic_rank>                                                   \
  array<T, N> name(const client& c, const weft::shape& extents, double a, double b, options how = {}) {     \
    static_assert(detail::arrays::checked<T>());                                                            \
    return detail::arrays::drawn<T, N>(c, extents, how, detail::arrays::distribution_name::name, a, b);     \
  }                                                                                                         \
  template <class T = type, std::size_t N = dynamic_rank, class A, class B>                                 \
    requires detail::arrays::array_arguments<A, B>                                                          \
  array<T, N> name(const client& c, const weft::shape& extents, const A& a, const B& b, options how = {}) { \
    static_assert(detail::arrays::checked<T>());                                                            \
    return detail::arrays::drawn_by<T, N>(c, extents, how, detail::arrays::distribution_name::name, a, b);  \
  }

/// Of mean shape * scale.
WEFT_DETAIL_DRAWN_2(checked_reals, gamma, double, shape, scale)
/// Of scale 1.
WEFT_DETAIL_DRAWN_1(checked_reals, gamma, double, shape, 1.0)
/// From 0 to 1, of mean a / (a + b); both are 1e-300 or more.
WEFT_DETAIL_DRAWN_2(checked_reals, beta, double, a, b)
/// The sum of the squares of df normal numbers.
WEFT_DETAIL_DRAWN_1(checked_reals, chisquare, double, df)
/// The quotient of two of them, each by its degrees of freedom.
WEFT_DETAIL_DRAWN_2(checked_reals, f, double, dfnum, dfden)
/// Student's.
WEFT_DETAIL_DRAWN_1(checked_reals, standard_t, double, df)
WEFT_DETAIL_DRAWN_0(checked_reals, standard_cauchy, double)
/// e to the power of a normal number, of that mean and that deviation.
WEFT_DETAIL_DRAWN_2(checked_reals, lognormal, double, mean, sigma)
WEFT_DETAIL_DRAWN_0(checked_reals, lognormal, double, 0, 1)
WEFT_DETAIL_DRAWN_2(checked_reals, laplace, double, loc, scale)
WEFT_DETAIL_DRAWN_0(checked_reals, laplace, double, 0, 1)
WEFT_DETAIL_DRAWN_2(checked_reals, logistic, double, loc, scale)
WEFT_DETAIL_DRAWN_0(checked_reals, logistic, double, 0, 1)
WEFT_DETAIL_DRAWN_2(checked_reals, gumbel, double, loc, scale)
WEFT_DETAIL_DRAWN_0(checked_reals, gumbel, double, 0, 1)
/// From 0 on, as NumPy has it (Lomax): 1 more, times m, is Pareto's own.
WEFT_DETAIL_DRAWN_1(checked_reals, pareto, double, a)
WEFT_DETAIL_DRAWN_1(checked_reals, weibull, double, a)
/// From 0 to 1, with density a x^(a - 1).
WEFT_DETAIL_DRAWN_1(checked_reals, power, double, a)
WEFT_DETAIL_DRAWN_1(checked_reals, rayleigh, double, scale)
WEFT_DETAIL_DRAWN_0(checked_reals, rayleigh, double, 1)
/// An angle from -pi to pi, most of them near mu: with density e^(kappa cos(x - mu)) by a constant.
WEFT_DETAIL_DRAWN_2(checked_reals, vonmises, double, mu, kappa)

/// What chisquare numbers of df degrees are where the normal ones of which they are made have means: nonc is the sum
/// of their squares.
WEFT_DETAIL_DRAWN_2(checked_reals, noncentral_chisquare, double, df, nonc)
/// The first passage of a Brownian motion: inverse Gaussian numbers of that mean and that scale.
WEFT_DETAIL_DRAWN_2(checked_reals, wald, double, mean, scale)

// Counts; misuse too where they may be larger than their type can hold, or than 2^52.

/// Of mean lam.
WEFT_DETAIL_DRAWN_1(checked_counts, poisson, std::int64_t, lam)
WEFT_DETAIL_DRAWN_0(checked_counts, poisson, std::int64_t, 1)
/// How often what has probability p happens until it happens for the first time: 1 or more.
WEFT_DETAIL_DRAWN_1(checked_counts, geometric, std::int64_t, p)
/// How often what has probability p does not happen before it has happened n times; n may be any number above 0.
WEFT_DETAIL_DRAWN_2(checked_counts, negative_binomial, std::int64_t, n, p)
/// 1 or more, with a probability in proportion to 1 / k^a, a above 1. What T or 2^52 does not reach is drawn again.
WEFT_DETAIL_DRAWN_1(checked_counts, zipf, std::int64_t, a)
/// 1 or more, with a probability in proportion to p^k / k, p below 1.
WEFT_DETAIL_DRAWN_1(checked_counts, logseries, std::int64_t, p)
#undef WEFT_DETAIL_DRAWN_0
#undef WEFT_DETAIL_DRAWN_1
#undef WEFT_DETAIL_DRAWN_2
/// How often what has probability p happens in n times.
template <class T = std::int64_t, std::size_t N = dynamic_rank>
array<T, N> binomial(const client& c, const weft::shape& extents, std::int64_t n, double p, options how = {}) {
  using namespace detail::arrays;
  static_assert(checked_counts<T>());
  return drawn<T, N>(c, extents, how, distribution_name::binomial, static_cast<double>(n), p);
}
/// How many of `nsample` that are taken out of `ngood` and `nbad` things are among the good ones. Throws misuse for
/// numbers below 0, for more than 2^52 of both together, and for an nsample that is more than both.
template <class T = std::int64_t, std::size_t N = dynamic_rank>
array<T, N> hypergeometric(const client& c, const weft::shape& extents, std::int64_t ngood, std::int64_t nbad,
                           std::int64_t nsample, options how = {}) {
  using namespace detail::arrays;
  static_assert(checked_counts<T>());
  return drawn<T, N>(c, extents, how, distribution_name::hypergeometric, static_cast<double>(ngood),
                     static_cast<double>(nbad), static_cast<double>(nsample));
}
/// Between `left` and `right`, most of them near `mode`.
template <class T = double, std::size_t N = dynamic_rank>
array<T, N> triangular(const client& c, const weft::shape& extents, double left, double mode, double right,
                       options how = {}) {
  using namespace detail::arrays;
  static_assert(checked_reals<T>());
  return drawn<T, N>(c, extents, how, distribution_name::triangular, left, mode, right);
}
/// A noncentral chisquare number over dfnum, divided by a chisquare number over dfden.
template <class T = double, std::size_t N = dynamic_rank>
array<T, N> noncentral_f(const client& c, const weft::shape& extents, double dfnum, double dfden, double nonc,
                         options how = {}) {
  using namespace detail::arrays;
  static_assert(checked_reals<T>());
  return drawn<T, N>(c, extents, how, distribution_name::noncentral_f, dfnum, dfden, nonc);
}
// The same of arrays; those of counts may be of any type, and have whole numbers.
template <class T = std::int64_t, std::size_t N = dynamic_rank, class A, class B>
  requires detail::arrays::array_arguments<A, B>
array<T, N> binomial(const client& c, const weft::shape& extents, const A& n, const B& p, options how = {}) {
  using namespace detail::arrays;
  static_assert(checked_counts<T>());
  return drawn_by<T, N>(c, extents, how, distribution_name::binomial, n, p);
}
#define WEFT_DETAIL_DRAWN_BY_3(checked, name, type)                                                           \
  template <class T = type, std::size_t N = dynamic_rank, class A, class B, class D>                          \
    requires detail::arrays::array_arguments<A, B, D>                                                         \
  array<T, N> name(const client& c, const weft::shape& extents, const A& a, const B& b, const D& d,           \
                   options how = {}) {                                                                        \
    static_assert(detail::arrays::checked<T>());                                                              \
    return detail::arrays::drawn_by<T, N>(c, extents, how, detail::arrays::distribution_name::name, a, b, d); \
  }
WEFT_DETAIL_DRAWN_BY_3(checked_counts, hypergeometric, std::int64_t)
WEFT_DETAIL_DRAWN_BY_3(checked_reals, triangular, double)
WEFT_DETAIL_DRAWN_BY_3(checked_reals, noncentral_f, double)
#undef WEFT_DETAIL_DRAWN_BY_3

/// How many of n fall to each category, of which category i has probability p[i]: along a new last axis, so that
/// `chunk` has a number for it too, and N counts it. O(p.size()) a row. Of more than 1,024 categories a row is drawn
/// again, from its first on, for each 1,024 of them, and for each chunk that has some: O(p.size()^2 / 1024). Throws
/// misuse for an n below 0 or above 2^52, for a p that is empty, and for one whose sum is not 1, as far as 1.5e-8.
template <std::size_t N = dynamic_rank>
array<std::int64_t, N> multinomial(const client& c, const weft::shape& extents, std::int64_t n,
                                   const std::vector<double>& p, options how = {}) {
  using namespace detail::arrays;
  const weft::shape all = with_categories("multinomial", extents, p.size());
  const grid chunks = make_grid(all, how.chunk, how.bytes, sizeof(std::int64_t));
  return array<std::int64_t, N>(make_multinomial(c, chunks, n, p, how.seed, how.stream));
}

/// Numbers from 0 to 1 whose sum is 1, of mean alpha[i] / sum(alpha) each, and 0 where alpha is: along a new last
/// axis, as multinomial(), which it costs too. Throws misuse for an alpha below 1e-300 that is not 0, where all are
/// 0, and where their sum is above 1e300.
template <class T = double, std::size_t N = dynamic_rank>
array<T, N> dirichlet(const client& c, const weft::shape& extents, const std::vector<double>& alpha,
                      options how = {}) {
  using namespace detail::arrays;
  static_assert(checked_reals<T>());
  const weft::shape all = with_categories("dirichlet", extents, alpha.size());
  const grid chunks = make_grid(all, how.chunk, how.bytes, sizeof(T));
  return array<T, N>(make_dirichlet(c, element_of<T>, chunks, alpha, how.seed, how.stream));
}

/// Of colors[i] things of kind i, of which `nsample` are taken, how many are of each kind: along a new last axis, as
/// multinomial(), which it costs too. Throws misuse for numbers below 0, for more than 2^52 things, and where more
/// are taken than there are.
template <std::size_t N = dynamic_rank>
array<std::int64_t, N> multivariate_hypergeometric(const client& c, const weft::shape& extents,
                                                   const std::vector<std::int64_t>& colors, std::int64_t nsample,
                                                   options how = {}) {
  using namespace detail::arrays;
  const weft::shape all = with_categories("multivariate_hypergeometric", extents, colors.size());
  const grid chunks = make_grid(all, how.chunk, how.bytes, sizeof(std::int64_t));
  return array<std::int64_t, N>(make_kinds(c, chunks, colors, nsample, how.seed, how.stream));
}

/// Vectors of normal numbers of that mean and that covariance, a row and a column for each: along a new last axis.
/// The covariance may be of less than full rank. O(n^2) a vector of n, and again for each 1,024 of them as in
/// multinomial(); its factor, Cholesky's with pivots, is made here, in O(n^3). Throws misuse for extents that do not
/// fit, and for a matrix that is not symmetric, or that some variance would be below 0 by.
template <class T = double, std::size_t N = dynamic_rank>
array<T, N> multivariate_normal(const client& c, const weft::shape& extents, const std::vector<double>& mean,
                                const xt::xtensor<double, 2>& covariance, options how = {}) {
  using namespace detail::arrays;
  static_assert(checked_reals<T>());
  check_covariance(mean.size(), covariance.shape()[0], covariance.shape()[1]);
  const weft::shape all = with_categories("multivariate_normal", extents, mean.size());
  const grid chunks = make_grid(all, how.chunk, how.bytes, sizeof(T));
  return array<T, N>(
      make_vectors(c, element_of<T>, chunks, mean, {covariance.data(), covariance.size()}, how.seed, how.stream));
}

}  // namespace random
}  // namespace weft
