#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "array/reading.hpp"
#include "weft/detail/array/grid.hpp"
#include "weft/detail/array/orders.hpp"
#include "weft/values.hpp"

namespace weft::detail::arrays {

/// One side of a comparison: a chunk gets the lower or the higher part of two.
struct half {
  std::int64_t chunk = 0;
  bool last = false;
};

/// Which chunks or halves tasks take, the same in each line: `to` tasks that take of `from`.
struct in_each_line {
  shared<needs_table> line;
  std::size_t from = 1, to = 1;
  intervals of(std::size_t j) const;
};
void weft_encode(encoder& e, const in_each_line& x);
in_each_line weft_decode(decoder& d, std::type_identity<in_each_line>);
constexpr std::string_view weft_schema(std::type_identity<in_each_line>) { return "weft array lines 1"; }

/// Merges two chunks, sorted ones or earlier halves, to the one that its number names. Throws std::logic_error for
/// others than its own, and where it has no such number.
struct half_task {
  any_code<order> what;
  grid line;  // of one axis: how the lines are cut
  shared<std::vector<half>> halves;
  block operator()(std::size_t j, values<block> halves_before, values<block> chunks) const;
  std::string task_name() const { return "merge-sorted"; }
  std::string task_subject(std::size_t) const { return {}; }
};

}  // namespace weft::detail::arrays
