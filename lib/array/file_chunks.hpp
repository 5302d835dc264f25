#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "array/boxes.hpp"
#include "array/item_type.hpp"
#include "weft/array/contents.hpp"
#include "weft/array/create.hpp"
#include "weft/detail/array/block.hpp"
#include "weft/detail/array/grid.hpp"
#include "weft/detail/array/node.hpp"

/// What arrays in files of any kind have in common: the types of their elements, and where a task's chunk is.
namespace weft::detail::arrays {

/// Nothing for elements that are no numbers.
std::optional<item_type> item_type_of(element e, bool swapped);

/// As what such elements are read; `other` where C++ has no such type.
dtype dtype_of_item(const item_type& t);
/// Throws misuse, with the name, for more axes than an array has. lib/array/contents.cpp.
array_contents contents_from(const item_type& t, std::span<const std::size_t> extents,
                             std::span<const std::size_t> chunk, const std::string& name);

std::vector<std::size_t> extents_of(const grid& g);
weft::shape extents_from(std::span<const std::size_t> sizes);

/// How an array that is stored in chunks is cut where how.chunk says it: 0 for the stored ones' extent. Throws misuse
/// where those are no multiples of the stored ones.
grid grid_of_stored(const weft::shape& whole, const weft::shape& stored, const std::string& name, const creation& how,
                    std::size_t item);
/// As many stored chunks together as so many bytes hold, one at least: along the last axes first, and not beyond the
/// end of an axis.
weft::shape multiple_of_stored(const weft::shape& whole, const weft::shape& stored, std::int64_t bytes,
                               std::size_t item);

/// The chunk that an array is brought into before it is written, where its own do not fit those of the file:
/// multiples of these along the last axes first, or whole axes, of no more bytes than the array's largest chunk, the
/// stored one or 8 MiB, whichever is most.
weft::shape chunk_to_write(const grid& x, const weft::shape& stored, std::size_t item);
/// x in chunks that begin and end where stored ones of these extents do, so that no two tasks write to one: x itself
/// where it has such. It lies in what is stored from `begin` on; none: from the beginning.
array_ref in_chunks_of(array_ref x, const weft::shape& stored, const weft::shape& begin = {});

/// A chunk's box in the file, and how it lies in its block.
struct chunk_box {
  std::vector<std::size_t> first, extents;
  std::vector<std::ptrdiff_t> steps;
};
chunk_box box_of(const grid& chunks, const coordinates& at, std::size_t item);

/// Throws std::logic_error where a task was given another chunk to write than its own.
void check_own(const block& b, element of, const weft::shape& extents);

}  // namespace weft::detail::arrays
