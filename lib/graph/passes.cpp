#include "graph/passes.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "weft/errors.hpp"

namespace weft::detail {

namespace {

using ids = std::vector<std::uint32_t>;

template <class T>
void check_length(std::span<const T> array, const graph_shape& shape, const char* name, bool may_be_empty = true) {
  if (array.size() == shape.size() || (may_be_empty && array.empty())) return;
  throw misuse(std::string("weft: the array '") + name + "' has " + std::to_string(array.size()) +
               " elements for a graph of " + std::to_string(shape.size()) + " tasks: give one for each task" +
               (may_be_empty ? ", or none" : ""));
}

void check_members(std::size_t members) {
  if (members > std::numeric_limits<std::uint32_t>::max())
    throw misuse("weft: a plan of " + std::to_string(members) +
                 " members is over the limit of 4294967295: lower most_copies or most_brought, so that fewer tasks "
                 "are copied");
}

/// The shape of the groups of a plan that is complete but for it. `home` says, of each task, the group that has it
/// as its last member, or no_task: where the groups' inputs from outside are.
graph_shape shape_of_groups(const graph_shape& shape, const grouping& plan, const ids& home) {
  const auto groups = static_cast<std::uint32_t>(plan.offsets.size() - 1);
  ids offsets{0}, targets;
  ids copied_into(shape.size(), no_task);  // the last group that had the task as a member
  for (std::uint32_t group = 0; group < groups; ++group) {
    for (const std::uint32_t task : plan.tasks(group)) {
      for (const std::uint32_t input : shape.dependencies(task))
        if (copied_into[input] != group) targets.push_back(home[input]);
      copied_into[task] = group;
    }
    check_members(targets.size());
    offsets.push_back(static_cast<std::uint32_t>(targets.size()));
  }
  return graph_shape::from_rows(std::move(offsets), std::move(targets));
}

}  // namespace

grouping fuse_chains(const graph_shape& shape, const fuse_rules& rules) {
  check_length(rules.wanted, shape, "wanted");
  check_length(rules.kind, shape, "kind");
  if (rules.longest == 0)
    throw misuse("weft: chains of at most 0 tasks cannot be: set fuse_rules::longest to 1 (nothing fuses) or more");
  const ids sequence = topological(shape);
  ids uses(shape.size(), 0);
  for (const std::uint32_t input : shape.targets()) ++uses[input];

  // In topological order, so that a chain's length is known when the next link comes. `before` and `length` are
  // those of a task in its chain; a task that is before another is the last of none.
  ids before(shape.size(), no_task), length(shape.size(), 1);
  std::vector<bool> last(shape.size(), true);
  for (const std::uint32_t task : sequence) {
    if (shape.degree(task) != 1) continue;
    const std::uint32_t input = shape.dependencies(task).front();
    if (uses[input] != 1 || length[input] == rules.longest) continue;
    if (!rules.wanted.empty() && rules.wanted[input] != 0) continue;
    if (!rules.kind.empty() && (rules.kind[task] != rules.kind[input] || rules.kind[task] == fuse_rules::never))
      continue;
    before[task] = input;
    length[task] = length[input] + 1;
    last[input] = false;
  }

  grouping plan;
  plan.group_of.resize(shape.size());
  plan.members.resize(shape.size());
  plan.offsets.push_back(0);
  for (std::uint32_t task = 0; task < shape.size(); ++task) {
    if (!last[task]) continue;
    const auto group = static_cast<std::uint32_t>(plan.offsets.size() - 1);
    const std::uint32_t end = plan.offsets.back() + length[task];
    std::uint32_t place = end;
    for (std::uint32_t link = task; link != no_task; link = before[link]) {
      plan.members[--place] = link;
      plan.group_of[link] = group;
    }
    plan.offsets.push_back(end);
  }
  plan.shape = shape_of_groups(shape, plan, plan.group_of);
  return plan;
}

grouping inline_cheap(const graph_shape& shape, const inline_rules& rules) {
  check_length(rules.cheap, shape, "cheap", false);
  check_length(rules.wanted, shape, "wanted");
  const graph_shape successors = shape.successors();
  const ids sequence = topological(shape, successors);

  // From the outputs: how many groups would have a copy. A dependent that stays is one group, whichever they are.
  std::vector<bool> goes(shape.size(), false);
  std::vector<std::uint64_t> copies(shape.size(), 1);
  for (std::size_t i = sequence.size(); i-- > 0;) {
    const std::uint32_t task = sequence[i];
    const auto dependents = successors.dependencies(task);
    if (rules.cheap[task] == 0 || dependents.empty() || (!rules.wanted.empty() && rules.wanted[task] != 0)) continue;
    std::uint64_t sum = 0;
    for (const std::uint32_t next : dependents) sum = std::min(sum + copies[next], rules.most_copies + 1);
    goes[task] = sum <= rules.most_copies;
    copies[task] = goes[task] ? sum : 1;
  }

  // From the inputs: what each task brings, in the order to run it. A task that brings too much stays, which only
  // makes fewer copies of what it needs.
  ids begin(shape.size()), end(shape.size()), brought, copied_into(shape.size(), no_task);
  const auto bring = [&](std::uint32_t task, std::uint32_t into) {
    if (copied_into[task] == into) return;
    copied_into[task] = into;
    brought.push_back(task);
  };
  for (const std::uint32_t task : sequence) {
    const std::size_t from = brought.size();
    for (const std::uint32_t input : shape.dependencies(task)) {
      if (!goes[input]) continue;
      for (std::uint32_t k = begin[input]; k < end[input]; ++k) bring(brought[k], task);
      bring(input, task);
    }
    check_members(brought.size() + shape.size());
    begin[task] = static_cast<std::uint32_t>(from);
    end[task] = static_cast<std::uint32_t>(brought.size());
    if (brought.size() - from >= rules.most_brought) goes[task] = false;
  }

  grouping plan;
  plan.group_of.assign(shape.size(), no_task);
  plan.offsets.push_back(0);
  for (std::uint32_t task = 0; task < shape.size(); ++task) {
    if (goes[task]) continue;
    plan.group_of[task] = static_cast<std::uint32_t>(plan.offsets.size() - 1);
    plan.members.insert(plan.members.end(), brought.begin() + begin[task], brought.begin() + end[task]);
    plan.members.push_back(task);
    plan.offsets.push_back(static_cast<std::uint32_t>(plan.members.size()));
  }
  plan.shape = shape_of_groups(shape, plan, plan.group_of);
  return plan;
}

grouping compose(const grouping& first, const grouping& second) {
  if (second.group_of.size() != first.shape.size())
    throw misuse("weft: the second plan is for a graph of " + std::to_string(second.group_of.size()) +
                 " tasks, but the first makes " + std::to_string(first.shape.size()) +
                 " groups: make it for the shape of the first");
  grouping plan;
  plan.shape = second.shape;
  plan.offsets.push_back(0);
  ids copied_into(first.group_of.size(), no_task);  // the last group that took the task
  for (std::uint32_t group = 0; group < second.shape.size(); ++group) {
    // A task that the first plan copied may be in several of the groups that come together here: once is enough,
    // and the first copy comes before all that need it.
    for (const std::uint32_t middle : second.tasks(group))
      for (const std::uint32_t task : first.tasks(middle)) {
        if (copied_into[task] == group) continue;
        copied_into[task] = group;
        plan.members.push_back(task);
      }
    check_members(plan.members.size());
    plan.offsets.push_back(static_cast<std::uint32_t>(plan.members.size()));
  }
  plan.group_of.assign(first.group_of.size(), no_task);
  for (std::size_t task = 0; task < first.group_of.size(); ++task)
    if (first.group_of[task] != no_task) plan.group_of[task] = second.group_of[first.group_of[task]];
  return plan;
}

}  // namespace weft::detail
