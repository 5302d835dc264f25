#include "graph/shape.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "weft/errors.hpp"

namespace weft::detail {

namespace {

constexpr std::uint64_t most = std::numeric_limits<std::uint32_t>::max();

void check_counts(std::uint64_t tasks, std::uint64_t edges) {
  if (tasks > most)
    throw misuse("weft: a graph of " + std::to_string(tasks) + " tasks is over the limit of " + std::to_string(most) +
                 ": make chunks larger, or submit it in parts");
  if (edges > most)
    throw misuse("weft: a graph with " + std::to_string(edges) + " edges is over the limit of " +
                 std::to_string(most) +
                 ": put a task between many producers and many consumers, or submit it in parts");
}

void check_edge(std::uint32_t task, std::uint32_t dependency, std::uint64_t tasks) {
  if (task >= tasks || dependency >= tasks)
    throw misuse("weft: an edge says that task " + std::to_string(task) + " needs task " +
                 std::to_string(dependency) + ", but the graph has " + std::to_string(tasks) +
                 " tasks: number them from 0 without gaps");
  if (task == dependency)
    throw misuse("weft: task " + std::to_string(task) +
                 " needs its own result and could never start: remove the edge "
                 "from it to itself");
}

/// Counting sort of the edges by their target: row t of the result lists the rows that had t, ascending.
void transpose(const std::vector<std::uint32_t>& offsets, const std::vector<std::uint32_t>& targets,
               std::vector<std::uint32_t>& to_offsets, std::vector<std::uint32_t>& to_targets) {
  const std::size_t n = offsets.size() - 1;
  to_offsets.assign(n + 2, 0);  // one more, so that the cursors of the second pass end as the offsets
  to_targets.resize(targets.size());
  for (const std::uint32_t t : targets) ++to_offsets[t + std::size_t{2}];
  for (std::size_t i = 2; i < n + 2; ++i) to_offsets[i] += to_offsets[i - 1];
  for (std::size_t row = 0; row < n; ++row)
    for (std::uint32_t i = offsets[row]; i < offsets[row + 1]; ++i)
      to_targets[to_offsets[targets[i] + std::size_t{1}]++] = static_cast<std::uint32_t>(row);
  to_offsets.pop_back();
}

}  // namespace

graph_shape graph_shape::from_edges(std::uint64_t tasks, std::span<const graph_edge> edges) {
  check_counts(tasks, edges.size());
  graph_shape made;
  made.offsets_.assign(tasks + 2, 0);
  made.targets_.resize(edges.size());
  bool grouped = true;
  std::uint32_t before = 0;
  for (const auto& [task, dependency] : edges) {
    check_edge(task, dependency, tasks);
    grouped = grouped && before <= task;
    before = task;
    ++made.offsets_[task + std::size_t{2}];
  }
  for (std::size_t i = 2; i < tasks + 2; ++i) made.offsets_[i] += made.offsets_[i - 1];
  if (grouped) {
    for (std::size_t i = 0; i < edges.size(); ++i) made.targets_[i] = edges[i].dependency;
    made.offsets_.erase(made.offsets_.begin());
  } else {
    for (const auto& [task, dependency] : edges) made.targets_[made.offsets_[task + std::size_t{1}]++] = dependency;
    made.offsets_.pop_back();
  }
  made.normalise();
  return made;
}

graph_shape graph_shape::from_rows(std::vector<std::uint32_t> offsets, std::vector<std::uint32_t> targets) {
  if (offsets.empty())
    throw misuse("weft: the rows of a graph have no offsets: a graph of n tasks has n + 1, of no tasks one zero");
  const std::uint64_t tasks = offsets.size() - 1;
  check_counts(tasks, targets.size());
  if (offsets.front() != 0 || offsets.back() != targets.size() || !std::is_sorted(offsets.begin(), offsets.end()))
    throw misuse("weft: the offsets of a graph's rows go from " + std::to_string(offsets.front()) + " to " +
                 std::to_string(offsets.back()) + " for " + std::to_string(targets.size()) +
                 " dependencies: they must ascend from 0 to that number");
  for (std::uint32_t task = 0; task < tasks; ++task)
    for (std::uint32_t i = offsets[task]; i < offsets[task + std::size_t{1}]; ++i)
      check_edge(task, targets[i], tasks);
  graph_shape made;
  made.offsets_ = std::move(offsets);
  made.targets_ = std::move(targets);
  made.normalise();
  return made;
}

/// Sorts the rows and drops what is there twice. Turning the edges round sorts them (see transpose), so doing it
/// twice sorts all rows in linear time, however long they are.
void graph_shape::normalise() {
  bool strict = true;
  for (std::size_t row = 0; strict && row + 1 < offsets_.size(); ++row)
    for (std::uint32_t i = offsets_[row] + 1; i < offsets_[row + 1]; ++i) strict &= targets_[i - 1] < targets_[i];
  if (strict) return;
  std::vector<std::uint32_t> offsets, targets;
  transpose(offsets_, targets_, offsets, targets);
  transpose(offsets, targets, offsets_, targets_);
  std::uint32_t kept = 0, begin = 0;
  for (std::size_t row = 0; row + 1 < offsets_.size(); ++row) {
    const std::uint32_t end = offsets_[row + 1];
    const std::uint32_t first = kept;
    for (std::uint32_t i = begin; i < end; ++i)
      if (kept == first || targets_[kept - 1] != targets_[i]) targets_[kept++] = targets_[i];
    begin = end;
    offsets_[row + 1] = kept;
  }
  targets_.resize(kept);
}

graph_shape graph_shape::successors() const {
  graph_shape made;
  transpose(offsets_, targets_, made.offsets_, made.targets_);
  return made;
}

namespace {

bool ids_ascend(const graph_shape& shape) {
  for (std::uint32_t task = 0; task < shape.size(); ++task) {
    const auto row = shape.dependencies(task);
    if (!row.empty() && row.back() > task) return false;
  }
  return true;
}

/// All tasks that are on no cycle and need none that is. `missing` ends with what each of the others waits for.
std::vector<std::uint32_t> peel(const graph_shape& shape, const graph_shape& successors,
                                std::vector<std::uint32_t>& missing) {
  std::vector<std::uint32_t> sequence;
  sequence.reserve(shape.size());
  missing.resize(shape.size());
  for (std::uint32_t task = 0; task < shape.size(); ++task)
    if ((missing[task] = shape.degree(task)) == 0) sequence.push_back(task);
  for (std::size_t i = 0; i < sequence.size(); ++i)
    for (const std::uint32_t next : successors.dependencies(sequence[i]))
      if (--missing[next] == 0) sequence.push_back(next);
  return sequence;
}

/// Every task that is left waits for another one that is left: going from one to the next comes round at last.
std::vector<std::uint32_t> cycle_among(const graph_shape& shape, const std::vector<std::uint32_t>& missing) {
  const auto waits = [&](std::uint32_t task) { return missing[task] != 0; };
  std::uint32_t at = 0;
  while (!waits(at)) ++at;
  std::vector<std::uint32_t> path, place(shape.size(), no_task);
  while (place[at] == no_task) {
    place[at] = static_cast<std::uint32_t>(path.size());
    path.push_back(at);
    const auto row = shape.dependencies(at);
    at = *std::find_if(row.begin(), row.end(), waits);
  }
  path.erase(path.begin(), path.begin() + place[at]);
  std::rotate(path.begin(), std::min_element(path.begin(), path.end()), path.end());
  return path;
}

}  // namespace

std::vector<std::uint32_t> topological(const graph_shape& shape) {
  return topological(shape, ids_ascend(shape) ? graph_shape{} : shape.successors());
}

std::vector<std::uint32_t> topological(const graph_shape& shape, const graph_shape& successors) {
  if (ids_ascend(shape)) {
    std::vector<std::uint32_t> sequence(shape.size());
    std::iota(sequence.begin(), sequence.end(), 0u);
    return sequence;
  }
  std::vector<std::uint32_t> missing;
  std::vector<std::uint32_t> sequence = peel(shape, successors, missing);
  if (sequence.size() < shape.size()) throw misuse(describe_cycle(cycle_among(shape, missing)));
  return sequence;
}

std::vector<std::uint32_t> find_cycle(const graph_shape& shape) {
  if (ids_ascend(shape)) return {};
  std::vector<std::uint32_t> missing;
  if (peel(shape, shape.successors(), missing).size() == shape.size()) return {};
  return cycle_among(shape, missing);
}

std::string describe_cycle(std::span<const std::uint32_t> cycle) {
  constexpr std::size_t shown = 8;  // of the front; the last two are always there
  std::string text = "weft: the graph has a cycle of " + std::to_string(cycle.size()) + " tasks: ";
  for (std::size_t i = 0; i < cycle.size(); ++i) {
    if (i == shown && cycle.size() > shown + 3) {
      text += "... -> ";
      i = cycle.size() - 2;
    }
    text += std::to_string(cycle[i]) + " -> ";
  }
  if (!cycle.empty()) text += std::to_string(cycle.front());
  return text + " (each needs the next): none of them could ever start, so remove one of these edges";
}

}  // namespace weft::detail
