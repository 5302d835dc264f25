// Workers with nothing to do take from those with the longest queues: in batches, and only what has not begun, which
// the worker that has it decides (retract_tasks). What it gives back goes to the worker it was asked for.
#include <algorithm>

#include "scheduler/core.hpp"

namespace weft::net {

/// How many of its tasks a worker keeps: as many as it runs at once. A paused one begins no other than it must.
std::uint32_t scheduler_core::kept_from_thieves(const worker& w) const noexcept {
  return w.mode == worker_mode::paused ? std::clamp(w.last.running, 1u, std::max(1u, w.slots)) : w.slots;
}

void scheduler_core::end_retraction(slot t) {
  task_record& r = tasks_[t];
  r.unset(mark_retracting);
  --workers_[r.worker].leaving;
  // The thief may have gone, and another have its place: then a task more or less is counted as coming to it.
  if (r.aux < workers_.size() && workers_[r.aux].coming > 0) --workers_[r.aux].coming;
  r.aux = 0;
}

void scheduler_core::steal() {
  if (!heap_.empty() && crowded_) {
    const worker& emptiest = workers_[heap_[0]];
    if (emptiest.work() + emptiest.coming < emptiest.slots) hungry_ = true;
  }
  if (!hungry_ || now_ < next_steal_) return;
  hungry_ = crowded_ = false;
  if (worker_count_ < 2) return;
  std::vector<worker_index> thieves, victims;
  for (worker_index index = 0; index < workers_.size(); ++index) {
    const worker& w = workers_[index];
    if (w.peer == 0) continue;
    if (w.heap_at != ~std::uint32_t{0} && w.work() + w.coming < w.slots) thieves.push_back(index);
    const std::uint32_t kept = kept_from_thieves(w);
    if (w.work() - w.ahead > kept) {
      crowded_ = true;
      const bool worth_it = w.mode == worker_mode::paused || queue_time(w) >= options_.steal_least;
      if (w.work() - w.ahead > kept + w.leaving && worth_it) victims.push_back(index);
    }
  }
  next_steal_ = now_ + options_.steal_interval;
  if (thieves.empty() || victims.empty()) {
    hungry_ = !thieves.empty() && crowded_;
    if (hungry_) next_steal_ = now_ + options_.steal_interval * 10;
    return;
  }
  std::sort(victims.begin(), victims.end(), [&](worker_index a, worker_index b) {
    const time_ns ta = queue_time(workers_[a]), tb = queue_time(workers_[b]);
    return ta != tb ? ta > tb : a < b;
  });
  std::size_t next = 0;
  std::uint32_t asked = 0;
  for (const worker_index thief : thieves) {
    // Each thief tries the longest queue, and then others as far as it takes; victims take turns among thieves.
    for (std::size_t k = 0; k < victims.size() && k < 4; ++k) {
      const std::uint32_t n = steal_from(victims[(next + k) % victims.size()], thief);
      asked += n;
      if (n != 0) break;
    }
    next = (next + 1) % victims.size();
  }
  hungry_ = crowded_;
  if (asked == 0) next_steal_ = now_ + options_.steal_interval * 10;
}

std::uint32_t scheduler_core::steal_from(worker_index from, worker_index thief) {
  worker& victim = workers_[from];
  worker& to = workers_[thief];
  const std::uint32_t runnable = victim.work() - victim.ahead;
  const std::uint32_t kept = kept_from_thieves(victim) + victim.leaving;
  if (runnable <= kept) return 0;
  const std::uint32_t waiting = runnable - kept;
  const std::uint32_t most = std::min(options_.steal_most, (waiting + 1) / 2);
  const time_ns gain = queue_time(victim) - queue_time(to);
  const peer_id p = victim.peer;
  std::uint32_t asked = 0, seen = 0;
  for (slot t = victim.tail; t != no_task && asked < most && seen < 4 * most + 64; t = tasks_[t].prev, ++seen) {
    task_record& r = tasks_[t];
    if (r.has(mark_ahead) || r.has(mark_retracting) || is_offer(t)) continue;
    if (const std::uint32_t c = class_of(t); c != 0 && (!classes_[c]->can[thief] || !has_resources(to, c))) continue;
    std::uint64_t missing_bytes = 0;
    for (const slot i : tasks_.inputs(t).first(std::min<std::size_t>(r.inputs_count, options_.ahead_inputs)))
      if (tasks_[i].state == task_state::memory && !is_at(i, thief)) missing_bytes += tasks_[i].bytes() + 1;
    if (missing_bytes != 0 && options_.transfer_latency + static_cast<time_ns>(static_cast<double>(missing_bytes) /
                                                                               options_.bytes_per_second * 1e9) >=
                                  gain)
      continue;
    if (!peers_[p]->has_lists()) with_lists_.push_back(p);
    peers_[p]->retracts.push_back({r.id, r.attempt, 0});
    r.set(mark_retracting);
    r.aux = thief;
    ++to.coming;
    ++victim.leaving;
    ++asked;
  }
  counts_.steals_asked += asked;
  return asked;
}

}  // namespace weft::net
