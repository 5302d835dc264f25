// The printed form of arrays.
#include <cmath>
#include <cstdio>

#include "array/nodes.hpp"

namespace weft::detail::arrays {

namespace {

/// `1.53 MiB`
std::string text_of_bytes(double bytes) {
  static constexpr const char* units[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  std::size_t unit = 0;
  while (bytes >= 1024 && unit + 1 < std::size(units)) {
    bytes /= 1024;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.2f %s", bytes, units[unit]);
  return text;
}

std::string counted(std::size_t n, const char* what) { return std::to_string(n) + " " + what + (n == 1 ? "" : "s"); }

}  // namespace

std::string describe(const array_node& x) {
  double bytes = x.of.item;
  for (const std::int64_t n : x.chunks.whole()) bytes *= static_cast<double>(n);
  const std::string type =
      x.of.type == dtype::other ? std::to_string(x.of.item) + " bytes each" : weft::to_string(x.of.type);
  return "weft::array of " + type + ", shape " + to_string(x.chunks) + ", " + text_of_bytes(bytes) + ": " +
         counted(x.chunks.tasks(), "chunk") + ", " + counted(count_tasks(x), "task");
}

}  // namespace weft::detail::arrays
