#include "array/lines.hpp"

#include <utility>

#include "weft/detail/array/arrangements.hpp"

namespace weft::detail::arrays {

array_ref axis_to_end(array_ref x, std::size_t axis) {
  const std::size_t last = grid_of(*x).rank - 1;
  return axis_moved(std::move(x), axis, last);
}
array_ref axis_from_end(array_ref x, std::size_t axis) {
  const std::size_t last = grid_of(*x).rank - 1;
  return axis_moved(std::move(x), last, axis);
}

}  // namespace weft::detail::arrays
