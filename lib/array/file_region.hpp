#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "array/nodes.hpp"
#include "weft/array/index.hpp"

namespace weft::detail::arrays {

/// A box of an array that is there. Before the array's shape is known there are indices alone.
struct file_region {
  std::vector<index_item> indices = {};
  weft::shape first = {}, extents = {};
  /// The box is known.
  bool settled = false;
  /// Whether axis a has an integer, and the array that is stored has it not.
  std::uint32_t dropped = 0;
  /// Of a file whose elements are in one piece: how they lie in it, a text, and from which byte on to which the
  /// region's are, with others between them. Who has been given another layout sees another array in the same bytes.
  std::string layout = {};
  std::uint64_t first_byte = 0, end_byte = 0;
};
[[noreturn]] void throw_part_of_part(const std::string& name);
/// Throws misuse for steps other than 1.
file_region region_by(std::vector<index_item> indices, const std::string& name);
/// Finds the box in an array of that shape. Throws misuse where the indices are none of it, or it has more axes than
/// an array here.
void settle_region(file_region& r, std::span<const std::size_t> sizes, const std::string& name);
/// x with an axis of one element for each that is dropped. Throws misuse where it has not the region's shape.
array_ref in_region(array_ref x, const file_region& r, const std::string& name);
/// Of an array in the file: that of the region.
array_ref part_in_region(array_ref whole, const file_region& r);
/// Throws misuse where the region begins or ends within a chunk of what is stored in such ones.
void check_chunks_of_region(const file_region& r, const weft::shape& whole, const weft::shape& chunk,
                            const std::string& name);
/// Throws misuse where the types differ.
void check_type_of_region(element of, const std::string& type_there, bool same, const std::string& name);
/// Finds the bytes of a settled region in an array of these sizes, of items of so many bytes from `offset` on.
void find_bytes(file_region& r, std::span<const std::size_t> sizes, std::size_t item, std::uint64_t offset,
                bool fortran_order);
/// Whether an element is in both; of two layouts, whether the one's bytes are among the other's, or between them.
/// Both are settled, and of one file.
bool regions_overlap(const file_region& a, const file_region& b) noexcept;
/// Whether an array of these chunks, from `begin` on, is a part of one of the shape `whole`; both none: all of it.
bool is_part_of(const grid& chunks, const weft::shape& begin, const weft::shape& whole) noexcept;
/// `(100:200, 0:50, 3)`
std::string to_string(const file_region& r);

}  // namespace weft::detail::arrays
