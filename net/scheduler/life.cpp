// Transitions. Whatever concerns a graph is a loop over a list of its own, never a recursion: a chain may have a
// million tasks.
#include <algorithm>
#include <string>

#include "scheduler/core.hpp"

namespace weft::net {

void scheduler_core::make_ready(slot t) {
  tasks_[t].state = task_state::ready;
  ready_.push_back(t);
}

/// Takes a task out of the queue, or from the worker, that has it.
void scheduler_core::unplace(slot t) {
  task_record& r = tasks_[t];
  if (r.state == task_state::held)
    unhold(t, false);
  else if (r.state == task_state::assigned)
    unassign(t);
}

void scheduler_core::unassign(slot t) {
  task_record& r = tasks_[t];
  worker& w = workers_[r.worker];
  (r.prev == no_task ? w.head : tasks_[r.prev].next) = r.next;
  (r.next == no_task ? w.tail : tasks_[r.next].prev) = r.prev;
  r.prev = r.next = no_task;
  const bool offer = is_offer(t);
  --w.count;
  if (offer) {
    --w.offers;
    w.offered -= offered_bytes(t);
  }
  if (offer || (r.flags & task_waits)) --w.waiting;
  if (is_urgent(t)) --w.urgent;
  w.occupancy -= r.cost;
  if (r.has(mark_ahead))
    --w.ahead;
  else
    w.filled -= std::min(r.cost, pipeline_cost_);
  if (r.has(mark_retracting)) end_retraction(t);
  const std::uint32_t options = tasks_.call(t).options;
  if (options != 0 && !offer)
    for (const auto& [resource, amount] : catalogue_.class_at(catalogue_.options_at(options).placement).resources)
      w.free[resource] += amount;
  r.unset(mark_ahead);
  r.flags &= static_cast<std::uint8_t>(~in_frontier);
  touch(r.worker);
  r.worker = 0;
  r.cost = r.aux = 0;
}

/// Says that an assigned task is not to be run after all.
void scheduler_core::stop(slot t) {
  const task_record& r = tasks_[t];
  const peer_id p = workers_[r.worker].peer;
  if (!peers_[p]->has_lists()) with_lists_.push_back(p);
  peers_[p]->stops.push_back({r.id, r.attempt, 0});
}

/// What was handed over ahead of a task that its worker does not make after all cannot stay there. The worker gives
/// back such tasks by itself when it has heard of it; they are stopped all the same, so that nothing depends on which
/// message comes first.
void scheduler_core::take_back_dependents(slot root) {
  scratch_.assign(1, root);
  while (!scratch_.empty()) {
    const slot t = scratch_.back();
    scratch_.pop_back();
    for (const slot d : tasks_.dependents(t)) take_back(d);
  }
}

/// Takes back one task that is ahead, and leaves those that are ahead of it in scratch_.
void scheduler_core::take_back(slot t) {
  task_record& r = tasks_[t];
  if (r.state != task_state::assigned || !r.has(mark_ahead)) return;
  if (workers_[r.worker].peer != 0) stop(t);
  unassign(t);
  r.state = task_state::waiting;
  ++counts_.taken_back;
  scratch_.push_back(t);
}

/// An unfinished task does not need its inputs any longer.
void scheduler_core::end_needs(slot t) {
  for (const slot i : tasks_.inputs(t)) {
    if (--tasks_[i].needed_by != 0) continue;
    tasks_.drop_value(i);
    loose_.push_back(i);
  }
}

/// Runs a task that has no value (any more), and what it needs for that.
void scheduler_core::revive(slot root) {
  revived_.assign(1, root);
  tree_.clear();  // those whose inputs have failed, and one such input
  std::vector<std::pair<slot, slot>> doomed;
  std::vector<slot> behind;  // coroutines, and what may be behind one
  while (!revived_.empty()) {
    const slot t = revived_.back();
    revived_.pop_back();
    task_record& r = tasks_[t];
    if (unfinished(r.state) || r.state == task_state::memory) continue;
    if (r.state == task_state::failed) drop_failure(r.worker);
    r.state = task_state::waiting;
    count_unfinished(r, true);
    if (r.behind_coroutine) behind.push_back(t);
    r.waiting_on = 0;
    slot cause = no_task;
    for (const slot i : tasks_.inputs(t)) {
      task_record& input = tasks_[i];
      ++input.needed_by;
      if (input.state == task_state::memory) continue;
      ++r.waiting_on;
      if (input.state == task_state::released) revived_.push_back(i);
      if (input.state == task_state::failed || input.state == task_state::cancelled) cause = i;
    }
    if (cause != no_task)
      doomed.emplace_back(t, cause);
    else if (r.waiting_on == 0)
      make_ready(t);
  }
  // What was submitted while they had values waits for them now.
  while (!behind.empty()) {
    const slot t = behind.back();
    behind.pop_back();
    for (const slot d : tasks_.dependents(t)) {
      task_record& r = tasks_[d];
      if (!unfinished(r.state) || r.behind_coroutine) continue;
      count_unfinished(r, false);
      r.behind_coroutine = true;
      behind.push_back(d);
    }
  }
  for (const auto& [t, cause] : doomed) {
    if (!unfinished(tasks_[t].state)) continue;
    const bool failed = tasks_[cause].state == task_state::failed;
    end_tree(t, failed ? task_state::failed : task_state::cancelled, failed ? tasks_[cause].worker : 0, false, cause);
  }
}

/// Nobody has the value any more.
void scheduler_core::lose_value(slot t, std::string_view why) {
  task_record& r = tasks_[t];
  tasks_.clear_holders(t);
  tasks_.drop_value(t);
  r.set_bytes(0);
  r.state = task_state::released;
  std::vector<slot> ahead;
  for (const slot d : tasks_.dependents(t)) {
    task_record& dependent = tasks_[d];
    if (!unfinished(dependent.state)) continue;
    ++dependent.waiting_on;
    if (dependent.state == task_state::held) unplace(d);
    if (dependent.state != task_state::assigned) {
      dependent.state = task_state::waiting;
    } else if (dependent.has(mark_ahead)) {
      // It has not begun, and what it waits for is not all made where it is.
      scratch_.clear();
      take_back(d);
      ahead.insert(ahead.end(), scratch_.begin(), scratch_.end());
    } else if (!(dependent.flags & task_once)) {
      // It cannot begin before the value is made again, and until then it must not keep a slot, or resources, from
      // what makes the value. Should it have begun after all, it begins anew.
      if (workers_[dependent.worker].peer != 0) stop(d);
      unassign(d);
      dependent.state = task_state::waiting;
      ++counts_.taken_back;
      ahead.push_back(d);
    }
  }
  for (const slot d : ahead) take_back_dependents(d);
  ++catalogue_.function_at(tasks_.call(t).function).lost;
  if (!needed(r)) {
    loose_.push_back(t);
  } else if (r.flags & task_once) {
    end_tree(t, task_state::failed,
             add_failure(function_name(t), "weft::lost",
                         "weft: the value of " + key_of(t) + " was lost (" + std::string(why) +
                             "), and the task may not run twice",
                         ""),
             false);
  } else {
    ++counts_.restarted;
    if (r.flags & task_wanted) tell_restarted(t);
    revive(t);
  }
}

/// Ends a task without a value, and with it every unfinished task that depends on it. For `failed`, `failure_index`
/// says why, and `cause` is the input to blame. `told`: the worker has ended it already, and need not be asked to
/// stop.
void scheduler_core::end_tree(slot root, task_state end, std::uint32_t failure_index, bool told, slot first_cause) {
  if (end == task_state::failed) {
    failure& why = failures_[failure_index];
    ++why.references;
    if (why.path.empty()) why.path = key_of(root);
  }
  std::vector<std::pair<slot, slot>> stack;
  stack.swap(tree_);
  stack.assign(1, {root, first_cause});
  while (!stack.empty()) {
    const auto [t, cause] = stack.back();
    stack.pop_back();
    task_record& r = tasks_[t];
    if (!unfinished(r.state) && !(t == root && r.state == task_state::released)) continue;
    if (r.state == task_state::assigned && !(told && t == root)) stop(t);
    unplace(t);
    if (unfinished(r.state)) {
      end_needs(t);
      count_unfinished(r, false);
    }
    r.state = end;
    r.unset(mark_asked);
    if (end == task_state::failed) {
      r.worker = failure_index;
      ++failures_[failure_index].references;
      r.aux = cause;
      ++counts_.failed;
      ++catalogue_.function_at(tasks_.call(t).function).failed;
      if (r.flags & task_wanted) tell_failed(t);
    } else {
      ++counts_.cancelled;
      if (r.flags & task_wanted) tell_cancelled(t);
    }
    loose_.push_back(t);
    for (const slot d : tasks_.dependents(t))
      if (unfinished(tasks_[d].state)) stack.emplace_back(d, t);
  }
  stack.swap(tree_);
  tree_.clear();
  if (end == task_state::failed) drop_failure(failure_index);
}

/// Looks at all tasks that somebody may have needed last.
void scheduler_core::tidy() {
  while (!loose_.empty()) {
    const slot t = loose_.back();
    loose_.pop_back();
    tidy_one(t);
  }
}

void scheduler_core::tidy_one(slot t) {
  task_record& r = tasks_[t];
  if (!alive(r.state)) return;
  if (!needed(r)) {
    if (unfinished(r.state)) {
      if (r.state == task_state::assigned) stop(t);
      unplace(t);
      end_needs(t);
      count_unfinished(r, false);
      r.state = task_state::released;
    } else if (r.state == task_state::memory) {
      drop_everywhere(t);
      r.state = task_state::released;
    }
  }
  if ((r.flags & task_wanted) == 0 && !r.has(mark_floating) && tasks_.living_dependents(t) == 0) forget(t);
}

void scheduler_core::forget(slot t) {
  const task_record& r = tasks_[t];
  tell_unneeded(t);
  if (r.state == task_state::failed) drop_failure(r.worker);
  if (r.has(mark_deadline)) deadlines_.erase(t);
  if (r.has(mark_blamed)) blame_.erase(t);
  if (!keep_.empty()) keep_.erase(r.id);
  if (!moving_.empty()) moving_.erase(r.id);
  if (!unmovable_.empty()) unmovable_.erase(r.id);
  for (const slot i : tasks_.inputs(t)) loose_.push_back(i);
  if (const std::uint32_t o = tasks_.call(t).options; o != 0) catalogue_.drop(o);
  tasks_.forget(t);
}

std::uint32_t scheduler_core::add_failure(std::string function, std::string type, std::string what, std::string path,
                                          std::uint32_t flags) {
  std::uint32_t f;
  if (free_failures_.empty()) {
    f = static_cast<std::uint32_t>(failures_.size());
    failures_.emplace_back();
  } else {
    f = free_failures_.back();
    free_failures_.pop_back();
  }
  failures_[f] = {std::move(function), std::move(type), std::move(what), std::move(path), flags, 0};
  return f;
}

void scheduler_core::drop_failure(std::uint32_t f) {
  if (--failures_[f].references != 0) return;
  failures_[f] = {};
  free_failures_.push_back(f);
}

}  // namespace weft::net
