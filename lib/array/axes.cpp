// The axes of reductions, and of differences.
#include <bit>
#include <string>

#include "weft/array/difference.hpp"
#include "weft/detail/array/node.hpp"
#include "weft/errors.hpp"

namespace weft::detail::arrays {

std::uint32_t axes_mask(const grid& g, const std::int64_t* named, std::size_t n) {
  if (n == 0) return (1u << g.rank) - 1;
  std::uint32_t mask = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint32_t bit = 1u << checked_axis(named[i], g);
    if (mask & bit)
      throw misuse("weft: axis " + std::to_string(named[i]) + " twice in a reduction of an array of shape " +
                   to_string(g));
    mask |= bit;
  }
  return mask;
}

double count_reduced(const grid& g, std::uint32_t axes) {
  double n = 1;
  for (std::uint32_t a = 0; a < g.rank; ++a)
    if (axes >> a & 1) n *= static_cast<double>(g.axes[a].extent);
  return n;
}

void check_not_empty(const grid& g, std::uint32_t axes, const char* what) {
  for (std::uint32_t a = 0; a < g.rank; ++a)
    if ((axes >> a & 1) != 0 && g.axes[a].extent == 0)
      throw misuse(std::string("weft: ") + what + " over axis " + std::to_string(a) + " of an array of shape " +
                   weft::to_string(g.whole()) + ": it has no element");
}

coordinates place_steps(const grid& g, std::uint32_t axes) {
  coordinates steps{};
  std::int64_t step = 1;
  for (std::uint32_t a = g.rank; a-- > 0;) {
    if ((axes >> a & 1) == 0) continue;
    steps[a] = step;
    step *= g.axes[a].extent;
  }
  return steps;
}

std::size_t axis_of_mask(std::uint32_t axes) noexcept { return static_cast<std::size_t>(std::countr_zero(axes)); }

void throw_differences(std::int64_t order) {
  throw misuse("weft: differences of order " + std::to_string(order) + ": give 0 or more");
}
void throw_no_element() {
  throw misuse(
      "weft: `none` before or behind the elements of a difference: it says where a slice ends, and is no "
      "element: give std::nullopt where there is nothing");
}
void throw_gradient(const grid& g, std::size_t axis, std::int64_t least) {
  throw misuse("weft: a gradient along axis " + std::to_string(axis) + " of an array of shape " +
               weft::to_string(g.whole()) + ": it needs " + std::to_string(least) + " elements at least");
}
void throw_coordinates(const grid& places, std::size_t axis, const grid& g) {
  throw misuse("weft: a gradient along axis " + std::to_string(axis) + " of an array of shape " +
               weft::to_string(g.whole()) + ", by places of shape " + weft::to_string(places.whole()) +
               ": give one for each element along the axis");
}

}  // namespace weft::detail::arrays
