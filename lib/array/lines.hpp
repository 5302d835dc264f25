#pragma once

#include <cstddef>
#include <stdexcept>

#include "weft/array/shape.hpp"
#include "weft/detail/array/node.hpp"

namespace weft::detail::arrays {

/// A block as lines along an axis: element k of line (o, i) is number (o * count + k) * inner + i.
struct lines {
  std::size_t outer = 1, count = 1, inner = 1;
};
inline lines lines_of(const weft::shape& extents, std::size_t axis) {
  if (axis >= extents.size())
    throw std::logic_error("weft: a block of an array has not the axis that its task names");
  lines l;
  for (std::size_t a = 0; a < extents.size(); ++a) {
    std::size_t& n = a < axis ? l.outer : a == axis ? l.count : l.inner;
    n *= static_cast<std::size_t>(extents[a]);
  }
  return l;
}

/// A view whose last axis is that one, so that the elements of a line lie one after the other where it is copied.
array_ref axis_to_end(array_ref x, std::size_t axis);
/// The same back.
array_ref axis_from_end(array_ref x, std::size_t axis);

}  // namespace weft::detail::arrays
