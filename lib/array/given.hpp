#pragma once

#include <stdexcept>
#include <string>

#include "weft/detail/array/block.hpp"
#include "weft/detail/array/grid.hpp"

/// What a task looks at before it reads memory: a message may have been damaged, or made by another program.
namespace weft::detail::arrays {

/// Throws std::logic_error: `weft: a task of an array was given <what>`.
inline void demand_given(bool right, const char* what) {
  if (!right) throw std::logic_error(std::string("weft: a task of an array was given ") + what);
}
inline void demand_matrix(const block& b, std::int64_t rows, std::int64_t columns) {
  demand_given(b.extents().size() == 2 && b.extents()[0] == rows && b.extents()[1] == columns,
               "a block of another shape than it needs");
}
inline void demand_matrix(const block& b) { demand_given(b.extents().size() == 2, "a block that is no matrix"); }
inline void demand_alike(const block& a, const block& b) {
  demand_given(a.of().type == b.of().type && a.of().item == b.of().item, "blocks of unlike elements");
}
/// Of an axis that came by itself, not in a grid.
inline void demand_cut(const cut& c) {
  constexpr std::int64_t most = std::int64_t{1} << 62;
  demand_given(c.extent >= 0 && c.extent <= most && c.chunk <= most && c.lead >= 1 && c.lead <= c.chunk,
               "an axis that is cut into impossible chunks");
}

}  // namespace weft::detail::arrays
