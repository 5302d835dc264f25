#include "scheduler/held_queue.hpp"

namespace weft::net {

bool held_queue::before(const task_table& tasks, slot a, slot b) noexcept {
  const std::uint64_t ra = tasks.call(a).rank, rb = tasks.call(b).rank;
  return ra != rb ? ra < rb : tasks[a].id < tasks[b].id;
}

void held_queue::push(task_table& tasks, slot t) noexcept {
  task_record& r = tasks[t];
  ++size_;
  if (tail_ == no_task || !before(tasks, t, tail_)) {
    r.prev = tail_;
    r.next = no_task;
    (tail_ == no_task ? head_ : tasks[tail_].next) = t;
    tail_ = t;
    return;
  }
  r.set(mark_in_heap);
  r.prev = r.next = r.aux = no_task;
  root_ = root_ == no_task ? t : meld(tasks, root_, t);
}

slot held_queue::first(const task_table& tasks) const noexcept {
  if (root_ == no_task) return head_;
  if (head_ == no_task) return root_;
  return before(tasks, root_, head_) ? root_ : head_;
}

void held_queue::remove(task_table& tasks, slot t) noexcept {
  task_record& r = tasks[t];
  --size_;
  if (!r.has(mark_in_heap)) {
    (r.prev == no_task ? head_ : tasks[r.prev].next) = r.next;
    (r.next == no_task ? tail_ : tasks[r.next].prev) = r.prev;
  } else {
    r.unset(mark_in_heap);
    const slot below = merge_children(tasks, t);
    if (t == root_) {
      root_ = below;
    } else {
      // `prev` of a first child is its parent, of the others the sibling before.
      task_record& before_it = tasks[r.prev];
      (before_it.aux == t ? before_it.aux : before_it.next) = r.next;
      if (r.next != no_task) tasks[r.next].prev = r.prev;
      if (below != no_task) root_ = meld(tasks, root_, below);
    }
  }
  r.prev = r.next = r.aux = no_task;
}

slot held_queue::meld(task_table& tasks, slot a, slot b) noexcept {
  if (before(tasks, b, a)) {
    const slot c = a;
    a = b;
    b = c;
  }
  task_record &ra = tasks[a], &rb = tasks[b];
  rb.next = ra.aux;
  if (ra.aux != no_task) tasks[ra.aux].prev = b;
  rb.prev = a;
  ra.aux = b;
  ra.prev = ra.next = no_task;
  return a;
}

slot held_queue::merge_children(task_table& tasks, slot parent) noexcept {
  // Pairs from the left, kept as a list through `prev`; then all into one from the right.
  slot pairs = no_task;
  for (slot a = tasks[parent].aux; a != no_task;) {
    const slot b = tasks[a].next;
    const slot rest = b == no_task ? no_task : tasks[b].next;
    const slot both = b == no_task ? a : meld(tasks, a, b);
    tasks[both].prev = pairs;
    pairs = both;
    a = rest;
  }
  slot whole = no_task;
  while (pairs != no_task) {
    const slot before_it = tasks[pairs].prev;
    tasks[pairs].prev = tasks[pairs].next = no_task;
    whole = whole == no_task ? pairs : meld(tasks, whole, pairs);
    pairs = before_it;
  }
  tasks[parent].aux = no_task;
  return whole;
}

// ---- submitters in turns -----------------------------------------------------------------------------------------

void held_tasks::push(task_table& tasks, slot t) {
  const peer_id p = submitter_of(tasks[t].id);
  queue& q = queues_.try_emplace(p).first->second;
  q.tasks.push(tasks, t);
  ++size_;
  settle(tasks, p, q);
}

slot held_tasks::first(const task_table& tasks) const noexcept {
  if (queues_.empty()) return no_task;
  const auto q = queues_.size() == 1 ? queues_.begin() : queues_.find(std::get<2>(*order_.begin()));
  return q->second.tasks.first(tasks);
}

void held_tasks::take_first(task_table& tasks, slot t) {
  if (queues_.size() > 1) {
    queue& q = queues_.find(submitter_of(tasks[t].id))->second;
    order_.erase(q.at);
    std::get<1>(q.at) = ++turn_;
    order_.insert(q.at);
  }
  remove(tasks, t);
}

void held_tasks::remove(task_table& tasks, slot t) {
  const peer_id p = submitter_of(tasks[t].id);
  const auto q = queues_.find(p);
  q->second.tasks.remove(tasks, t);
  --size_;
  if (!q->second.tasks.empty()) return settle(tasks, p, q->second);
  order_.erase(q->second.at);
  queues_.erase(q);
  if (queues_.size() == 1) order_.clear();
}

/// Sees to it that a queue stands where its first task's priority says.
void held_tasks::settle(task_table& tasks, peer_id p, queue& q) {
  if (queues_.size() == 1) {
    q.at = {0, turn_, p};
    return;
  }
  if (order_.empty())  // there are two now
    for (auto& [other, other_queue] : queues_) {
      std::get<0>(other_queue.at) = -tasks.call(other_queue.tasks.first(tasks)).priority;
      std::get<2>(other_queue.at) = other;
      order_.insert(other_queue.at);
    }
  const std::int32_t priority = -tasks.call(q.tasks.first(tasks)).priority;
  if (order_.contains(q.at) && std::get<0>(q.at) == priority) return;
  order_.erase(q.at);
  if (std::get<2>(q.at) != p) q.at = {priority, ++turn_, p};
  std::get<0>(q.at) = priority;
  order_.insert(q.at);
}

}  // namespace weft::net
