#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "array/reading.hpp"
#include "weft/detail/array/gathers.hpp"

namespace weft::detail::arrays {

/// An axis with elements beside it, as segments: none there where they are constant. The extent is not 0 otherwise.
/// O(1) for edges, and O((before + after) / extent).
std::vector<segment> padded_axis(std::int64_t extent, std::int64_t before, std::int64_t after, pad_mode how);

/// x in chunks that are made of runs of its elements along each axis, as segments; what has none is `fill`.
array_ref padded_gather(array_ref x, const grid& chunks, std::vector<std::vector<segment>> axes,
                        std::vector<std::byte> fill = {});

}  // namespace weft::detail::arrays
