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

void throw_does_not_fit(const std::string& value, dtype t) {
  throw misuse("weft: " + value + " does not fit in an element of " + weft::to_string(t) +
               ", the type of the array beside it: use astype<> on the array");
}

}  // namespace weft::detail::arrays
