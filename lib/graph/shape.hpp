#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace weft::detail {

/// No task: what a map from old ids to new ones says of a task that is gone.
inline constexpr std::uint32_t no_task = 0xffff'ffff;

/// `task` needs the result of `dependency`.
struct graph_edge {
  std::uint32_t task;
  std::uint32_t dependency;
};

/// Who needs whom, and nothing else: tasks are the numbers 0 to size() - 1, and each has a row of dependencies,
/// all rows in one array.
///
/// Invariant: every id in a row is below size(), a row is strictly ascending (so no edge is there twice), and no
/// task is in its own row. A cycle of two tasks or more may be there still: topological() finds it. Equal sets of
/// edges make equal shapes, whatever order they came in.
///
/// Limits: 2^32 - 1 tasks and as many edges. Memory: four bytes a task and four an edge.
class graph_shape {
 public:
  /// No tasks.
  graph_shape() = default;

  /// From edges in any order; an edge that is there twice counts once. Linear; a single pass over edges that come
  /// sorted by task and dependency. Throws misuse for an id that is not below `tasks`, a task that needs itself,
  /// and more tasks or edges than the limit.
  static graph_shape from_edges(std::uint64_t tasks, std::span<const graph_edge> edges);

  /// From rows: task t needs targets[offsets[t]] to targets[offsets[t + 1] - 1]. Rows may be unsorted and name a
  /// task twice. Linear. Throws misuse as from_edges does, and when the offsets do not fit the targets.
  static graph_shape from_rows(std::vector<std::uint32_t> offsets, std::vector<std::uint32_t> targets);

  [[nodiscard]] std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(offsets_.size() - 1); }
  [[nodiscard]] std::uint32_t edges() const noexcept { return static_cast<std::uint32_t>(targets_.size()); }
  /// How many tasks `task` needs.
  [[nodiscard]] std::uint32_t degree(std::uint32_t task) const noexcept {
    return offsets_[task + 1] - offsets_[task];
  }
  /// What `task` needs, ascending.
  [[nodiscard]] std::span<const std::uint32_t> dependencies(std::uint32_t task) const noexcept {
    return {targets_.data() + offsets_[task], degree(task)};
  }
  /// size() + 1 numbers: where each row begins in targets(), and where the last one ends.
  [[nodiscard]] const std::vector<std::uint32_t>& offsets() const noexcept { return offsets_; }
  [[nodiscard]] const std::vector<std::uint32_t>& targets() const noexcept { return targets_; }

  /// The same tasks with every edge turned round: its rows are the tasks that need a task. Linear.
  [[nodiscard]] graph_shape successors() const;

  friend bool operator==(const graph_shape&, const graph_shape&) = default;

 private:
  void normalise();

  std::vector<std::uint32_t> offsets_{0};
  std::vector<std::uint32_t> targets_;
};

/// The tasks so that each comes after all that it needs: by id where the ids are such an order already, else first
/// come, first served. Throws misuse that names a cycle when there is one. Linear.
std::vector<std::uint32_t> topological(const graph_shape& shape);
/// The same for a caller that has shape.successors() at hand.
std::vector<std::uint32_t> topological(const graph_shape& shape, const graph_shape& successors);

/// One cycle, each task needing the next and the last one the first, the least id in front; empty when there is
/// none. For callers that know the tasks by name. Linear.
std::vector<std::uint32_t> find_cycle(const graph_shape& shape);

/// The sentence for a cycle: long ones are cut in the middle.
std::string describe_cycle(std::span<const std::uint32_t> cycle);

}  // namespace weft::detail
