#pragma once

#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "array/nodes.hpp"

namespace weft::detail::arrays {

/// Which nodes of a plan compute the same, so that it is computed once.
///
/// Exact: nodes are one where they read the same by the same maps, have the same elements and chunks, and what they
/// do is spelled by the same bytes. Kernels are alike where they have one entry, which stands for their type, and the
/// same constants, as they would travel. What cannot be spelled is only itself.
class alike_nodes {
 public:
  /// The first that computes what n does: mostly n itself. `reads`: n's operands, as this has found them.
  const array_node* first_of(const array_node& n, std::span<const array_node* const> reads);

 private:
  /// Nodes that differ in what they do at most, and in how long their chunks are. A node is spelled where there is
  /// another beside it, so that a plan without any costs a key for each.
  struct family {
    const array_node* only = nullptr;
    bool spelled = false;
    std::unordered_map<std::string, std::vector<const array_node*>> by_spelling = {};
  };
  std::unordered_map<std::string, family> families_;
};

}  // namespace weft::detail::arrays
