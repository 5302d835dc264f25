#pragma once

#include <cstddef>
#include <vector>

#include "weft/detail/layer_plan.hpp"

namespace weft::detail {

/// A layer of a computation, and which of its tasks that needs.
struct needed_layer {
  layer_spec* spec = nullptr;
  std::vector<std::size_t> from;  // of each link, the place of the layer that it leads to
  std::vector<bool> needed;       // after mark_needed()
};

/// The layers of what is wanted, each behind those whose values it takes; the last is `wanted` itself.
std::vector<needed_layer> layers_behind(layer_spec& wanted);

/// Marks `count` tasks of the last layer from `first` on, and all that they need. Linear in the tasks and their
/// inputs.
void mark_needed(std::vector<needed_layer>& layers, std::size_t first, std::size_t count);

}  // namespace weft::detail
