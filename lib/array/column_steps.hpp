#pragma once

#include <algorithm>
#include <cstddef>

#include "weft/dependencies.hpp"

/// The order of factorisations by columns of tiles: step k factors column k, and each column right of it is then
/// reduced by it. There are n columns; task k * n + j has column j after step k, for j >= k.
namespace weft::detail::arrays {

/// Task (k, j) takes column j of the step before, and for j > k the factored column k.
struct column_order {
  static constexpr bool only_earlier = true;
  std::size_t n = 0, steps = 0;
  intervals of(std::size_t task) const noexcept {
    const std::size_t k = task / n, j = task % n;
    intervals all;
    if (j < k) return all;
    if (k != 0) all.add({task - n, task - n});
    if (j != k) all.add({k * n + k, k * n + k});
    return all;
  }
  intervals dependents(std::size_t task) const noexcept {
    const std::size_t k = task / n, j = task % n;
    intervals all;
    if (j < k) return all;
    if (j == k) {
      if (k + 1 != n) all.add({task + 1, k * n + n - 1});
    } else if (k + 1 != steps) {
      all.add({task + n, task + n});
    }
    return all;
  }
};
/// At step 0 the columns are those of the matrix.
struct first_step {
  std::size_t n = 0;
  intervals of(std::size_t task) const noexcept { return task < n ? interval{task, task} : intervals(); }
  intervals dependents(std::size_t i) const noexcept { return interval{i, i}; }
};
/// Task k takes column k as it was factored.
struct factored {
  static constexpr bool single = true;
  std::size_t n = 0;
  intervals of(std::size_t k) const noexcept { return interval{k * n + k, k * n + k}; }
  intervals dependents(std::size_t task) const noexcept {
    return task / n == task % n ? interval{task / n, task / n} : intervals();
  }
};
/// Task j takes column j after its last step.
struct after_steps {
  static constexpr bool single = true;
  std::size_t n = 0, steps = 0;
  intervals of(std::size_t j) const noexcept {
    const std::size_t task = std::min(j, steps - 1) * n + j;
    return interval{task, task};
  }
  intervals dependents(std::size_t task) const noexcept {
    const std::size_t j = task % n;
    return task / n == std::min(j, steps - 1) ? interval{j, j} : intervals();
  }
};

}  // namespace weft::detail::arrays
