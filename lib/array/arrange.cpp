// Other orders of axes, and arrays joined as matrices are.
#include "weft/detail/array/arrangements.hpp"

#include <array>
#include <numeric>
#include <utility>

#include "weft/array/index.hpp"
#include "weft/detail/array/gathers.hpp"

namespace weft::detail::arrays {

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
array_ref moved_view(array_ref x, std::int64_t from, std::int64_t to) {
  const std::size_t a = checked_axis(from, grid_of(*x)), b = checked_axis(to, grid_of(*x));
  return axis_moved(std::move(x), a, b);
}
array_ref swapped_view(array_ref x, std::int64_t first, std::int64_t second) {
  const std::size_t a = checked_axis(first, grid_of(*x)), b = checked_axis(second, grid_of(*x));
  const std::size_t rank = grid_of(*x).rank;
  std::array<std::int64_t, most_axes> order{};
  std::iota(order.begin(), order.end(), 0);
  std::swap(order[a], order[b]);
  return transpose_view(std::move(x), {order.data(), rank});
}
array_ref flip_view(array_ref x) {
  const std::uint32_t rank = grid_of(*x).rank;
  for (std::uint32_t a = 0; a < rank; ++a) x = flip_view(std::move(x), static_cast<std::int64_t>(a));
  return x;
}

array_ref joined_as(std::vector<array_ref> all, joining how) {
  const std::uint32_t least = how == joining::columns ? 1 : how == joining::rows ? 2 : 3;
  for (array_ref& x : all)
    while (grid_of(*x).rank < least) {
      // A vector is a row, and a matrix a plane.
      const bool behind = grid_of(*x).rank == 2;
      x = expand_view(std::move(x), behind ? 2 : 0);
    }
  const bool vectors = how == joining::columns && !all.empty() && grid_of(*all.front()).rank == 1;
  return concatenated(std::move(all), how == joining::rows || vectors ? 0 : how == joining::columns ? 1 : 2);
}

}  // namespace weft::detail::arrays
