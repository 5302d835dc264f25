#pragma once

#include <cstdint>

#include "weft/detail/array/node.hpp"

namespace weft::detail::arrays {

/// Which transform: `_real` from real numbers, and to them.
enum class fourier : std::uint8_t { forward, inverse, forward_real, inverse_real };

/// Along an axis, to elements `e`. `n`: how many inverse_real gives; 0: twice as many as there are, less 2.
/// lib/array/ fft.cpp.
array_ref make_fft(array_ref x, std::int64_t axis, fourier how, std::int64_t n, element e);

}  // namespace weft::detail::arrays
