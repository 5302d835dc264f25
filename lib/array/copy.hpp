#pragma once

#include <cstddef>
#include <span>

/// Copies between n-dimensional pieces of memory. Slicing, halos, rechunk, concatenation and transposes of arrays are
/// all this one function: each is a box of elements that lies in one way here and in another way there.
namespace weft::detail::arrays {

/// Axes that a copy may have.
inline constexpr std::size_t most_copied_axes = 16;

/// How a box of elements lies in memory: the bytes from one element to the next along each axis. A step may be
/// negative, or 0 where an element stands for a whole axis (broadcasting). The addresses given with steps are those
/// of the box's element (0, 0, ...), which is not the lowest address where a step is negative.
using byte_steps = std::span<const std::ptrdiff_t>;

/// Writes to `steps` those of an array that has these extents, row by row without gaps (C's order).
void row_major_steps(std::span<const std::size_t> extents, std::size_t item, std::span<std::ptrdiff_t> steps);

/// Copies a box of `extents` elements of `item` bytes each. No alignment is asked for.
///
/// The two sides may not overlap, and no two elements of the destination may share memory (so none of its steps is 0
/// along an axis of more than one element). Throws misuse when the numbers of axes differ or are above
/// most_copied_axes, and for such a step of 0.
///
/// Cost: runs that lie in one piece on both sides go at memcpy's speed, whatever the order of the axes. Transposes go
/// by blocks of whole cache lines; those of `streaming_least` bytes or more do not pass through the cache when they
/// are written. Transposing 8192 x 8192 doubles took 1.1 times as long as memcpy of them on one core of an EPYC (a
/// loop: 16 times), floats 1.5 (27), bytes 2.5 (105); where rows are no multiples of 64 bytes, doubles took 1.8.
void copy_box(std::byte* to, byte_steps to_steps, const std::byte* from, byte_steps from_steps,
              std::span<const std::size_t> extents, std::size_t item);

/// Writes the same element all over a box. As copy_box otherwise.
void fill_box(std::byte* to, byte_steps to_steps, std::span<const std::size_t> extents,
              std::span<const std::byte> element);

/// A box of a larger one, and where its elements are.
struct box_piece {
  const std::byte* from;                 // its first element
  byte_steps from_steps;                 //
  std::span<const std::size_t> first;    // where it begins in the larger box, in elements
  std::span<const std::size_t> extents;  // in elements
};

/// Puts a box together from pieces, in the order given. Where pieces overlap the later one stays; what no piece
/// covers is left as it is. Throws misuse as copy_box.
void gather_boxes(std::byte* to, byte_steps to_steps, std::span<const box_piece> pieces, std::size_t item);

/// From here on a transpose is written past the cache: nobody will find all of it there anyway.
inline constexpr std::size_t streaming_least = std::size_t{16} << 20;

}  // namespace weft::detail::arrays
