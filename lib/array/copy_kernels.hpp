#pragma once

#include <cstddef>
#include <cstdint>

namespace weft::detail::arrays {

/// Two axes of a copy, as addresses and bytes: what one call of a kernel does.
struct copied_plane {
  struct axis {
    std::size_t count;
    std::ptrdiff_t to, from;  // steps in bytes
  };
  std::byte* to;
  const std::byte* from;
  axis inner, outer;
};

/// An item of 16 bytes.
struct item16 {
  std::uint64_t low, high;
};

/// Copies a plane whose inner axis is without gaps in the destination, while the outer one is the nearer of the two
/// in the source. `streaming`: write past the cache. For the unsigned integers of 1 to 8 bytes, and item16.
template <class T>
void transpose_plane(const copied_plane& p, bool streaming) noexcept;

}  // namespace weft::detail::arrays
