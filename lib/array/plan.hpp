#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "array/boxes.hpp"
#include "array/nodes.hpp"
#include "array/program.hpp"

namespace weft::detail::arrays {

/// A node that has tasks of its own: what they compute, for which chunks, and from whom.
struct stage {
  const array_node* node = nullptr;
  program what = {};                            // nothing, for stored and layered nodes
  std::vector<const array_node*> sources = {};  // of the program's inputs, or the operands
  box wanted = {};                              // of the node's chunks
  box made = {};                                // of the program's domain
};

/// What has to be computed for some arrays: each node that several read, or that others cannot take into their tasks,
/// is a stage of its own; the rest disappears in these. Only chunks that are needed, of each. O(operations), and the
/// sum of the chunks along the axes.
///
/// An elementwise node goes into its reader's tasks when that is its only one, or it is cheap: views between them
/// move on to what it reads, so that a slice of an expression is an expression of slices.
class plan {
 public:
  explicit plan(const array_node& wanted);
  explicit plan(std::span<const array_node* const> wanted);

  /// Of each array that is wanted, the node whose chunks are its: itself, or a copy of a view.
  const std::vector<const array_node*>& roots() const noexcept { return roots_; }
  /// In the order in which they can be made.
  const std::vector<stage>& stages() const noexcept { return stages_; }

 private:
  void take_roots(std::span<const array_node* const> wanted);
  void find_order(const array_node& root);
  void make_program(stage& s, const array_node& n) const;

  std::unordered_map<const array_node*, std::size_t> readers_;
  std::vector<const array_node*> order_;  // operands come first
  std::vector<array_ref> copies_;         // of views that are wanted themselves
  std::vector<const array_node*> roots_;
  std::vector<stage> stages_;
};

/// How many chunks of a box are combined in each level of a reduction, along each axis.
coordinates group_sizes(const box& of, std::uint32_t axes, std::int64_t fan_in = usual_fan_in) noexcept;
/// Whether there is one chunk left of each line.
bool one_is_left(const box& of, std::uint32_t axes) noexcept;
/// How many tasks all levels are, with those of the box itself.
std::size_t tasks_of_tree(box of, std::uint32_t axes, std::int64_t fan_in = usual_fan_in) noexcept;

}  // namespace weft::detail::arrays
