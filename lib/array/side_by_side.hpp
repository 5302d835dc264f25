#pragma once

#include <cstddef>
#include <span>

#include "array/tasks.hpp"
#include "weft/dependencies.hpp"
#include "weft/layer.hpp"

namespace weft::detail::arrays {

/// Tasks of a layer that stand among others: task `first + i` takes the value of task i.
struct among {
  std::size_t first = 0, count = 0;
  intervals of(std::size_t j) const noexcept {
    if (j < first || j - first >= count) return {};
    return interval{j - first, j - first};
  }
  intervals dependents(std::size_t i) const noexcept { return interval{first + i, first + i}; }
  bool fits(std::size_t n, std::size_t m) const noexcept { return n == count && first <= m && count <= m - first; }
};

/// The only block that a task takes, of whichever layer.
block copy_of_only(inputs in);
struct copy_task {
  template <class... In>
  block operator()(std::size_t, const In&... in) const {
    const std::array<values<block>, sizeof...(In) + 1> all{in..., values<block>()};
    return copy_of_only({all.data(), sizeof...(In)});
  }
};

/// Layers as one, whose tasks are those of the first, then those of the second, and so on: so the engine computes
/// them together, and what they share once. A value is copied, and the copied one let go, for more than most_inputs
/// layers once for each level of a tree; one layer is itself.
layer<block> side_by_side(std::span<const layer<block>> layers);

}  // namespace weft::detail::arrays
