#pragma once

#include <cstddef>
#include <cstdint>

#include "array/philox.hpp"

/// What the first tries of many elements give, with vectors: nine in ten of gamma numbers are taken at once. The
/// numbers are to the bit those that samplers.cpp makes of an element's bits, which draws again where something is
/// rejected.
namespace weft::detail::arrays {

/// Of so many elements.
inline constexpr std::size_t tries = philox_batch;
using tried = double[tries];

/// The first numbers of elements that follow each other: number u of element `first` + b is at [u][b].
struct first_units {
  static constexpr std::size_t most = 8;
  alignas(64) tried at[most];
  /// Two of each of so many blocks, up to 4.
  void make(random_stream s, std::uint64_t first, std::uint32_t blocks) noexcept;
};

/// Normal numbers of two of them each.
void normals_of(const tried& u, const tried& v, tried& out) noexcept;

/// Tries of Marsaglia and Tsang's method with these constants, of normal numbers x and others u: the value, and
/// whether it is taken.
struct gamma_tries {
  alignas(64) tried value;
  bool taken[tries];
  void make(double d, double c, const tried& x, const tried& u) noexcept;
  /// Values times u to the power of that exponent, which is above 0.
  void times_power(const tried& u, double exponent) noexcept;
};

}  // namespace weft::detail::arrays
