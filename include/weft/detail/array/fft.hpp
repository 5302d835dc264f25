#pragma once

#include <cstdint>

#include "weft/array/shape.hpp"
#include "weft/detail/array/node.hpp"

namespace weft {

/// What divides a transform of n numbers: backward, an inverse one by n; forward, the other one by n; ortho, both by
/// the root of n.
enum class fft_norm : std::uint8_t { backward, ortho, forward };

namespace detail::arrays {

/// Which transform: `_real` from real numbers, and to them.
enum class fourier : std::uint8_t { forward, inverse, forward_real, inverse_real };

// Implemented in lib/array/fft.cpp; `what` is the name of the function, for errors.

/// Along an axis, to elements `e`. `n`: the length of the transform; 0: that of the axis, but for inverse_real twice
/// as many as there are, less 2.
array_ref make_fft(const char* what, array_ref x, std::int64_t axis, fourier how, std::int64_t n, fft_norm norm,
                   element e);
/// Along some axes, all of x where `axes` is none and `all` is set, with a length for each or none at all. Those from
/// and to real numbers are such along the last of them; elements in between are those that are complex.
array_ref make_fftn(const char* what, array_ref x, const weft::shape& axes, bool all, fourier how,
                    const weft::shape& n, fft_norm norm, element e);
/// What comes first along each axis moves to the middle, and `back`.
array_ref shifted_fft(array_ref x, std::uint32_t axes, bool back);
/// Throws misuse unless there is a number, and a distance that is not 0.
void check_fft_frequencies(const char* what, std::int64_t n, double distance);

}  // namespace detail::arrays
}  // namespace weft
