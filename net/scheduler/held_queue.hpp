#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <tuple>
#include <vector>

#include "scheduler/task_table.hpp"

namespace weft::net {

/// Tasks that wait here for room, smallest rank first (then the smaller id). Its links are in the tasks' records.
///
/// Tasks mostly come in the order of their ranks: those are a list, and cost a few instructions. One that comes out
/// of order goes into a pairing heap (Fredman, Sedgewick, Sleator, Tarjan 1986). The first of the queue is the first
/// of one of the two.
class held_queue {
 public:
  void push(task_table& tasks, slot t) noexcept;
  slot first(const task_table& tasks) const noexcept;
  /// The first that `counts` is true of among those that are looked at: `most` of the list, in their order, and as
  /// many of the heap, none before its parent. no_task: it is true of none of these.
  template <class Counts>
  slot first_of(const task_table& tasks, std::size_t most, Counts counts) const {
    slot best = head_;
    for (std::size_t seen = 0; best != no_task && !counts(best); best = tasks[best].next)
      if (++seen == most) {
        best = no_task;
        break;
      }
    walk_heap(tasks, most, [&](slot t) {
      if (!counts(t)) return true;
      if (best == no_task || before(tasks, t, best)) best = t;
      return false;
    });
    return best;
  }
  /// All of them, in no order.
  template <class Visit>
  void for_each(const task_table& tasks, Visit visit) const {
    for (slot t = head_; t != no_task; t = tasks[t].next) visit(t);
    walk_heap(tasks, size_, [&](slot t) {
      visit(t);
      return true;
    });
  }
  void remove(task_table& tasks, slot t) noexcept;
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }

 private:
  /// At most so many; `visit` says whether to go on below one.
  template <class Visit>
  void walk_heap(const task_table& tasks, std::size_t most, Visit visit) const {
    std::vector<slot> next;
    if (root_ != no_task) next.push_back(root_);
    for (; most != 0 && !next.empty(); --most) {
      const slot t = next.back();
      next.pop_back();
      if (tasks[t].next != no_task) next.push_back(tasks[t].next);
      if (visit(t) && tasks[t].aux != no_task) next.push_back(tasks[t].aux);
    }
  }
  static bool before(const task_table& tasks, slot a, slot b) noexcept;
  static slot meld(task_table& tasks, slot a, slot b) noexcept;
  static slot merge_children(task_table& tasks, slot parent) noexcept;

  slot head_ = no_task, tail_ = no_task, root_ = no_task;
  std::size_t size_ = 0;
};

/// The held tasks of a placement class: a queue for each submitter. The one whose first task has the highest priority
/// is served; among equals they take turns, so that a submitter of a million tasks does not keep others from theirs.
class held_tasks {
 public:
  void push(task_table& tasks, slot t);
  /// Whose turn it is; no_task if nothing is held.
  slot first(const task_table& tasks) const noexcept;
  /// The first, by priority, of each submitter's first one that `counts` is true of; `most` of each are looked at
  /// (see held_queue::first_of). Linear in the submitters, times `most`.
  template <class Counts>
  slot first_of(const task_table& tasks, std::size_t most, Counts counts) const {
    slot best = no_task;
    for (const auto& [submitter, q] : queues_) {
      const slot t = q.tasks.first_of(tasks, most, [&](slot of) { return counts(submitter, of); });
      if (t == no_task) continue;
      if (best == no_task || tasks.call(t).priority > tasks.call(best).priority) best = t;
    }
    return best;
  }
  /// All of them, in no order.
  template <class Visit>
  void for_each(const task_table& tasks, Visit visit) const {
    for (const auto& [submitter, q] : queues_) q.tasks.for_each(tasks, visit);
  }
  /// Takes one out, and passes its submitter's turn on.
  void take_first(task_table& tasks, slot t);
  void remove(task_table& tasks, slot t);
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }

 private:
  using key = std::tuple<std::int32_t, std::uint64_t, peer_id>;  // priority negated, turn, submitter
  struct queue {
    held_queue tasks;
    key at;
  };
  void settle(task_table& tasks, peer_id p, queue& q);

  std::map<peer_id, queue> queues_;  // none is empty
  std::set<key> order_;              // of all of them, while they are more than one
  std::uint64_t turn_ = 0;
  std::size_t size_ = 0;
};

}  // namespace weft::net
