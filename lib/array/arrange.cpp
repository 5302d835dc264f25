// Other orders of axes, and arrays joined as matrices are.
#include "weft/detail/array/arrangements.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>
#include <string>
#include <utility>

#include "weft/array/index.hpp"
#include "weft/detail/array/gathers.hpp"
#include "weft/errors.hpp"

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

namespace {

/// Bits of axes among n. Throws misuse for one that is named twice; `checked` for one that is not there.
template <class Check>
std::uint32_t bits_of(std::span<const std::int64_t> axes, const grid& g, const char* what, Check checked) {
  std::uint32_t bits = 0;
  for (const std::int64_t a : axes) {
    const std::uint32_t bit = 1u << checked(a);
    if ((bits & bit) != 0)
      throw misuse("weft: axis " + std::to_string(a) + " twice in " + what + " of an array of shape " + to_string(g));
    bits |= bit;
  }
  return bits;
}
std::uint32_t bits_of(std::span<const std::int64_t> axes, const grid& g, const char* what) {
  return bits_of(axes, g, what, [&](std::int64_t a) { return checked_axis(a, g); });
}

}  // namespace

array_ref moved_view(array_ref x, std::span<const std::int64_t> from, std::span<const std::int64_t> to) {
  const grid& g = grid_of(*x);
  const std::uint32_t moved = bits_of(from, g, "the axes that move,"), taken = bits_of(to, g, "the places of axes");
  std::array<std::int64_t, most_axes> order{};
  for (std::size_t i = 0; i < std::min(from.size(), to.size()); ++i)
    order[checked_axis(to[i], g)] = static_cast<std::int64_t>(checked_axis(from[i], g));
  for (std::uint32_t a = 0, next = 0; a < g.rank; ++a) {
    if ((taken >> a & 1) != 0) continue;
    while ((moved >> next & 1) != 0) ++next;
    order[a] = next++;
  }
  const std::size_t rank = g.rank;
  return transpose_view(std::move(x), {order.data(), rank});
}
array_ref flip_view(array_ref x, std::span<const std::int64_t> axes) {
  bits_of(axes, grid_of(*x), "a flip");
  for (const std::int64_t a : axes) x = flip_view(std::move(x), a);
  return x;
}
array_ref squeeze_view(array_ref x, std::span<const std::int64_t> axes) {
  const grid own = grid_of(*x);
  const std::uint32_t bits = bits_of(axes, own, "a squeeze");
  for (std::uint32_t a = 0; a < own.rank; ++a)
    if ((bits >> a & 1) != 0 && own.axes[a].extent != 1)
      throw misuse("weft: axis " + std::to_string(a) + " has " + std::to_string(own.axes[a].extent) +
                   " elements, of an array of shape " + to_string(own) + ": a squeeze takes axes of one");
  for (std::uint32_t a = own.rank; a-- > 0;)
    if ((bits >> a & 1) != 0) x = squeeze_view(std::move(x), std::int64_t{a});
  return x;
}
array_ref expand_view(array_ref x, std::span<const std::int64_t> axes) {
  const grid own = grid_of(*x);
  const auto n = static_cast<std::int64_t>(own.rank + axes.size());
  if (std::cmp_greater(n, most_axes))
    throw misuse("weft: " + std::to_string(axes.size()) + " new axes for an array of shape " + to_string(own) +
                 ": it would have more than 8 axes");
  const std::uint32_t bits = bits_of(axes, own, "the new axes", [&](std::int64_t a) {
    if (a < -n || a >= n)
      throw misuse("weft: a new axis " + std::to_string(a) + " of an array of shape " + to_string(own) +
                   ", which has " + std::to_string(n) + " axes with the new ones");
    return static_cast<std::uint32_t>(a < 0 ? a + n : a);
  });
  for (std::uint32_t a = 0; a < most_axes; ++a)
    if ((bits >> a & 1) != 0) x = expand_view(std::move(x), std::int64_t{a});
  return x;
}
array_ref axes_joined(array_ref x, std::uint32_t axes) {
  const grid& g = grid_of(*x);
  const std::size_t rank = g.rank;
  std::array<std::int64_t, most_axes> order{};
  weft::shape to = weft::shape::of_rank(rank - static_cast<std::size_t>(std::popcount(axes)) + 1);
  std::size_t n = 0;
  for (std::uint32_t a = 0; a < rank; ++a) {
    if ((axes >> a & 1) != 0) continue;
    to[n] = g.axes[a].extent;
    order[n++] = a;
  }
  to[n] = 1;
  for (std::uint32_t a = 0, i = static_cast<std::uint32_t>(n); a < rank; ++a) {
    if ((axes >> a & 1) == 0) continue;
    to[n] *= g.axes[a].extent;
    order[i++] = a;
  }
  return reshaped(transpose_view(std::move(x), {order.data(), rank}), to);
}

std::vector<array_ref> parts_along(array_ref x, std::int64_t axis) {
  const std::size_t a = checked_axis(axis, grid_of(*x));
  std::vector<array_ref> all;
  index_item one;
  one.what = index_item::kind::number;
  for (one.at = 0; one.at < grid_of(*x).axes[a].extent; ++one.at) all.push_back(along_view(x, a, one));
  return all;
}
std::vector<array_ref> broadcast_views(std::vector<array_ref> all) {
  grid whole = grid_of(*all.front());
  for (const array_ref& x : all) {
    common_client(owner_of(*all.front()), owner_of(*x));
    whole = broadcast(whole, grid_of(*x));
  }
  for (array_ref& x : all) {
    const grid chunks = in_possible_chunks(whole, element_of_node(*x).item);
    x = broadcast_view(std::move(x), chunks);
  }
  return all;
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
