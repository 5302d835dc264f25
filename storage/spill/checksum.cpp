#include "spill/checksum.hpp"

#include <algorithm>
#include <cstring>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace weft::detail {

namespace {
constexpr std::size_t step = std::size_t{16} << 10;  // half of a first-level cache: source and copy fit
}

std::uint64_t checksum(std::span<const std::byte> bytes) noexcept { return XXH3_64bits(bytes.data(), bytes.size()); }

std::uint64_t copy_and_checksum(piece_cursor& from, std::size_t length, std::byte* to) noexcept {
  if (length <= step) {  // in one go: setting up a state costs more than a small record
    for (std::size_t done = 0; done < length;) {
      const std::span<const std::byte> piece = from.next(length - done);
      std::memcpy(to + done, piece.data(), piece.size());
      done += piece.size();
    }
    return XXH3_64bits(to, length);
  }
  XXH3_state_t state;
  XXH3_64bits_reset(&state);
  std::size_t done = 0;
  while (done < length) {
    const std::span<const std::byte> piece = from.next(std::min(step, length - done));
    std::memcpy(to + done, piece.data(), piece.size());
    XXH3_64bits_update(&state, to + done, piece.size());
    done += piece.size();
  }
  return XXH3_64bits_digest(&state);
}

}  // namespace weft::detail
