#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "array/given.hpp"

namespace weft::detail::arrays {

/// The rows of what each task of a tree's levels factors: at level 0 those of a chunk, above the R's of its children,
/// of `columns` rows at most. All tasks of a level have as many but the first and the last, so that no sum over a
/// tree is long, whatever a message says of it.
struct tree_rows {
  static constexpr std::size_t fan_in = 8;  // children of a task

  cut rows;
  std::int64_t columns = 0;

  struct level_rows {
    std::int64_t count = 0, first = 0, middle = 0, last = 0;
    std::int64_t at(std::int64_t j) const noexcept { return j == 0 ? first : j == count - 1 ? last : middle; }
  };
  /// Of a level, 21 at most: 8^21 chunks are more than there can be. O(level).
  level_rows of(std::size_t level) const {
    demand_cut(rows);
    demand_given(columns >= 0 && level <= 21, "a tree that is none");
    level_rows own{rows.count(), rows.size(0), 0, 0};
    own.last = rows.size(own.count - 1);
    if (own.count > 2) own.middle = rows.size(1);
    for (std::size_t l = 0; l < level; ++l) {
      const auto n = static_cast<std::int64_t>(fan_in);
      level_rows above{(own.count + n - 1) / n};
      above.first = kept(own, 0, std::min(n, own.count));
      above.last = kept(own, (above.count - 1) * n, own.count);
      if (above.count > 2) above.middle = kept(own, n, 2 * n);
      own = above;
    }
    return own;
  }
  /// Of the R's that come before that of task j in its parent.
  std::int64_t before(std::size_t level, std::size_t j) const {
    const level_rows own = of(level);
    demand_given(j < static_cast<std::size_t>(own.count), "the place of another task than there is");
    return kept(own, static_cast<std::int64_t>(j / fan_in * fan_in), static_cast<std::int64_t>(j));
  }

 private:
  /// Together no more than there are rows.
  std::int64_t kept(const level_rows& of, std::int64_t first, std::int64_t end) const noexcept {
    std::int64_t n = 0;
    for (std::int64_t i = first; i < end; ++i) n += std::min(of.at(i), columns);
    return n;
  }
};

}  // namespace weft::detail::arrays
