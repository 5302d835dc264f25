// What is said of arrays as they are made.
#include <cmath>
#include <limits>
#include <string>

#include "weft/detail/array/node.hpp"
#include "weft/errors.hpp"

namespace weft::detail::arrays {

void throw_creation(const char* why) { throw misuse(std::string("weft: ") + why); }

namespace {

[[noreturn]] void throw_count() {
  throw misuse("weft: an arange of more than 2^63 elements, or of none that can be counted");
}

}  // namespace

std::int64_t count_of_steps(double first, double last, double step) {
  const double n = std::ceil((last - first) / step);
  constexpr double most = 9.0e18;
  if (!(n < most)) throw_count();
  return n < 0 ? 0 : static_cast<std::int64_t>(n);
}
std::int64_t count_of_steps(std::uint64_t distance, std::uint64_t step) {
  const std::uint64_t n = (distance - 1) / step;
  if (n >= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) throw_count();
  return static_cast<std::int64_t>(n) + 1;
}

void throw_does_not_fit(const std::string& value, dtype t) {
  throw misuse("weft: " + value + " does not fit in an element of " + weft::to_string(t) +
               ", the type of the array beside it: use astype<> on the array");
}

}  // namespace weft::detail::arrays
