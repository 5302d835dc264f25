// Which axes a norm is over, and whether there is such a one.
#include "weft/detail/array/norms.hpp"

#include <cmath>
#include <cstdio>
#include <string>

#include "weft/errors.hpp"

namespace weft::detail::arrays {

norm_axes axes_of_norm(const grid& g, bool of_matrices, double p, std::size_t named,
                       const std::array<std::int64_t, 3>& list) {
  const std::size_t count = named != 0 ? named : g.rank;
  if (count != 1 && count != 2)
    throw misuse("weft: a norm of an array of shape " + weft::to_string(g.whole()) +
                 ": name the axis of its vectors, or the two of its matrices");
  const std::string shape = " of an array of shape " + weft::to_string(g.whole());
  if (count == 1) {
    if (of_matrices) throw misuse("weft: a norm of matrices along one axis" + shape + ": name two");
    if (std::isnan(p)) throw misuse("weft: the norm of order NaN" + shape + ": give a number");
    return {1, named != 0 ? list[0] : 0, 0};
  }
  const double size = std::abs(p);
  if (!of_matrices && size != 1 && size != 2 && !std::isinf(p)) {
    char text[32];
    std::snprintf(text, sizeof text, "%g", p);
    throw misuse("weft: the norm of order " + std::string(text) + " over two axes" + shape +
                 ": of matrices there are those of 1, 2, -1, -2 and the infinities, frobenius and nuclear");
  }
  return {2, named != 0 ? list[0] : 0, named != 0 ? list[1] : 1};
}

bool is_singular(bool nuclear, double p) noexcept { return nuclear || std::abs(p) == 2; }

void throw_norm(const char* why) { throw misuse("weft: " + std::string(why)); }

}  // namespace weft::detail::arrays
