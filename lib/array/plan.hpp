#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "array/boxes.hpp"
#include "array/nodes.hpp"
#include "array/program.hpp"
#include "array/source.hpp"
#include "weft/layer.hpp"

namespace weft::detail::arrays {

/// A node as it is computed: those that compute the same are one, and what is made again for each of those that read
/// it is several.
struct vertex {
  const array_node* node = nullptr;
  std::vector<const vertex*> operands = {};  // as those of the node
  std::size_t readers = 0;                   // of different maps each; who wants it counts as one
};
/// The vertices of what is computed for some arrays: each stands before those that it reads.
struct vertices {
  std::deque<vertex> all;
  std::vector<const vertex*> roots;
};
/// O(operations, times how often they are made again). Throws misuse where that is too many.
vertices vertices_of(std::span<const array_node* const> roots);

/// A vertex that has tasks of its own: what they compute, for which chunks, and from whom.
struct stage {
  const vertex* made_for = nullptr;
  const array_node* node = nullptr;         // its
  program what = {};                        // nothing, for stored and layered nodes
  std::vector<const vertex*> sources = {};  // of the program's inputs, or the operands
  /// Those that its tasks make themselves, which are no stages: by source; none where there are no such.
  std::vector<any_code<chunk_source>> own = {};
  box wanted = {};  // of the node's chunks
  box made = {};    // of the program's domain

  bool makes(std::size_t source) const noexcept { return source < own.size() && own[source]; }
};

/// What has to be computed for some arrays: each node that several read, or that others cannot take into their tasks,
/// is a stage of its own; the rest disappears in these. Only chunks that are needed, of each. O(operations), and the
/// sum of the chunks along the axes.
///
/// An elementwise node goes into its reader's tasks when that is its only one, or it is computed for each (`again`):
/// views between them move on to what it reads, so that a slice of an expression is an expression of slices. So does
/// what reads a file, where each task of its only reader has the chunk of its own number.
class plan {
 public:
  explicit plan(const array_node& wanted);
  explicit plan(std::span<const array_node* const> wanted);
  plan(const plan&) = delete;
  plan& operator=(const plan&) = delete;

  /// Of each array that is wanted, what its chunks are those of: itself, or a copy of a view.
  const std::vector<const vertex*>& roots() const noexcept { return vertices_.roots; }
  /// In the order in which they can be made.
  const std::vector<stage>& stages() const noexcept { return stages_; }

 private:
  std::vector<const array_node*> nodes_of(std::span<const array_node* const> wanted);

  std::vector<array_ref> copies_;  // of views that are wanted themselves
  vertices vertices_;
  std::vector<stage> stages_;
};

/// The layers of the stages, each the last one of its stage.
std::vector<layer<block>> layers_of(const plan& p);
/// How many tasks a stage is.
std::size_t tasks_of(const stage& s) noexcept;
/// How many chunks of a box are combined in each level of a reduction, along each axis.
coordinates group_sizes(const box& of, std::uint32_t axes, std::int64_t fan_in = usual_fan_in) noexcept;
/// Whether there is one chunk left of each line.
bool one_is_left(const box& of, std::uint32_t axes) noexcept;
/// How many tasks all levels are, with those of the box itself.
std::size_t tasks_of_tree(box of, std::uint32_t axes, std::int64_t fan_in = usual_fan_in) noexcept;

}  // namespace weft::detail::arrays
