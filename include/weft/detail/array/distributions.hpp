#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <type_traits>
#include <vector>

#include "weft/detail/array/code.hpp"
#include "weft/detail/array/node.hpp"

namespace weft::detail::arrays {

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
  poisson,
  binomial,
  geometric,
  negative_binomial,
  hypergeometric
};
struct drawn_numbers {
  distribution_name of = distribution_name::gamma;
  double a = 0, b = 0, c = 0;
  std::uint64_t seed = 0;
  std::uint32_t stream = 0;
};

// Implemented in lib/array/distributions.cpp; they throw misuse.

/// Throws for parameters that the distribution cannot have, and for counts that elements of `e` cannot hold.
array_ref make_drawn(const client& c, element e, const grid& chunks, const drawn_numbers& which);
/// int64: how many of `n` fall to each of the last axis' places, which have the probabilities p.
array_ref make_multinomial(const client& c, const grid& chunks, std::int64_t n, std::vector<double> p,
                           std::uint64_t seed, std::uint32_t stream);
/// Of `e`, float or double: rows of numbers whose sum is 1, by these parameters.
array_ref make_dirichlet(const client& c, element e, const grid& chunks, std::vector<double> alpha,
                         std::uint64_t seed, std::uint32_t stream);
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
