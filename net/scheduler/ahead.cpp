// Handing over ahead: tasks go to a worker before their inputs are made, where none would begin them sooner.
#include <algorithm>

#include "scheduler/core.hpp"
#include "scheduler/input_places.hpp"

namespace weft::net {

void scheduler_core::hand_over() {
  for (std::size_t i = 0; i < handed_.size(); ++i) hand_over_dependents(handed_[i]);
  handed_.clear();
  for (const slot t : candidates_) consider_ahead(t);
  candidates_.clear();
}

/// Looks at the tasks that take what a worker is to make. False if the window of that worker is full: then the task
/// is looked at again when there is room.
bool scheduler_core::hand_over_dependents(slot t) {
  const task_record& r = tasks_[t];
  if (r.state != task_state::assigned || r.dependents_count > options_.ahead_dependents) return true;
  worker& w = workers_[r.worker];
  for (const slot d : tasks_.dependents(t)) {
    if (tasks_[d].state != task_state::waiting) continue;
    if (is_far_ahead(w)) {
      look_again(t);
      return false;
    }
    consider_ahead(d);
  }
  return true;
}

/// The dependents of an assigned task are to be looked at when its worker's window has room.
void scheduler_core::look_again(slot t) {
  task_record& r = tasks_[t];
  if (r.flags & in_frontier) return;
  r.flags |= in_frontier;
  workers_[r.worker].frontier.emplace_back(t, r.attempt);
}

/// Gives a task to the worker that is to make all inputs that it lacks, if no other has more of its inputs.
bool scheduler_core::consider_ahead(slot t) {
  const task_record& r = tasks_[t];
  if (r.state != task_state::waiting || r.inputs_count > options_.ahead_inputs) return false;
  worker_index w = no_worker_index;
  bool apart = false;
  std::uint64_t here = 0, most_elsewhere = 0;
  for (const slot i : tasks_.inputs(t)) {
    const task_record& input = tasks_[i];
    if (input.state == task_state::memory) continue;
    // What is being given back is not made there; and what its client may be slow to give is to keep nobody busy.
    if (input.state != task_state::assigned || input.has(mark_retracting) || is_offer(i)) return false;
    apart = apart || (w != no_worker_index && input.worker != w);
    w = input.worker;
    here += static_cast<std::uint64_t>(catalogue_.function_at(tasks_.call(i).function).bytes) + 1;
  }
  if (w == no_worker_index) return false;
  const std::uint32_t c = class_of(t);
  if (c != 0 && !catalogue_.class_at(c).resources.empty()) return false;
  if (apart) return consider_apart(t, c);
  if (workers_[w].heap_at == nowhere || (c != 0 && !classes_[c]->can[w])) return false;
  if (is_producer(t)) return false;
  for (const slot i : tasks_.inputs(t)) {
    const task_record& input = tasks_[i];
    if (input.state != task_state::memory) continue;
    bool held_here = false;
    for (const holder h : tasks_.holders(i)) held_here = held_here || h.worker() == w;
    (held_here ? here : most_elsewhere) += input.bytes() + 1;
  }
  if (most_elsewhere > here) return false;
  if (!has_room_ahead(t, w)) return false;
  if (waits_longer_there(t, w, here)) return false;
  assign(t, w, true);
  return true;
}

/// Whether the window of a worker is full, or a part of it: it has so many tasks ahead of their inputs, and work for
/// so long. Of short tasks more are needed, or they end before the next ones are there.
bool scheduler_core::is_far_ahead(const worker& w, std::uint32_t part) const noexcept {
  const std::uint32_t window = options_.ahead * w.slots;
  if (w.ahead < (window + part - 1) / part) return false;
  return window == 0 || w.ahead >= options_.most_pipelined * w.slots / part ||
         queue_time(w) >= options_.pipeline / part;
}

/// False: the window of that worker is full. When it has room the task is looked at again, if an input is made there.
bool scheduler_core::has_room_ahead(slot t, worker_index w) {
  if (!is_far_ahead(workers_[w])) return true;
  for (const slot i : tasks_.inputs(t))
    if (tasks_[i].state == task_state::assigned && tasks_[i].worker == w) {
      look_again(i);
      break;
    }
  return false;
}

/// Gives a task whose inputs are being made on several workers to the one of them that has most, unless another would
/// begin it sooner. The others push what they make there: so small values alone.
bool scheduler_core::consider_apart(slot t, std::uint32_t in_class) {
  input_places of;
  std::uint64_t bytes = 0;
  for (const slot i : tasks_.inputs(t)) {
    const task_record& input = tasks_[i];
    if (input.state == task_state::memory) {
      const auto all = tasks_.holders(i);
      for (const holder h : all.first(std::min(all.size(), most_holders_seen))) of.add(h.worker(), input.bytes() + 1);
      bytes += input.bytes();
      continue;
    }
    const catalogue::function& f = catalogue_.function_at(tasks_.call(i).function);
    if (f.run_time <= 0 || f.bytes > static_cast<double>(options_.most_pushed)) return false;
    of.add(input.worker, static_cast<std::uint64_t>(f.bytes) + 1);
    bytes += static_cast<std::uint64_t>(f.bytes);
  }
  const auto can = [&](worker_index w) {
    return workers_[w].heap_at != nowhere && (in_class == 0 || classes_[in_class]->can[w]);
  };
  const auto sooner = [&](worker_index a, worker_index b) {
    return queue_time(workers_[a]) < queue_time(workers_[b]);
  };
  const worker_index w = of.best(can, sooner);
  if (w == no_worker_index) return false;
  if (!has_room_ahead(t, w)) return false;
  if (queue_time(workers_[w]) > queue_time(workers_[heap_[0]]) + transfer_time(bytes)) return false;
  assign(t, w, true);
  return true;
}

/// Whether a task that is handed over to `w` ahead of its inputs would start there later than elsewhere, where it
/// begins when they are made and have been moved: because of what `w` is given between them and it.
bool scheduler_core::waits_longer_there(slot t, worker_index index, std::uint64_t bytes) const {
  constexpr int most_walked = 64;
  const worker& w = workers_[index];
  const time_ns moved = transfer_time(bytes);
  if (queue_time(w) <= queue_time(workers_[heap_[0]]) + moved) return false;
  const auto inputs = tasks_.inputs(t);
  std::uint64_t between = 0;
  slot at = w.tail;
  for (int k = 0; k < most_walked && at != no_task && std::find(inputs.begin(), inputs.end(), at) == inputs.end();
       ++k) {
    between += tasks_[at].cost;
    at = tasks_[at].prev;
  }
  return static_cast<time_ns>((between << cost_shift) / w.slots) > moved;
}

}  // namespace weft::net
