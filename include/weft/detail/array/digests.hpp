#pragma once

#include <cstdint>
#include <vector>

#include "weft/detail/array/code.hpp"
#include "weft/detail/array/node.hpp"
#include "weft/values.hpp"

namespace weft::detail::arrays {

/// What chunks are summed up to where an accumulator for each line will not do: blocks of any elements and extents,
/// which are merged by the same tree as the accumulators of reductions.
class digest : public code {
 public:
  virtual block of_chunk(const block& x) const = 0;
  /// Of some, in the order of their chunks.
  virtual block merge(values<block> parts) const = 0;
  /// The chunk of the result.
  virtual block finish(block all) const = 0;
  /// Whether two whose code is the same are one. Not of functions that somebody gave: they may count, or look about.
  virtual bool may_be_compared() const noexcept { return true; }
};

/// The grid of a digest over all axes whose block has extents that are known when it has been made.
inline grid one_block() noexcept { return {1, {cut{1, 1, 1}}}; }
/// Over the axes whose bits are set, to elements `e` in `chunks`: these have x's axes, of which those are in one
/// chunk, or x's axes without those; where all axes are set they are one chunk of any shape. lib/array/digest.cpp.
array_ref make_digest(array_ref x, element e, const grid& chunks, std::uint32_t axes, any_code<digest> what);

}  // namespace weft::detail::arrays
