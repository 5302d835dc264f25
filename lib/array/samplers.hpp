#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "weft/detail/array/distributions.hpp"

/// Random numbers of distributions with parameters, each from bits of its own: element i of a stream is made of the
/// blocks that Philox gives for (seed, stream, i, 0), (seed, stream, i, 1) and so on, as many as are needed.
namespace weft::detail::arrays {

/// Writes elements `first`, `first` + 1, ... of a stream. T is float or double, or for counts an unsigned type, which
/// holds the bits of signed ones too. The parameters are such as the distribution can have. Measured an element on
/// one core of an EPYC that others used too: inversions 25 to 80 ns, vonmises 60, poisson 45 (lam 40), binomial 130
/// (n 100, p 0.3), negative_binomial 100 to 160, hypergeometric 30 (means below 10) and 180: a chain of elementary
/// functions takes most of that. What is made of gamma numbers is tried with vectors where elements follow each other
/// (first_tries.hpp): gamma 9 ns, standard_t and gamma below 1 13, beta 18; one by one 50 to 80.
template <class T>
void sample(const drawn_numbers& which, std::uint64_t first, std::span<T> out) noexcept;

/// The same for rows of p.size() counts: elements are numbered row-major, and a row is made of bits of its own.
void sample_multinomial(std::int64_t n, std::span<const double> p, std::uint64_t seed, std::uint32_t stream,
                        std::uint64_t first, std::span<std::int64_t> out) noexcept;

/// Rows of alpha.size() numbers whose sum is 1, likewise. `row` has room for one.
template <class T>
void sample_dirichlet(std::span<const double> alpha, std::uint64_t seed, std::uint32_t stream, std::span<double> row,
                      std::uint64_t first, std::span<T> out) noexcept;

/// Rows of colors.size() counts, likewise: how many of `nsample` things that are taken are of each kind.
void sample_kinds(std::span<const std::int64_t> colors, std::int64_t nsample, std::uint64_t seed,
                  std::uint32_t stream, std::uint64_t first, std::span<std::int64_t> out) noexcept;

/// Rows of mean.size() numbers, likewise: the mean and the factor, row-major, times as many normal numbers as it has
/// columns, for which `row` has room.
template <class T>
void sample_vectors(std::span<const double> mean, std::span<const double> factor, std::uint64_t seed,
                    std::uint32_t stream, std::span<double> row, std::uint64_t first, std::span<T> out) noexcept;
/// A factor of a covariance of n by n, row-major, with as many columns as its rank; none, where the matrix is that of
/// no covariance. O(n^3).
std::optional<std::vector<double>> factor_of(std::span<const double> covariance, std::size_t n);

}  // namespace weft::detail::arrays
