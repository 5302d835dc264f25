#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "weft/detail/array/node.hpp"
#include "weft/layer.hpp"

/// Arrays of chunks that others have made: lib/array/given_chunks.cpp.
namespace weft::detail::arrays {

/// Throws misuse where there is another number of chunks.
void check_given_count(const grid& chunks, std::size_t given);
/// The array whose chunks the tasks of this layer are.
array_ref make_given(client c, element e, const grid& chunks, layer<block> tasks);

/// A chunk's place in an array of the shape `whole`, and its extents.
struct given_place {
  weft::shape whole = {}, chunk = {}, extents = {};
};
/// Of chunk j. Throws std::logic_error where there is none.
given_place place_given(const grid& chunks, std::size_t j);
std::uint64_t bytes_of_given(const grid& chunks, std::size_t j, std::size_t item) noexcept;
std::string subject_of_given(const grid& chunks, std::size_t j);

/// Throws misuse where a chunk is not of that type, or has not so many axes.
void check_elements(const block& x, element e, std::size_t rank);
/// Throw misuse where what was made is not what the chunk there is.
void check_given(const given_place& p, std::span<const std::size_t> extents);
void check_given(const given_place& p, element e, const block& x);
/// Throws std::logic_error unless a task was given one value.
void check_one_given(std::size_t values);

block copy_of(const block& x);
block copy_of(element e, const weft::shape& extents, const std::byte* from);

}  // namespace weft::detail::arrays
