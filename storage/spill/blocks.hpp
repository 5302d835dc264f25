#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace weft::detail {

/// The unit of room in a segment: what direct input and output goes by.
inline constexpr std::uint64_t block_bytes = 4096;

constexpr std::uint64_t blocks_of(std::uint64_t bytes) noexcept { return (bytes + block_bytes - 1) / block_bytes; }

/// Blocks that lie together.
struct block_run {
  std::uint32_t first = 0;
  std::uint32_t count = 0;
};

/// Which blocks of a segment are taken. A block has a count of holders, since small records share it: at most 64
/// begin in it, one reaches into it, and the writer holds it meanwhile. A byte for each 4 KiB.
class block_table {
 public:
  explicit block_table(std::uint32_t blocks) : holders_(blocks), longest_(blocks) {}

  /// A run of `want` free blocks; failing that the longest there is, if that has `least`. Each has one holder then.
  std::optional<block_run> take(std::uint32_t want, std::uint32_t least) noexcept;
  /// One holder more for each block of a run that is held already.
  void hold(block_run r) noexcept;
  /// One holder fewer. False, and nothing is changed, when a block of it has none.
  [[nodiscard]] bool give_back(block_run r) noexcept;

  /// Whether all blocks of a run have a holder.
  bool held(block_run r) const noexcept;

  std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(holders_.size()); }
  std::uint32_t used() const noexcept { return used_; }
  /// No run of free blocks is longer.
  std::uint32_t longest() const noexcept { return longest_; }

 private:
  std::vector<std::uint8_t> holders_;
  std::uint32_t used_ = 0;
  std::uint32_t cursor_ = 0;  // where the last run ended: in a fresh segment the next one is there
  std::uint32_t longest_;
};

}  // namespace weft::detail
