#pragma once

#include <cstdint>

#include "weft/array/array.hpp"
#include "weft/array/create.hpp"
#include "weft/detail/array/gathers.hpp"

namespace weft {

/// The same elements in other chunks: `rechunk(x, {.chunk = {100, -1}})`. In several steps, through chunks between
/// the two, where one would read very many small pieces or more memory than a task should have. O(chunks along each
/// axis). Throws misuse.
template <array_like X>
auto rechunk(const X& x, creation how) {
  return array<typename X::value_type, X::rank>(detail::arrays::rechunked(x.node(), how.chunk, how.bytes));
}
/// A view as an array of its own, whose chunks lie row-major in memory: worth it where a transpose is read often.
template <array_like X>
auto contiguous(const X& x) {
  return array<typename X::value_type, X::rank>(detail::arrays::copied(x.node()));
}

}  // namespace weft
