#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "weft/detail/array/grid.hpp"
#include "weft/detail/array/orders.hpp"
#include "weft/values.hpp"

namespace weft::detail::arrays {

/// One side of a comparison: a chunk gets the lower or the higher part of two.
struct half {
  std::int64_t chunk = 0;
  bool last = false;
};

/// Merges two chunks, sorted ones or earlier halves, to the one that its number names. Throws std::logic_error for
/// others than its own, and where it has no such number.
struct half_task {
  any_code<order> what;
  grid line;  // of one axis: how the lines are cut
  shared<std::vector<half>> halves;
  block operator()(std::size_t j, values<block> halves_before, values<block> chunks) const;
};

}  // namespace weft::detail::arrays
  std::string task_name() const { return "merge-sorted"; }
  std::string task_subject(std::size_t) const { return {}; }
