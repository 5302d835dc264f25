#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace weft::net {

/// Where the things that have an id stand: ids, which are not 0, to places in an array. Open addressing with linear
/// probing; an erased cell is filled from behind, so that it never fills with the marks of what was.
class id_table {
 public:
  static constexpr std::uint32_t none = ~std::uint32_t{0};

  std::uint32_t find(std::uint64_t id) const noexcept {
    if (count_ == 0 || id == 0) return none;
    for (std::size_t i = home(id);; i = (i + 1) & mask_) {
      if (cells_[i].id == id) return cells_[i].place;
      if (cells_[i].id == 0) return none;
    }
  }

  /// `id` must not be in the table.
  void insert(std::uint64_t id, std::uint32_t place) {
    if (2 * (count_ + 1) > cells_.size()) grow();
    std::size_t i = home(id);
    while (cells_[i].id != 0) i = (i + 1) & mask_;
    cells_[i] = {id, place};
    ++count_;
  }

  /// `id` must be in the table.
  void erase(std::uint64_t id) noexcept {
    std::size_t hole = home(id);
    while (cells_[hole].id != id) hole = (hole + 1) & mask_;
    // What follows moves into the hole unless its home lies behind it.
    for (std::size_t i = (hole + 1) & mask_; cells_[i].id != 0; i = (i + 1) & mask_) {
      if (((i - home(cells_[i].id)) & mask_) < ((i - hole) & mask_)) continue;
      cells_[hole] = cells_[i];
      hole = i;
    }
    cells_[hole] = {};
    --count_;
  }

  std::size_t size() const noexcept { return count_; }

 private:
  struct cell {
    std::uint64_t id = 0;
    std::uint32_t place = none;
  };

  // Fibonacci hashing: the dense numbers of one submitter spread evenly.
  std::size_t home(std::uint64_t id) const noexcept {
    return static_cast<std::size_t>((id * 0x9e3779b97f4a7c15u) >> shift_);
  }
  void grow() {
    std::vector<cell> old(cells_.empty() ? 64 : cells_.size() * 2);
    old.swap(cells_);
    mask_ = cells_.size() - 1;
    shift_ = 64;
    for (std::size_t n = cells_.size(); n > 1; n /= 2) --shift_;
    count_ = 0;
    for (const cell& c : old)
      if (c.id != 0) insert(c.id, c.place);
  }

  std::vector<cell> cells_;
  std::size_t count_ = 0, mask_ = 0;
  int shift_ = 63;
};

}  // namespace weft::net
