#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>
#include <vector>

#include "weft/array/count.hpp"
#include "weft/array/random.hpp"
#include "weft/array/sort.hpp"
#include "weft/array/take.hpp"
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
template <std::size_t N>
array<std::int64_t, N> chosen(const client& c, const weft::shape& extents, std::int64_t n,
                              const random::options& how) {
  if (n < 1) throw_no_choice(n);
  return random::integers<std::int64_t, N>(c, extents, 0, n, how);
}
template <std::size_t N>
array<std::int64_t, N> chosen(const client& c, const weft::shape& extents, std::int64_t n,
                              const std::vector<double>& p, const random::options& how) {
  if (n < 1) throw_no_choice(n);
  check_choice(n, p);
  const find_place<double> among{shared<std::vector<double>>(cumulated(p)), true};
  return array<std::int64_t, N>(arrays::apply_to(among, random::uniform<double, N>(c, extents, how)));
}
/// Numbers from 0 to n - 1, none of them twice; with p, by their probabilities. Throws misuse where there are too
/// few. lib/array/choice.cpp.
array_ref chosen_once(const client& c, const weft::shape& extents, std::int64_t n, const std::vector<double>* p,
                      const random::options& how);
template <class T>
auto picked_from(const std::vector<T>& values) {
  static_assert(!std::is_same_v<T, bool>,
                "weft: a std::vector<bool> has no elements in memory; use a vector of char");
  return pick<T>{shared<std::vector<T>>(values)};
}

}  // namespace detail::arrays

// Random numbers with the parameters that numpy.random has for them, before the options: `gamma(c, {1000}, 2.5, 1.0,
// {.seed = 1})`. Each is a function of the seed, the stream and its place, as those in weft/array/random.hpp, and of
// nothing else: it is made of 128 bits of Philox, and of as many again as often as something is rejected, by
// functions of our own, so that its bits do not depend on the machine's library. Parameters that a distribution
// cannot have are misuse, thrown when the expression is built.
namespace random {

/// From `low` up to `high`.
template <class T = double, std::size_t N = dynamic_rank>
array<T, N> uniform(const client& c, const weft::shape& extents, double low, double high, options how = {}) {
  detail::arrays::check_scale("uniform", "low", low, true);
  detail::arrays::check_scale("uniform", "high - low", high - low);
  return uniform<T, N>(c, extents, how) * static_cast<T>(high - low) + static_cast<T>(low);
}
/// Of that mean and that standard deviation.
template <class T = double, std::size_t N = dynamic_rank>
array<T, N> normal(const client& c, const weft::shape& extents, double loc, double scale, options how = {}) {
  detail::arrays::check_scale("normal", "loc", loc, true);
  detail::arrays::check_scale("normal", "scale", scale);
  return normal<T, N>(c, extents, how) * static_cast<T>(scale) + static_cast<T>(loc);
}
/// Of that mean.
template <class T = double, std::size_t N = dynamic_rank>
array<T, N> exponential(const client& c, const weft::shape& extents, double scale, options how = {}) {
  detail::arrays::check_scale("exponential", "scale", scale);
  return exponential<T, N>(c, extents, how) * static_cast<T>(scale);
}

#define WEFT_DETAIL_DRAWN_0(checked, name, type)                                                  \
  template <class T = type, std::size_t N = dynamic_rank>                                         \
  array<T, N> name(const client& c, const weft::shape& extents, options how = {}) {               \
    static_assert(detail::arrays::checked<T>());                                                  \
    return detail::arrays::drawn<T, N>(c, extents, how, detail::arrays::distribution_name::name); \
  }
#define WEFT_DETAIL_DRAWN_1(checked, name, type, a)                                                  \
  template <class T = type, std::size_t N = dynamic_rank>                                            \
  array<T, N> name(const client& c, const weft::shape& extents, double a, options how = {}) {        \
    static_assert(detail::arrays::checked<T>());                                                     \
    return detail::arrays::drawn<T, N>(c, extents, how, detail::arrays::distribution_name::name, a); \
  }
#define WEFT_DETAIL_DRAWN_2(checked, name, type, a, b)                                                  \
  template <class T = type, std::size_t N = dynamic_rank>                                               \
  array<T, N> name(const client& c, const weft::shape& extents, double a, double b, options how = {}) { \
    static_assert(detail::arrays::checked<T>());                                                        \
    return detail::arrays::drawn<T, N>(c, extents, how, detail::arrays::distribution_name::name, a, b); \
  }

/// Of mean shape * scale.
WEFT_DETAIL_DRAWN_2(checked_reals, gamma, double, shape, scale)
/// From 0 to 1, of mean a / (a + b).
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
WEFT_DETAIL_DRAWN_2(checked_reals, laplace, double, loc, scale)
WEFT_DETAIL_DRAWN_2(checked_reals, logistic, double, loc, scale)
WEFT_DETAIL_DRAWN_2(checked_reals, gumbel, double, loc, scale)
/// From 0 on, as NumPy has it (Lomax): 1 more, times m, is Pareto's own.
WEFT_DETAIL_DRAWN_1(checked_reals, pareto, double, a)
WEFT_DETAIL_DRAWN_1(checked_reals, weibull, double, a)
/// From 0 to 1, with density a x^(a - 1).
WEFT_DETAIL_DRAWN_1(checked_reals, power, double, a)
WEFT_DETAIL_DRAWN_1(checked_reals, rayleigh, double, scale)
/// An angle from -pi to pi, most of them near mu: with density e^(kappa cos(x - mu)) by a constant.
WEFT_DETAIL_DRAWN_2(checked_reals, vonmises, double, mu, kappa)

// Counts; misuse too where they may be larger than their type can hold, or than 2^52.

/// Of mean lam.
WEFT_DETAIL_DRAWN_1(checked_counts, poisson, std::int64_t, lam)
/// How often what has probability p happens until it happens for the first time: 1 or more.
WEFT_DETAIL_DRAWN_1(checked_counts, geometric, std::int64_t, p)
/// How often what has probability p does not happen before it has happened n times; n may be any number above 0.
WEFT_DETAIL_DRAWN_2(checked_counts, negative_binomial, std::int64_t, n, p)
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

/// Elements of a list, or of the numbers from 0 to n - 1, each with the same probability or with that of its own, as
/// often as it comes: `choice(c, {1000}, colours)`, `choice(c, {1000}, 3, p)`. p is a std::vector<double>, and its
/// sum 1. The list goes to each worker once. Throws misuse for an n below 1, for an empty list, and for another
/// number of probabilities than there are elements.
template <std::size_t N = dynamic_rank>
array<std::int64_t, N> choice(const client& c, const weft::shape& extents, std::int64_t n, options how = {}) {
  return detail::arrays::chosen<N>(c, extents, n, how);
}
template <std::size_t N = dynamic_rank, std::same_as<std::vector<double>> P>
array<std::int64_t, N> choice(const client& c, const weft::shape& extents, std::int64_t n, const P& p,
                              options how = {}) {
  return detail::arrays::chosen<N>(c, extents, n, p, how);
}
template <std::size_t N = dynamic_rank, class T>
array<T, N> choice(const client& c, const weft::shape& extents, const std::vector<T>& values, options how = {}) {
  using namespace detail::arrays;
  const auto n = static_cast<std::int64_t>(values.size());
  return apply_to(picked_from(values), chosen<N>(c, extents, n, how));
}
template <std::size_t N = dynamic_rank, class T, std::same_as<std::vector<double>> P>
array<T, N> choice(const client& c, const weft::shape& extents, const std::vector<T>& values, const P& p,
                   options how = {}) {
  using namespace detail::arrays;
  const auto n = static_cast<std::int64_t>(values.size());
  return apply_to(picked_from(values), chosen<N>(c, extents, n, p, how));
}

/// No element comes twice: `choice(c, {3}, colours, without_replacement, {.seed = 1})`.
struct without_replacement_t {};
inline constexpr without_replacement_t without_replacement{};

/// So many of those that there are, in a random order: of numbers those that permutation() of the same seed begins
/// with. With probabilities each is taken by those of all that are left, as numpy.random does it: the first ones of
/// exponential numbers, each divided by its probability (Efraimidis and Spirakis, "Weighted random sampling with a
/// reservoir", Information Processing Letters 97, 2006). By an argtopk() over n random numbers; above 65,536 elements
/// by an argsort(). Throws misuse as above, and where more are to be taken than there are, or than have a probability
/// above 0.
template <std::size_t N = dynamic_rank>
array<std::int64_t, N> choice(const client& c, const weft::shape& extents, std::int64_t n, without_replacement_t,
                              options how = {}) {
  return array<std::int64_t, N>(detail::arrays::chosen_once(c, extents, n, nullptr, how));
}
template <std::size_t N = dynamic_rank, std::same_as<std::vector<double>> P>
array<std::int64_t, N> choice(const client& c, const weft::shape& extents, std::int64_t n, const P& p,
                              without_replacement_t, options how = {}) {
  return array<std::int64_t, N>(detail::arrays::chosen_once(c, extents, n, &p, how));
}
template <std::size_t N = dynamic_rank, class T>
array<T, N> choice(const client& c, const weft::shape& extents, const std::vector<T>& values, without_replacement_t,
                   options how = {}) {
  using namespace detail::arrays;
  const auto n = static_cast<std::int64_t>(values.size());
  return apply_to(picked_from(values), choice<N>(c, extents, n, without_replacement, how));
}
template <std::size_t N = dynamic_rank, class T, std::same_as<std::vector<double>> P>
array<T, N> choice(const client& c, const weft::shape& extents, const std::vector<T>& values, const P& p,
                   without_replacement_t, options how = {}) {
  using namespace detail::arrays;
  const auto n = static_cast<std::int64_t>(values.size());
  return apply_to(picked_from(values), choice<N>(c, extents, n, p, without_replacement, how));
}

/// The numbers from 0 to n - 1 in a random order: by an argsort() of as many random numbers of 64 bits, which costs
/// what that does.
inline array<std::int64_t, 1> permutation(const client& c, std::int64_t n, options how = {}) {
  using limits = std::numeric_limits<std::int64_t>;
  return argsort(integers<std::int64_t, 1>(c, weft::shape(n), limits::min(), limits::max(), how));
}
/// x with the elements along an axis in a random order: that of permutation(c, n, {seed, stream}). The order is made
/// here: it takes O(n) memory, and O(n log n) time.
template <array_like X>
auto permutation(const X& x, std::int64_t axis = 0, options how = {}) {
  using namespace detail::arrays;
  const std::int64_t n = x.chunks().axes[checked_axis(axis, x.chunks())].extent;
  return take(x, permuted(n, how.seed, how.stream), axis);
}

}  // namespace random
}  // namespace weft
