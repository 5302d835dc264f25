#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <type_traits>
#include <vector>

#include "weft/detail/array/code.hpp"
#include "weft/detail/array/node.hpp"

namespace weft::detail::arrays {

/// Those without parameters, and whole numbers.
enum class distribution : std::uint8_t { uniform, normal, exponential, integers };
struct random_numbers {
  distribution of = distribution::uniform;
  std::uint64_t seed = 0;
  std::uint32_t stream = 0;
  std::int64_t least = 0;  // of integers
  std::uint64_t most = 0;  // above it
};

/// Distributions with up to three parameters; what they are is in lib/array/distributions.cpp.
enum class distribution_name : std::uint8_t {
  gamma,
  beta,
  chisquare,
  f,
  standard_t,
  standard_cauchy,
  lognormal,
  laplace,
  logistic,
  gumbel,
  pareto,
  weibull,
  power,
  rayleigh,
  triangular,
  vonmises,
  noncentral_chisquare,
  noncentral_f,
  wald,
  poisson,
  binomial,
  geometric,
  negative_binomial,
  hypergeometric,
  zipf,
  logseries
};
struct drawn_numbers {
  distribution_name of = distribution_name::gamma;
  double a = 0, b = 0, c = 0;
  std::uint64_t seed = 0;
  std::uint32_t stream = 0;
};

/// A parameter: an array, or where there is none a number.
struct drawn_parameter {
  array_ref array = {};
  double value = 0;
};
/// How an array is cut, as random::options have it.
struct drawn_chunks {
  weft::shape extents = {}, chunk = {};
  std::int64_t bytes = 0;
};

// With parameters that are arrays of double, which broadcast to the extents: lib/array/drawn_by.cpp. Without a chunk
// that is named, an array that is as large as the result says how it is cut. They throw misuse; a parameter that the
// distribution cannot have is misuse where it is found.
array_ref make_drawn_by(const client& c, element e, const drawn_chunks& how, const drawn_numbers& which,
                        std::vector<drawn_parameter> given);
/// Uniform numbers from the first parameter to the second, normal ones of that mean and that deviation, or
/// exponential ones of that mean.
array_ref make_random_by(const client& c, element e, const drawn_chunks& how, const random_numbers& which,
                         std::vector<drawn_parameter> given);
/// Whole numbers from the first array up to but without the second, both of int64.
array_ref make_integers_by(const client& c, element e, const drawn_chunks& how, const random_numbers& which,
                           array_ref least, array_ref end);
/// Throws for a bound of integers that no int64 holds.
void check_bound(std::uint64_t bound);

// Implemented in lib/array/distributions.cpp; they throw misuse.

/// Throws for parameters that the distribution cannot have, and for counts that elements of `e` cannot hold.
array_ref make_drawn(const client& c, element e, const grid& chunks, const drawn_numbers& which);
/// int64: how many of `n` fall to each of the last axis' places, which have the probabilities p.
array_ref make_multinomial(const client& c, const grid& chunks, std::int64_t n, std::vector<double> p,
                           std::uint64_t seed, std::uint32_t stream);
/// Of `e`, float or double: rows of numbers whose sum is 1, by these parameters.
array_ref make_dirichlet(const client& c, element e, const grid& chunks, std::vector<double> alpha,
                         std::uint64_t seed, std::uint32_t stream);
/// int64: of so many things that are taken, how many are of each of the last axis' kinds, of which there are so many.
array_ref make_kinds(const client& c, const grid& chunks, std::vector<std::int64_t> colors, std::int64_t nsample,
                     std::uint64_t seed, std::uint32_t stream);
/// Of `e`, float or double: vectors of that mean and that covariance, row-major, along the last axis.
array_ref make_vectors(const client& c, element e, const grid& chunks, std::vector<double> mean,
                       std::span<const double> covariance, std::uint64_t seed, std::uint32_t stream);
/// Throws unless it has a row and a column for each variable, of which there are some.
void check_covariance(std::size_t variables, std::size_t rows, std::size_t columns);
/// The extents, and behind them an axis for the categories of `what`.
weft::shape with_categories(const char* what, const weft::shape& extents, std::size_t count);
/// Throws unless there is a probability for each of n.
void check_choice(std::int64_t n, const std::vector<double>& p);
[[noreturn]] void throw_no_choice(std::int64_t n);
/// What the probabilities up to each come to; the last one is 1.
std::vector<double> cumulated(const std::vector<double>& p);
/// Throws unless it is finite, and where it must not be negative, 0 or more.
void check_scale(const char* what, const char* name, double value, bool negative_too = false);
/// The numbers 0 to n - 1 in the order of the stream's whole numbers from 0 to 2^64 - 2.
std::vector<std::int64_t> permuted(std::int64_t n, std::uint64_t seed, std::uint32_t stream);

/// An element of a list.
template <class T>
struct pick {
  shared<std::vector<T>> values;
  T operator()(std::int64_t i) const {
    const std::vector<T>& all = *values;
    if (i < 0 || static_cast<std::size_t>(i) >= all.size())
      throw std::logic_error("weft: a task was asked for an element of a list that it has not");
    return all[static_cast<std::size_t>(i)];
  }
};

}  // namespace weft::detail::arrays
