// What the products of weft/array/products.hpp are made of.
#include "weft/array/products.hpp"

#include <string>
#include <utility>

#include "array/reshape.hpp"
#include "weft/errors.hpp"

namespace weft::detail::arrays {

void check_cross(const grid& x, const grid& y, std::int64_t axis) {
  for (const grid* g : {&x, &y})
    if (g->axes[checked_axis(axis, *g)].extent != 3)
      throw misuse("weft: cross of arrays of shapes " + to_string(x) + " and " + to_string(y) + ": axis " +
                   std::to_string(axis) + " of each has three elements");
}

weft::shape lay_crosswise(array_ref& x, array_ref& y) {
  const std::string shapes =
      "weft: kron of arrays of shapes " + to_string(grid_of(*x)) + " and " + to_string(grid_of(*y));
  while (grid_of(*x).rank < grid_of(*y).rank) x = expand_view(std::move(x), 0);
  while (grid_of(*y).rank < grid_of(*x).rank) y = expand_view(std::move(y), 0);
  const weft::shape own = grid_of(*x).whole(), other = grid_of(*y).whole();
  weft::shape extents = own;
  std::size_t axes = own.size();
  std::int64_t elements = 1;
  for (std::size_t a = 0; a < own.size(); ++a) {
    if (__builtin_mul_overflow(own[a], other[a], &extents[a]) ||
        (extents[a] != 0 && __builtin_mul_overflow(elements, extents[a], &elements)))
      throw misuse(shapes + ": it would have more than 2^63 elements");
    axes += own[a] != 1 && other[a] != 1 ? 1 : 0;
  }
  if (axes > most_axes)
    throw misuse(shapes + ": axes along which both have several elements count twice, which is " +
                 std::to_string(axes) + ", of at most 8");
  weft::shape both = weft::shape::of_rank(axes);
  for (std::size_t a = 0, at = 0; a < own.size(); ++a, ++at) {
    both[at] = own[a] == 1 ? other[a] : own[a];
    if (own[a] == 1 || other[a] == 1) continue;
    both[at + 1] = other[a];
    x = expand_view(std::move(x), static_cast<std::int64_t>(at) + 1);
    y = expand_view(std::move(y), static_cast<std::int64_t>(at++));
  }
  x = broadcast_view(std::move(x), both);
  // The product's chunks are such that each of the result's is made of one, or of a few.
  const grid chunks = extents.count() == 0 ? grid_of(*x) : in_ranges(groups_of(both, extents), grid_of(*x));
  x = broadcast_view(std::move(x), chunks);
  y = broadcast_view(std::move(y), chunks);
  return extents;
}

}  // namespace weft::detail::arrays
