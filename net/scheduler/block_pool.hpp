#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

namespace weft::net {

/// Memory in blocks of any size, named by 32 bits: what a million tasks have besides their records (call payloads,
/// rows of edges). Sizes are rounded up to a class (1, 2, 3, 4, 6, 8, 12, … units of 8 bytes), a free list each;
/// blocks of more than `most_small` bytes are allocated one by one. Who frees a block says its size again, so that a
/// block has no header. When the last block is freed, all memory but one chunk goes back.
///
/// 31 bits name 16 GiB of small blocks. When these are full more are allocated one by one too: that costs some 28
/// bytes more for each, and only memory ends it.
///
/// A block's address holds until it is freed.
///
///     bit   31 30 29 …            0
///            0 chunk   unit in it      small
///            1  0  0 index             one by one
class block_pool {
 public:
  using ref = std::uint32_t;
  static constexpr std::size_t unit = 8;
  static constexpr std::size_t most_small = 16 * 1024;
  /// Blocks that are allocated one by one.
  static constexpr std::size_t most_large = std::size_t{1} << 29;
  static constexpr ref large_bit = ref{1} << 31;
  /// Of 1 MiB each.
  static constexpr std::size_t most_chunks = std::size_t{1} << 14;

  /// Lower limits are for tests.
  explicit block_pool(std::size_t chunks = most_chunks, std::size_t large = most_large) noexcept
      : chunks_limit_(chunks), large_limit_(large) {}

  /// Throws std::length_error when there are as many as can be named, and std::bad_alloc; then nothing has changed.
  ref allocate(std::size_t bytes);
  void free(ref block, std::size_t bytes) noexcept;

  std::byte* at(ref block) noexcept {
    if (block & large_bit) return large_[block & ~large_bit].get();
    return chunks_[block >> chunk_bits].get() + (block & (chunk_units - 1)) * unit;
  }
  const std::byte* at(ref block) const noexcept { return const_cast<block_pool*>(this)->at(block); }
  /// The block as a row of 32-bit numbers.
  std::uint32_t* row(ref block) noexcept { return reinterpret_cast<std::uint32_t*>(at(block)); }
  const std::uint32_t* row(ref block) const noexcept { return reinterpret_cast<const std::uint32_t*>(at(block)); }

  /// What a block of `bytes` really has room for.
  static std::size_t capacity(std::size_t bytes) noexcept;

  std::size_t live_blocks() const noexcept { return live_; }
  /// Taken from the system, in bytes; and of these, in blocks that somebody has.
  std::size_t footprint() const noexcept { return chunks_.size() * chunk_units * unit + large_bytes_; }
  std::size_t used() const noexcept { return used_ + large_bytes_; }

 private:
  static constexpr unsigned chunk_bits = 17;
  static constexpr std::size_t chunk_units = std::size_t{1} << chunk_bits;
  static_assert((most_chunks << chunk_bits) == large_bit && (large_bit | (most_large - 1)) < ~ref{0});
  static constexpr std::size_t classes = 24;
  static constexpr ref none = ~ref{0};

  static unsigned class_of(std::size_t units) noexcept;
  static std::size_t units_of(unsigned size_class) noexcept;
  ref allocate_alone(std::size_t bytes);
  void reset() noexcept;

  const std::size_t chunks_limit_, large_limit_;
  std::vector<std::unique_ptr<std::byte[]>> chunks_;
  std::size_t next_ = chunk_units;  // the first unit of the last chunk that was never given
  std::array<ref, classes> free_ = filled();
  std::vector<std::unique_ptr<std::byte[]>> large_;
  std::vector<ref> large_free_;
  std::size_t live_ = 0, used_ = 0, large_bytes_ = 0;

  static constexpr std::array<ref, classes> filled() noexcept {
    std::array<ref, classes> all{};
    all.fill(none);
    return all;
  }
};

}  // namespace weft::net
