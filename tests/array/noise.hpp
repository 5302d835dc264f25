#pragma once

#include "array/arrays.hpp"

namespace arrays {

/// Of two axes, chunks of this size, and elements that differ.
inline weft::array<double, 2> noise_of(const weft::client& c, const weft::shape& extents, const weft::shape& chunk) {
  const std::int64_t columns = extents[1];
  const auto i = weft::indices<2>(c, extents, 0, {.chunk = chunk}),
             j = weft::indices<2>(c, extents, 1, {.chunk = chunk});
  return weft::map_elements([](std::int64_t n) { return noise(n); }, i * columns + j);
}

}  // namespace arrays
