// Compiled as philox.cpp: see elementary.hpp.
#include "array/first_tries.hpp"

#include <cmath>

#include "array/clones.hpp"
#include "array/elementary.hpp"

namespace weft::detail::arrays {

namespace {

/// As element_bits::unit() has them: the upper half of a block first.
WEFT_CLONES void units_of(const philox_words& w, tried& first, tried& second) {
  for (std::size_t b = 0; b < tries; ++b) {
    first[b] = (whole(w[3][b]) * 0x1p20 + whole(w[2][b] >> 12) + 0.5) * 0x1p-52;
    second[b] = (whole(w[1][b]) * 0x1p20 + whole(w[0][b] >> 12) + 0.5) * 0x1p-52;
  }
}
WEFT_CLONES void make_normals(const tried& u, const tried& v, tried& out) {
  for (std::size_t b = 0; b < tries; ++b) out[b] = std::sqrt(2 * -logarithm(u[b])) * turn(v[b]).cosine;
}
/// `room`: above 0 where u is below what is taken without logarithms.
WEFT_CLONES void make_candidates(double d, double c, const tried& x, const tried& u, tried& value, tried& room) {
  for (std::size_t b = 0; b < tries; ++b) {
    const double root = 1 + c * x[b], v = root * root * root, square = x[b] * x[b];
    value[b] = d * v;
    room[b] = root <= 0 ? -1 : 1 - 0.0331 * square * square - u[b];
  }
}

WEFT_CLONES void multiply_by_powers(const tried& u, double exponent, tried& value) {
  for (std::size_t b = 0; b < tries; ++b) {
    const double x = logarithm(u[b]) * exponent;
    value[b] *= exponential_within(x > -746 ? x : -746);
  }
}

}  // namespace

void first_units::make(random_stream s, std::uint64_t first, std::uint32_t blocks) noexcept {
  alignas(64) philox_words words;
  for (std::uint32_t k = 0; k < blocks; ++k) {
    philox::blocks(s, first, k, words);
    units_of(words, at[2 * k], at[2 * k + 1]);
  }
}

void normals_of(const tried& u, const tried& v, tried& out) noexcept { make_normals(u, v, out); }

void gamma_tries::times_power(const tried& u, double exponent) noexcept { multiply_by_powers(u, exponent, value); }

void gamma_tries::make(double d, double c, const tried& x, const tried& u) noexcept {
  alignas(64) tried room;
  make_candidates(d, c, x, u, value, room);
  for (std::size_t b = 0; b < tries; ++b) {
    taken[b] = room[b] > 0;
    if (taken[b]) continue;
    const double root = 1 + c * x[b], v = root * root * root, square = x[b] * x[b];
    taken[b] = root > 0 && logarithm(u[b]) < 0.5 * square + d * (1 - v + logarithm(v));
  }
}

}  // namespace weft::detail::arrays
