#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "array/item_type.hpp"
#include "weft/detail/array/block.hpp"
#include "weft/detail/array/grid.hpp"

/// What arrays in files of any kind have in common: the types of their elements, and where a task's chunk is.
namespace weft::detail::arrays {

/// Nothing for elements that are no numbers.
std::optional<item_type> item_type_of(element e, bool swapped);

std::vector<std::size_t> extents_of(const grid& g);

/// The place of task j among all chunks, where tasks are numbered in a box of them.
coordinates place_in_box(std::size_t j, const weft::shape& first, const weft::shape& counts) noexcept;

/// A chunk's box in the file, and how it lies in its block.
struct chunk_box {
  std::vector<std::size_t> first, extents;
  std::vector<std::ptrdiff_t> steps;
};
chunk_box box_of(const grid& chunks, const coordinates& at, std::size_t item);

/// Throws std::logic_error where a task was given another chunk to write than its own.
void check_own(const block& b, element of, const weft::shape& extents);

}  // namespace weft::detail::arrays
