// What the products of weft/array/products.hpp are made of.
#include "weft/array/products.hpp"

#include <string>
#include <utility>

#include "weft/errors.hpp"

namespace weft::detail::arrays {

void check_cross(const grid& x, const grid& y, std::int64_t axis) {
  for (const grid* g : {&x, &y})
    if (g->axes[checked_axis(axis, *g)].extent != 3)
      throw misuse("weft: cross of arrays of shapes " + to_string(x) + " and " + to_string(y) + ": axis " +
                   std::to_string(axis) + " of each has three elements");
}

array_ref repeated_each(array_ref x, const weft::shape& times) {
  for (std::size_t a = 0; a < times.size(); ++a)
    if (times[a] != 1) x = repeated(std::move(x), times[a], static_cast<std::int64_t>(a));
  return x;
}

void give_axes(array_ref& x, array_ref& y) {
  while (grid_of(*x).rank < grid_of(*y).rank) x = expand_view(std::move(x), 0);
  while (grid_of(*y).rank < grid_of(*x).rank) y = expand_view(std::move(y), 0);
}

}  // namespace weft::detail::arrays
