#pragma once

#include <cstdint>
#include <limits>

namespace weft::detail {

/// A rank is a priority, the higher the smaller, and then a place in the order of submission.
inline constexpr unsigned place_bits = 48;
inline constexpr std::uint64_t default_urgency = std::numeric_limits<std::int16_t>::max();
inline std::int16_t priority_of(std::uint64_t rank) noexcept {
  return static_cast<std::int16_t>(std::numeric_limits<std::int16_t>::max() -
                                   static_cast<std::int64_t>(rank >> place_bits));
}
inline std::uint64_t rank_of(std::int16_t priority, std::uint64_t place) noexcept {
  const auto urgency = static_cast<std::uint64_t>(std::numeric_limits<std::int16_t>::max() - priority);
  return urgency << place_bits | (place & ((std::uint64_t{1} << place_bits) - 1));
}

}  // namespace weft::detail
