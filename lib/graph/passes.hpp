#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "graph/shape.hpp"

namespace weft::detail {

/// A plan that puts the tasks of one graph into the groups of another, smaller one. Every pass makes one, none
/// runs or copies a task: who holds the functions and arguments applies it.
///
/// Invariant: a group runs its members one after another, each after what it needs of the group; the last one's
/// result is the group's, and the only one that other groups see. Groups are numbered by the ids of their last
/// members, ascending. A task may be in no group (it is not needed) or, when it is cheap, in several.
struct grouping {
  graph_shape shape;                    ///< of the groups
  std::vector<std::uint32_t> offsets;   ///< shape.size() + 1: where each group begins in `members`
  std::vector<std::uint32_t> members;   ///< tasks, group by group
  std::vector<std::uint32_t> group_of;  ///< of each task, the group it is in; no_task if it is in none or was copied

  /// What group `group` runs, in this order.
  [[nodiscard]] std::span<const std::uint32_t> tasks(std::uint32_t group) const noexcept {
    return {members.data() + offsets[group], offsets[group + 1] - offsets[group]};
  }
  /// The task whose result is the group's.
  [[nodiscard]] std::uint32_t result(std::uint32_t group) const noexcept { return members[offsets[group + 1] - 1]; }
};

/// What fuse_chains may do. Arrays are by task; an empty one says the default of all.
struct fuse_rules {
  /// Not 0: the result is wanted, so the task can only be the last of its chain. Default: none but the tasks that
  /// nobody needs, which are last anyway.
  std::span<const std::uint8_t> wanted;
  /// Only tasks of the same kind fuse (the same annotations, resources, worker); `never` fuses with nothing.
  /// Default: all are of one kind.
  std::span<const std::uint32_t> kind;
  static constexpr std::uint32_t never = 0xffff'ffff;
  /// A longer chain is cut into pieces of this many tasks, the last one with the rest.
  std::uint32_t longest = 1024;
};

/// Fuses linear chains: a task joins the group of the one task it needs, if it is the only one that needs that.
/// Nothing is lost by it, and a message, a decision and a stored result are saved for each link. Linear. Throws
/// misuse for a cycle, arrays of another length than the graph, and a `longest` of 0.
grouping fuse_chains(const graph_shape& shape, const fuse_rules& rules = {});

/// What inline_cheap may do. Arrays are by task.
struct inline_rules {
  /// Not 0: the task is so cheap that running it again costs less than keeping its result.
  std::span<const std::uint8_t> cheap;
  /// Not 0: the result is wanted, so the task stays. Empty: none but the tasks that nobody needs, which stay anyway.
  std::span<const std::uint8_t> wanted;
  /// A task stays if more groups than this would get a copy of it (one that gets it by two ways counts twice).
  std::uint64_t most_copies = 1024;
  /// A task stays if it brings more cheap tasks along than this, itself among them.
  std::uint32_t most_brought = 16;
};

/// Copies each cheap task into the groups of those that need it, with the cheap tasks that it needs itself; a group
/// has one copy however many of its members need it. Cost: linear in the size of the graph and of the plan, which
/// is at most edges times most_brought. Throws misuse for a cycle, for arrays of another length than the graph, and
/// for a plan of 2^32 members or more.
grouping inline_cheap(const graph_shape& shape, const inline_rules& rules);

/// Both plans as one: `second` was made for first.shape, the result is for the graph of `first`. Throws misuse if
/// they do not fit.
grouping compose(const grouping& first, const grouping& second);

}  // namespace weft::detail
