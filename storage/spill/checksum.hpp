#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "spill/pieces.hpp"

namespace weft::detail {

/// XXH3, 64 bits (Collet, xxHash 0.8): of what is on the disk, so that damage is found before anything reads it.
std::uint64_t checksum(std::span<const std::byte> bytes) noexcept;

/// Copies `length` bytes of a record, from where the cursor stands, and gives their checksum. In steps that stay in
/// the first-level cache, so that memory is read once.
std::uint64_t copy_and_checksum(piece_cursor& from, std::size_t length, std::byte* to) noexcept;

}  // namespace weft::detail
