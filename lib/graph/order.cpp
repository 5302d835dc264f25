#include "graph/order.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "weft/errors.hpp"

namespace weft::detail {

namespace {

using ids = std::vector<std::uint32_t>;

void check_weights(const graph_shape& shape, std::span<const std::uint64_t> weights) {
  if (weights.empty()) return;
  if (weights.size() != shape.size())
    throw misuse("weft: " + std::to_string(weights.size()) + " weights were given for a graph of " +
                 std::to_string(shape.size()) + " tasks: give one for each task, or none");
  std::uint64_t sum = 0;
  for (const std::uint64_t w : weights)
    if (w >> 63 != 0 || (sum += w) >> 63 != 0)
      throw misuse("weft: the weights of a graph's results add up to 2^63 or more: give them in larger units");
}

/// The dependencies of each task, the most demanding first.
///
/// The demand of a task is what the best sequence for it would hold if it were a tree: with the inputs made in some
/// sequence, input i is made while those before it are held; the best sequence is by falling (demand - weight).
/// What inputs share is counted for each, so in a graph that is no tree this is a guess from above. Single precision
/// is enough for a guess.
ids by_demand(const graph_shape& shape, std::span<const std::uint64_t> weights, const ids& sequence) {
  ids rows = shape.targets();
  std::vector<float> excess(shape.size());  // demand - weight
  std::vector<std::pair<float, std::uint32_t>> row;
  const auto weight = [&](std::uint32_t task) { return weights.empty() ? 1.0f : static_cast<float>(weights[task]); };
  for (const std::uint32_t task : sequence) {
    const std::uint32_t begin = shape.offsets()[task], end = shape.offsets()[task + std::size_t{1}];
    bool falling = true;
    for (std::uint32_t i = begin + 1; i < end && falling; ++i) falling = excess[rows[i]] <= excess[rows[i - 1]];
    if (!falling) {
      row.clear();
      for (std::uint32_t i = begin; i < end; ++i) row.emplace_back(-excess[rows[i]], rows[i]);
      std::sort(row.begin(), row.end());
      for (std::uint32_t i = begin; i < end; ++i) rows[i] = row[i - begin].second;
    }
    float held = 0, demand = 0;
    for (std::uint32_t i = begin; i < end; ++i) {
      const float w = weight(rows[i]);
      demand = std::max(demand, held + excess[rows[i]] + w);
      held += w;
    }
    excess[task] = std::max(demand - weight(task), held);
  }
  return rows;
}

/// What a sequence costs: less is better, the peak before the mean.
struct price {
  std::uint64_t peak = 0;
  double sum = 0;  ///< of what is held after each task
  friend auto operator<=>(const price&, const price&) = default;
};
constexpr price unlimited{std::numeric_limits<std::uint64_t>::max(), 0};

/// Runs tasks on paper, in a sequence that it finds on the way, and counts what is held.
class rehearsal {
 public:
  rehearsal(const graph_shape& shape, const graph_shape& successors, std::span<const std::uint64_t> weights)
      : shape_(shape), successors_(successors), weights_(weights), at_(shape.size()) {
    sequence_.reserve(shape.size());
    for (std::uint32_t task = 0; task < shape.size(); ++task) set_counts(task);
    for (std::uint32_t task = 0; task < shape.size(); ++task) announce_only_use(task);
  }

  [[nodiscard]] bool done(std::uint32_t task) const { return at_[task].done; }
  [[nodiscard]] const ids& sequence() const { return sequence_; }
  [[nodiscard]] price cost() const { return price_; }
  /// No other sequence is worth a try: some task needs as much by itself, or the part is a tree, and finish_part ran
  /// it in the best of depth-first sequences.
  [[nodiscard]] bool surely_best() const { return price_.peak <= floor_ || !shared_; }
  /// False as soon as what runs now cannot cost less than the limit any more: costs only grow.
  [[nodiscard]] bool may_win() const { return price_ < limit_; }

  void begin_part(const price& limit = unlimited) {
    limit_ = limit;
    begin_ = sequence_.size();
    held_ = 0;
    price_ = {};
    floor_ = 0;
    shared_ = false;
    focus_ = last_goal_ = no_task;
    kept_.clear();
    oldest_ = 0;
    ready_.clear();
    path_.clear();
  }
  /// What ran since begin_part().
  [[nodiscard]] std::span<const std::uint32_t> part() const {
    return {sequence_.data() + begin_, sequence_.size() - begin_};
  }
  /// Begins the part again, of which these are all tasks, to find a sequence that costs less than `limit`.
  void again(const ids& tasks, const price& limit) {
    sequence_.resize(begin_);
    for (const std::uint32_t task : tasks) set_counts(task);
    for (const std::uint32_t task : tasks) announce_only_use(task);
    begin_part(limit);
  }
  /// Takes this for the sequence of the part, which was begun again and maybe not run to its end.
  void settle(const ids& tasks) {
    sequence_.resize(begin_);
    sequence_.insert(sequence_.end(), tasks.begin(), tasks.end());
    for (const std::uint32_t task : tasks) at_[task].done = true;
  }

  /// Runs the connected part that `goal` is in: first what it needs, then what the held results wait for.
  void finish_part(std::uint32_t goal, const ids& rows) {
    // As long as a task of the part is left, one that ran has a dependent that did not: nothing left is an input of
    // what ran, so only such an edge connects the two. So there is a held result to go on from until all ran.
    for (; goal != no_task; goal = next_goal()) {
      depth_first(goal, rows, true);
      last_goal_ = goal;
    }
  }

  /// Runs what `goal` needs and is not done, depth-first by `rows`, and then the goal; stops when it costs too much.
  void depth_first(std::uint32_t goal, const ids& rows, bool eagerly) {
    path_.push_back(goal);
    while (!path_.empty() && may_win()) {
      const std::uint32_t task = path_.back();
      progress& p = at_[task];
      if (p.missing == 0) {
        path_.pop_back();
        if (!p.done) run(task, eagerly);
        continue;
      }
      while (at_[rows[p.next_dependency]].done) ++p.next_dependency;
      path_.push_back(rows[p.next_dependency++]);
    }
  }

  /// Runs one task whose inputs are done, and then whatever frees as much as it makes.
  void run(std::uint32_t task, bool eagerly) {
    run_alone(task);
    while (!eager_.empty()) {
      const std::uint32_t next = eager_.back();
      eager_.pop_back();
      if (eagerly && !at_[next].done) run_alone(next);
    }
  }

 private:
  struct progress {
    std::uint64_t freed = 0;            ///< what ends with this task: the weight of inputs that only it still needs
    std::uint32_t missing = 0;          ///< inputs that are not made
    std::uint32_t uses = 0;             ///< dependents that are not done
    std::uint32_t last_use = 0;         ///< their ids, xor-ed: the id, once there is but one
    std::uint32_t next_dependency = 0;  ///< where depth_first goes on in the row
    std::uint32_t next_dependent = 0;   ///< those before it in the row of successors are done
    bool done = false;
  };
  static_assert(sizeof(progress) == 32, "two in a cache line: each visit of a task costs one miss");

  /// How many dependents of a held result are looked at for the next goal.
  static constexpr std::uint32_t choices = 8;

  [[nodiscard]] std::uint64_t weight(std::uint32_t task) const { return weights_.empty() ? 1 : weights_[task]; }

  void set_counts(std::uint32_t task) {
    progress& p = at_[task];
    p = {};
    p.missing = shape_.degree(task);
    p.uses = successors_.degree(task);
    p.next_dependency = shape_.offsets()[task];
    p.next_dependent = successors_.offsets()[task];
    for (const std::uint32_t next : successors_.dependencies(task)) p.last_use ^= next;
  }
  void announce_only_use(std::uint32_t task) {
    if (at_[task].uses == 1) at_[at_[task].last_use].freed += weight(task);
  }

  void run_alone(std::uint32_t task) {
    progress& p = at_[task];
    p.done = true;
    sequence_.push_back(task);
    const std::uint64_t own = weight(task);
    std::uint64_t needs = own;
    held_ += own;
    price_.peak = std::max(price_.peak, held_);
    for (const std::uint32_t input : shape_.dependencies(task)) {
      progress& q = at_[input];
      needs += weight(input);
      q.last_use ^= task;
      if (--q.uses == 0) {
        held_ -= weight(input);
      } else if (q.uses == 1) {
        at_[q.last_use].freed += weight(input);
        if (at_[q.last_use].missing == 0) offer(q.last_use);
      }
    }
    floor_ = std::max(floor_, needs);
    const auto dependents = successors_.dependencies(task);
    for (std::size_t i = dependents.size(); i-- > 0;)  // backwards, so that the first is on top
      if (--at_[dependents[i]].missing == 0) offer(dependents[i]);
    if (dependents.empty())
      held_ -= own;
    else
      kept_.push_back(task);
    shared_ = shared_ || dependents.size() > 1;
    price_.sum += static_cast<double>(held_);
  }

  /// Takes a task whose inputs are there for run() if it frees as much as it makes. What it frees only grows, so
  /// it is offered again each time.
  void offer(std::uint32_t task) {
    const progress& p = at_[task];
    if (p.uses == 0 || p.freed >= weight(task))
      eager_.push_back(task);
    else
      ready_.push_back(task);
  }

  std::uint32_t next_goal() {
    // Up from the last goal to an output. Then what lacks no input: it loads nothing. Then whatever helps to end
    // one held result, until it has ended, so that no second one is begun beside it; and of those the oldest. So a
    // matrix product ends a row before it begins the next, and a grid is gone through as a flood goes, whose front
    // is short. (The latest result first would go through it as a snake, and leave a border on both sides: twenty
    // times as much is held on a plane of 500 x 500 with ids by chance.)
    if (last_goal_ != no_task && at_[last_goal_].uses > 0) return goal_from(last_goal_);
    while (!ready_.empty() && at_[ready_.back()].done) ready_.pop_back();
    if (!ready_.empty()) return ready_.back();
    if (focus_ == no_task || at_[focus_].uses == 0) {
      while (oldest_ < kept_.size() && at_[kept_[oldest_]].uses == 0) ++oldest_;
      if (oldest_ == kept_.size()) return no_task;
      focus_ = kept_[oldest_];
    }
    return goal_from(focus_);
  }
  /// Of the first dependents of a held result, the one with the fewest inputs missing.
  std::uint32_t goal_from(std::uint32_t from) {
    const ids& rows = successors_.targets();
    std::uint32_t& first = at_[from].next_dependent;
    while (at_[rows[first]].done) ++first;
    const std::uint32_t end = std::min(first + choices, successors_.offsets()[from + std::size_t{1}]);
    std::uint32_t best = rows[first];
    for (std::uint32_t i = first + 1; i < end; ++i)
      if (!at_[rows[i]].done && at_[rows[i]].missing < at_[best].missing) best = rows[i];
    return best;
  }

  const graph_shape& shape_;
  const graph_shape& successors_;
  std::span<const std::uint64_t> weights_;
  std::vector<progress> at_;
  ids sequence_;                       ///< what ran
  ids path_;                           ///< of depth_first: each needs the next
  ids eager_;                          ///< what run() has still to do
  ids kept_;                           ///< what ran and was held then
  ids ready_;                          ///< what could run, but would make more than it frees
  std::uint32_t focus_ = no_task;      ///< the held result that the goals come from
  std::uint32_t last_goal_ = no_task;  ///< done
  std::size_t oldest_ = 0;             ///< before it, all in kept_ have ended
  std::size_t begin_ = 0;              ///< of the part, in sequence_
  std::uint64_t held_ = 0;
  price price_, limit_ = unlimited;
  std::uint64_t floor_ = 0;  ///< the most that one task and its inputs weigh
  bool shared_ = false;      ///< some result has several uses
};

/// The tasks by falling distance to the farthest output, and as in `tasks` where that is equal. `tasks` is a
/// topological order, and `distance` zero for all of them; afterwards it holds their distances.
ids by_layers(const graph_shape& shape, const ids& tasks, ids& distance) {
  std::uint32_t farthest = 0;
  for (std::size_t i = tasks.size(); i-- > 0;) {
    const std::uint32_t next = distance[tasks[i]] + 1;
    if (shape.degree(tasks[i]) > 0) farthest = std::max(farthest, next);
    for (const std::uint32_t input : shape.dependencies(tasks[i])) distance[input] = std::max(distance[input], next);
  }
  ids begin(farthest + std::size_t{2}, 0), sorted(tasks.size());
  for (const std::uint32_t task : tasks) ++begin[farthest - distance[task] + std::size_t{1}];
  for (std::size_t i = 1; i < begin.size(); ++i) begin[i] += begin[i - 1];
  for (const std::uint32_t task : tasks) sorted[begin[farthest - distance[task]]++] = task;
  return sorted;
}

/// The part that was run last again, in the other ways that are worth a try, and then in the best one.
class contest {
 public:
  contest(const graph_shape& shape, const graph_shape& successors, bool weighted)
      : shape_(shape), successors_(successors), weighted_(weighted), distance_(shape.size(), 0) {}

  void hold(rehearsal& run) {
    const ids first(run.part().begin(), run.part().end());
    best_ = first;
    best_price_ = run.cost();

    run.again(first, best_price_);
    for (const std::uint32_t task : by_layers(shape_, first, distance_)) {
      if (!run.may_win()) break;
      if (!run.done(task)) run.run(task, true);
    }
    judge(run);

    ids outputs;
    for (const std::uint32_t task : first)
      if (successors_.degree(task) == 0) outputs.push_back(task);
    std::sort(outputs.begin(), outputs.end());
    // With weights, running what frees more than it makes can cost: while it runs, both are held.
    for (const bool eagerly : {true, false}) {
      if (!eagerly && !weighted_) break;
      run.again(first, best_price_);
      for (const std::uint32_t task : outputs) run.depth_first(task, shape_.targets(), eagerly);
      judge(run);
    }
    run.settle(best_);
  }

 private:
  void judge(const rehearsal& run) {
    if (!run.may_win()) return;
    best_price_ = run.cost();
    best_.assign(run.part().begin(), run.part().end());
  }

  const graph_shape& shape_;
  const graph_shape& successors_;
  bool weighted_;
  ids distance_;
  ids best_;
  price best_price_;
};

}  // namespace

std::vector<std::uint32_t> order(const graph_shape& shape, std::span<const std::uint64_t> weights) {
  check_weights(shape, weights);
  const graph_shape successors = shape.successors();
  const ids rows = by_demand(shape, weights, topological(shape, successors));
  rehearsal run(shape, successors, weights);
  contest others(shape, successors, !weights.empty());
  for (std::uint32_t output = 0; output < shape.size(); ++output) {
    if (successors.degree(output) > 0 || run.done(output)) continue;
    run.begin_part();
    run.finish_part(output, rows);
    if (!run.surely_best()) others.hold(run);
  }
  ids ranks(shape.size());
  for (std::uint32_t i = 0; i < shape.size(); ++i) ranks[run.sequence()[i]] = i;
  return ranks;
}

std::uint64_t peak_live(const graph_shape& shape, std::span<const std::uint32_t> ranks,
                        std::span<const std::uint64_t> weights) {
  check_weights(shape, weights);
  if (ranks.size() != shape.size())
    throw misuse("weft: " + std::to_string(ranks.size()) + " ranks were given for a graph of " +
                 std::to_string(shape.size()) + " tasks: give one for each task");
  ids sequence(shape.size(), no_task), uses(shape.size(), 0);
  for (std::uint32_t task = 0; task < shape.size(); ++task) {
    if (ranks[task] >= shape.size() || sequence[ranks[task]] != no_task)
      throw misuse("weft: the rank " + std::to_string(ranks[task]) + " of task " + std::to_string(task) +
                   " is out of range or taken: ranks are the numbers 0 to " + std::to_string(shape.size() - 1) +
                   ", each once");
    sequence[ranks[task]] = task;
    for (const std::uint32_t input : shape.dependencies(task)) {
      ++uses[input];
      if (ranks[input] >= ranks[task])
        throw misuse("weft: task " + std::to_string(task) + " has rank " + std::to_string(ranks[task]) +
                     ", but needs task " + std::to_string(input) + " of rank " + std::to_string(ranks[input]) +
                     ": rank a task after what it needs");
    }
  }
  const auto weight = [&](std::uint32_t task) { return weights.empty() ? std::uint64_t{1} : weights[task]; };
  std::uint64_t held = 0, peak = 0;
  for (const std::uint32_t task : sequence) {
    held += weight(task);
    peak = std::max(peak, held);
    for (const std::uint32_t input : shape.dependencies(task))
      if (--uses[input] == 0) held -= weight(input);
    if (uses[task] == 0) held -= weight(task);
  }
  return peak;
}

}  // namespace weft::detail
