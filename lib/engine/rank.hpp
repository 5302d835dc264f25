#pragma once

#include <cstdint>
#include <limits>

namespace weft::detail {

/// A rank is a priority, the higher the smaller, and then a place in the order of submission, of 48 bits.
inline std::uint64_t rank_of(std::int16_t priority, std::uint64_t place) noexcept {
  constexpr unsigned place_bits = 48;
  const auto urgency = static_cast<std::uint64_t>(std::numeric_limits<std::int16_t>::max() - priority);
  return urgency << place_bits | (place & ((std::uint64_t{1} << place_bits) - 1));
}

}  // namespace weft::detail
