// Workers short of memory, where no other may have what is held.
#include <algorithm>

#include "scheduler/core.hpp"

namespace weft::net {

/// Whether a worker is paused that may have tasks of a class.
bool scheduler_core::is_paused_for(const worker& w, std::uint32_t in_class) const {
  if (w.peer == 0 || w.mode != worker_mode::paused || w.slots == 0 || !classes_[in_class]) return false;
  const placement_class& wanted = catalogue_.class_at(in_class);
  return meets(w, wanted, wanted.loose);
}

/// Whether a paused worker may be the one for held tasks of a class: none that is running may have them.
bool scheduler_core::would_run(const worker& w, std::uint32_t in_class) const {
  return is_paused_for(w, in_class) && classes_[in_class]->all_held() != 0 && classes_[in_class]->eligible.empty();
}

bool scheduler_core::waits_for_paused(std::uint32_t in_class) const {
  return std::any_of(workers_.begin(), workers_.end(), [&](const worker& w) { return would_run(w, in_class); });
}

/// Held tasks may be what frees the memory for want of which all workers that may have them are paused: each of these
/// that has no task is given one. Coroutines do not count as such, since they may wait for just what is held: that,
/// what tasks have submitted, comes first then, and no further coroutine of somebody else is begun. Nor do offers:
/// one may be under way to each worker besides, also where others are running that have no memory for it.
void scheduler_core::fill_paused() {
  if (paused_ == 0) return;
  const auto is_worker = [&](peer_id p, slot) { return peers_[p] && peers_[p]->worker != no_worker_index; };
  for (worker_index index = 0; index < workers_.size(); ++index) {
    const worker& w = workers_[index];
    if (w.peer == 0 || w.mode != worker_mode::paused || w.count != w.waiting) continue;
    const std::uint32_t coroutines = w.waiting - w.offers;
    slot offer = no_task, best = no_task;
    const auto consider = [&](slot t, slot& than) {
      if (than == no_task || tasks_.call(t).priority > tasks_.call(than).priority) than = t;
    };
    // One that fits into none goes to who says so.
    const auto may_have = [&](slot t, std::uint32_t c) {
      return is_reached(t, w) && (has_memory_for(w, offered_bytes(t)) || !may_hold_later(t, c));
    };
    for (std::uint32_t c = 0; c < classes_.size(); ++c) {
      if (!is_paused_for(w, c)) continue;
      const class_state& state = *classes_[c];
      if (w.offers == 0 && w.takes_offers && !state.offers.empty())
        if (const slot t = state.offers.first_of(tasks_, [&](peer_id, slot of) { return may_have(of, c); });
            t != no_task)
          consider(t, offer);
      if (!state.eligible.empty() || state.held.empty() || (c != 0 && !has_resources(w, c))) continue;
      slot t = coroutines == 0 ? no_task : state.held.first_of(tasks_, is_worker);
      if (t == no_task) {
        t = state.held.first(tasks_);
        if (coroutines != 0 && (tasks_[t].flags & task_waits)) continue;
      }
      if ((tasks_[t].flags & task_waits) && coroutines >= options_.most_pipelined) continue;
      consider(t, best);
    }
    for (const slot t : {offer, best})
      if (t != no_task) {
        unhold(t, true);
        assign(t, index, false);
      }
  }
}

}  // namespace weft::net
