// The axes of reductions.
#include <string>

#include "weft/detail/array/node.hpp"
#include "weft/errors.hpp"

namespace weft::detail::arrays {

std::uint32_t axes_mask(const grid& g, const std::int64_t* named, std::size_t n) {
  if (n == 0) return (1u << g.rank) - 1;
  std::uint32_t mask = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint32_t bit = 1u << checked_axis(named[i], g.rank);
    if (mask & bit) throw misuse("weft: axis " + std::to_string(named[i]) + " twice in a reduction");
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

}  // namespace weft::detail::arrays
