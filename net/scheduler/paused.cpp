// Workers short of memory, where no other may have what is held.
#include <algorithm>

#include "scheduler/core.hpp"

namespace weft::net {

/// Whether a paused worker may be the one for held tasks of a class: none that is running may have them.
bool scheduler_core::would_run(const worker& w, std::uint32_t in_class) const {
  if (w.peer == 0 || w.mode != worker_mode::paused || w.slots == 0 || !classes_[in_class]) return false;
  const class_state& state = *classes_[in_class];
  const placement_class& wanted = catalogue_.class_at(in_class);
  return !state.held.empty() && state.eligible.empty() && meets(w, wanted, wanted.loose);
}

bool scheduler_core::waits_for_paused(std::uint32_t in_class) const {
  return std::any_of(workers_.begin(), workers_.end(), [&](const worker& w) { return would_run(w, in_class); });
}

/// Held tasks may be what frees the memory for want of which all workers that may have them are paused: each of these
/// that has no task is given one. Coroutines do not count as such, since they may wait for just what is held: that,
/// what tasks have submitted, comes first then, and no further coroutine of somebody else is begun.
void scheduler_core::fill_paused() {
  if (paused_ == 0) return;
  const auto is_worker = [&](peer_id p) { return peers_[p] && peers_[p]->worker != no_worker_index; };
  for (worker_index index = 0; index < workers_.size(); ++index) {
    const worker& w = workers_[index];
    if (w.peer == 0 || w.mode != worker_mode::paused || w.count != w.waiting) continue;
    slot best = no_task;
    for (std::uint32_t c = 0; c < classes_.size(); ++c) {
      if (!would_run(w, c) || (c != 0 && !has_resources(w, c))) continue;
      const held_tasks& held = classes_[c]->held;
      slot t = w.waiting == 0 ? no_task : held.first_of(tasks_, is_worker);
      if (t == no_task) {
        t = held.first(tasks_);
        if (w.waiting != 0 && (tasks_[t].flags & task_waits)) continue;
      }
      if ((tasks_[t].flags & task_waits) && w.waiting >= options_.most_pipelined) continue;
      if (best == no_task || tasks_.call(t).priority > tasks_.call(best).priority) best = t;
    }
    if (best == no_task) continue;
    unhold(best, true);
    assign(best, index, false);
  }
}

}  // namespace weft::net
