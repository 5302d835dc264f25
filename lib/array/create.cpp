// What is said of arrays as they are made.
#include <cmath>
#include <string>

#include "weft/detail/array/node.hpp"
#include "weft/errors.hpp"

namespace weft::detail::arrays {

void throw_creation(const char* why) { throw misuse(std::string("weft: ") + why); }

std::int64_t count_between(double first, double last, double step) {
  const double n = std::ceil((last - first) / step);
  constexpr double most = 9.0e18;
  if (!(n < most)) throw misuse("weft: an arange of more than 2^63 elements, or of none that can be counted");
  return n < 0 ? 0 : static_cast<std::int64_t>(n);
}

coordinates checked_depth(const grid& g, const weft::shape& depth) {
  coordinates checked{};
  bool right = depth.size() == g.rank;
  for (std::size_t a = 0; a < depth.size(); ++a) right = right && depth[a] >= 0 && depth[a] < std::int64_t{1} << 32;
  if (!right)
    throw misuse("weft: an overlap of " + weft::to_string(depth) + " for an array of shape " +
                 weft::to_string(g.whole()) + ": give one number for each axis, 0 or more");
  for (std::size_t a = 0; a < depth.size(); ++a) checked[a] = depth[a];
  return checked;
}

void throw_other_shape(const weft::shape& given, const weft::shape& made) {
  throw misuse("weft: a function of chunks has made a chunk of shape " + weft::to_string(made) + " of one of shape " +
               weft::to_string(given) + ": it must keep the shape");
}

void throw_does_not_fit(const std::string& value, dtype t) {
  throw misuse("weft: " + value + " does not fit in an element of " + weft::to_string(t) +
               ", the type of the array beside it: use astype<> on the array");
}

}  // namespace weft::detail::arrays
