#include "array/lines.hpp"

#include <array>
#include <cstdint>
#include <utility>

#include "weft/array/index.hpp"

namespace weft::detail::arrays {

namespace {

/// Axis `from` becomes axis `to`; the others stay in their order.
array_ref axis_moved(array_ref x, std::size_t from, std::size_t to) {
  if (from == to) return x;
  const std::size_t rank = grid_of(*x).rank;
  std::array<std::int64_t, most_axes> order{};
  for (std::size_t a = 0, next = 0; a < rank; ++a) {
    if (next == from) ++next;
    order[a] = static_cast<std::int64_t>(a == to ? from : next++);
  }
  return transpose_view(std::move(x), {order.data(), rank});
}

}  // namespace

array_ref axis_to_end(array_ref x, std::size_t axis) {
  const std::size_t last = grid_of(*x).rank - 1;
  return axis_moved(std::move(x), axis, last);
}
array_ref axis_from_end(array_ref x, std::size_t axis) {
  const std::size_t last = grid_of(*x).rank - 1;
  return axis_moved(std::move(x), last, axis);
}

}  // namespace weft::detail::arrays
