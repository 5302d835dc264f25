#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "array/copy.hpp"
#include "array/item_type.hpp"
#include "weft/file.hpp"
#include "weft/task.hpp"

namespace weft::detail::arrays {

/// Where an array's elements are in a file: element (i, j, ...) begins at offset + i * steps[0] + j * steps[1] + ...
/// The axes lie within one another without overlapping, in any order; steps are multiples of the item's size.
struct file_layout {
  std::uint64_t offset = 0;
  std::size_t item = 0;
  std::vector<std::size_t> shape = {};
  std::vector<std::uint64_t> steps = {};
};

/// How a box is moved between a file and memory: unit by unit, each of which is one operation on the file. A unit is
/// `count` neighbours along axis `axis` of the box, with all of the box's elements along the axes within it.
struct box_units {
  std::vector<std::size_t> order;  // the box's axes by their steps in the file, the largest first
  std::size_t axis = 0;            // an index into `order`
  std::size_t count = 1;
  std::uint64_t span = 0;  // bytes from a unit's first to its last, at most
  bool straight = false;   // a unit is one run in the file, and lies alike in memory: no copy is needed
};

/// The largest buffer that a box goes through, in bytes, and the largest gap that is read rather than left out.
inline constexpr std::uint64_t most_buffered = std::uint64_t{4} << 20;
inline constexpr std::uint64_t most_gap = std::uint64_t{32} << 10;

/// Chooses units: straight ones if they are whole boxes or at least `most_gap` long, else as large as most_buffered
/// allows, with gaps of at most `gap` bytes. `copied`: none is straight, since the bytes change on the way.
box_units plan_units(const file_layout& l, std::span<const std::size_t> extents, byte_steps memory, std::uint64_t gap,
                     bool copied);

/// What read_npy_box and write_npy_box say, for any layout.
task<> read_file_box(file& f, const file_layout& l, item_type type, std::span<const std::size_t> first,
                     std::span<const std::size_t> extents, std::byte* to, byte_steps to_steps);
task<> write_file_box(file& f, const file_layout& l, item_type type, std::span<const std::size_t> first,
                      std::span<const std::size_t> extents, const std::byte* from, byte_steps from_steps);

}  // namespace weft::detail::arrays
