#pragma once

#include <cstdint>
#include <vector>

#include "array/nodes.hpp"

namespace weft::detail::arrays {

/// A label for each axis of two operands: from 0 on those of the result, of which the first `batch` are in both, the
/// next `rows` in the left, and the next `columns` in the right; the others are summed over.
struct contraction {
  std::uint32_t batch = 0, rows = 0, columns = 0, summed = 0;
  std::vector<std::uint32_t> left = {}, right = {};
  element of = {};

  std::uint32_t rank() const noexcept { return batch + rows + columns; }
};

/// The products of left[i] and right[i], added up in their order, and to `before` unless that is empty, whose memory
/// is the result's then.
block contract_blocks(const contraction& c, block before, values<block> left, values<block> right);
/// Blocks of one shape, added up in their order.
block add_blocks(values<block> parts);

}  // namespace weft::detail::arrays
