// What is decided now and then, over all workers or values: copies, the cluster's size.
#include <algorithm>
#include <cmath>

#include "scheduler/core.hpp"

namespace weft::net {
namespace {

// dask.distributed's rebalance: a worker gives above the mean by this, and takes below it by this.
constexpr double rebalance_gap = 0.05, sender_least = 0.30, recipient_most = 0.60;

}  // namespace

time_ns scheduler_core::heartbeat_interval() const noexcept {
  constexpr time_ns second = 1'000'000'000;
  if (worker_count_ <= 10) return second / 2;
  if (worker_count_ < 50) return second;
  if (worker_count_ < 200) return 2 * second;
  return (static_cast<time_ns>(worker_count_) / 200 + 1) * second;
}

void scheduler_core::policies() {
  if (options_.worker_ttl > 0 && now_ >= next_ttl_) {
    const time_ns ttl = std::max(options_.worker_ttl, 10 * heartbeat_interval());
    std::vector<peer_id> silent;
    time_ns first = now_ + ttl;
    for (const worker& w : workers_) {
      if (w.peer == 0) continue;
      if (now_ - w.heard >= ttl)
        silent.push_back(w.peer);
      else
        first = std::min(first, w.heard + ttl);
    }
    next_ttl_ = first;
    for (const peer_id p : silent)
      depart(p, "nothing was heard of it for " + std::to_string(ttl / 1'000'000'000) + " s (scheduler.worker_ttl)",
             false);
  }
  if (!retirements_.empty() && now_ >= next_retire_) retire_step();
  if (options_.reduce_interval > 0 && now_ >= next_reduce_) {
    next_reduce_ = now_ + options_.reduce_interval;
    keep_all_copies();
    reduce_copies();
  }
}

// ---- copies ------------------------------------------------------------------------------------------------------

void scheduler_core::copy(slot t, worker_index to) {
  ask_for_copy(t, to);
  tasks_.add_holder(t, to, true);
}

void scheduler_core::ask_for_copy(slot t, worker_index to) {
  worker_index from = no_worker_index;
  for (const holder h : tasks_.holders(t))
    if (!h.coming()) from = h.worker();
  const peer_id p = workers_[to].peer;
  introduce(p, from);
  if (tasks_[t].has(mark_dropping)) flush(p);
  copy_value m{};
  m.id = tasks_[t].id;
  m.bytes = tasks_[t].bytes();
  m.worker = workers_[from].peer;
  tell(p, m);
}

/// A worker was to have a copy, and has refused what came. Others would too: no more are asked for.
void scheduler_core::copy_refused(slot t) {
  if (tasks_[t].state != task_state::memory) return;
  const task_id id = tasks_[t].id;
  unmovable_.insert(id);
  keep_.erase(id);
  moving_.erase(id);
}

/// To the worker with the most room that has no copy; gives it, or no_worker_index if there is none.
worker_index scheduler_core::copy_to_another(slot t) {
  if (unmovable_.contains(tasks_[t].id) || is_given(t)) return no_worker_index;
  const auto all = tasks_.holders(t);
  worker_index best = no_worker_index;
  for (const worker_index w : heap_) {
    if (!takes(workers_[w], tasks_[t].bytes())) continue;
    if (std::any_of(all.begin(), all.end(), [&](holder h) { return h.worker() == w; })) continue;
    if (best == no_worker_index || std::pair(fullness(workers_[w]), w) < std::pair(fullness(workers_[best]), best))
      best = w;
  }
  if (best != no_worker_index) copy(t, best);
  return best;
}

double scheduler_core::fullness(const worker& w, std::uint64_t more) const noexcept {
  // Workers that do not say how much they may take are compared by what they have.
  const double most = w.memory == 0 ? 1e12 : static_cast<double>(w.memory);
  return (static_cast<double>(w.value_bytes + w.expected) + static_cast<double>(more)) / most;
}

/// Some task that has not ended there takes the value.
bool scheduler_core::in_use_at(slot t, worker_index w) const {
  for (const slot d : tasks_.dependents(t))
    if (tasks_[d].state == task_state::assigned && tasks_[d].worker == w) return true;
  return false;
}

void scheduler_core::drop_copy(slot t, worker_index w) {
  remove_copy(t, w);
  drop_value(w, tasks_[t].id);
  tasks_[t].set(mark_dropping);
  ++counts_.copies_dropped;
}

void scheduler_core::replicate(time_ns now, std::span<const task_id> values, std::uint32_t copies) {
  now_ = std::max(now_, now);
  for (const task_id id : values) want_copies(id, copies);
  settle();
}

void scheduler_core::replicate(peer& from, peer_id p, const replicate_values& m) {
  if (m.copies == 0)
    throw protocol_error("weft: peer " + std::to_string(p) + " wants values on no worker; 1 is the least");
  for (const task_id id : m.tasks) own_task(p, id, "replicate");
  for (const task_id id : hold_back(from, message_kind::replicate_values, m.tasks, false, m.copies))
    want_copies(id, m.copies);
}

void scheduler_core::want_copies(task_id id, std::uint32_t copies) {
  const slot t = tasks_.find(id);
  if (t == no_task) return;
  const auto before = keep_.find(id);
  if (before == keep_.end() ? copies == 1 : before->second > copies) surplus_.push_back(id);
  if (copies > 1)
    keep_[id] = copies;
  else
    keep_.erase(id);
  keep_copies(t, copies);
}

void scheduler_core::keep_copies(slot t, std::uint32_t copies) {
  if (tasks_[t].state != task_state::memory || !is_somewhere(t)) return;
  while (tasks_.holders(t).size() < std::min<std::size_t>(copies, worker_count_))
    if (copy_to_another(t) == no_worker_index) return;
}

/// Workers may have come or gone.
void scheduler_core::keep_all_copies() {
  for (const auto& [id, copies] : keep_) keep_copies(tasks_.find(id), copies);
}

/// Drops copies beyond those that tasks use where they are and those that replicate() asked for, on the fullest
/// workers first. Never the last one, and none while another is still on its way. What a task may have been given
/// goes with it, and does not count.
void scheduler_core::reduce_copies() {
  std::vector<task_id> candidates;
  candidates.swap(surplus_);
  std::sort(candidates.begin(), candidates.end());
  candidates.erase(std::unique(candidates.begin(), candidates.end()), candidates.end());
  for (const task_id id : candidates) {
    const slot t = tasks_.find(id);
    if (t == no_task || tasks_[t].state != task_state::memory) continue;
    // Looking at what uses the value is worth it only where that is little.
    if (tasks_[t].dependents_count > options_.ahead_dependents && tasks_[t].needed_by > 0) {
      surplus_.push_back(id);
      continue;
    }
    const auto wanted = keep_.find(id);
    const std::size_t least = wanted == keep_.end() ? 1 : wanted->second;
    std::vector<worker_index> real, may_go;
    bool coming = false;
    std::size_t given = 0;
    for (const holder h : tasks_.holders(t)) {
      if (h.coming()) {
        coming = true;
      } else if (is_given(t, h.worker())) {
        ++given;
      } else {
        real.push_back(h.worker());
        if (!in_use_at(t, h.worker())) may_go.push_back(h.worker());
      }
    }
    const std::size_t there = real.size() + given;
    if (there > least && (coming || may_go.size() < there)) surplus_.push_back(id);  // later, perhaps
    if (coming || real.size() <= least) continue;
    std::sort(may_go.begin(), may_go.end(), [&](worker_index a, worker_index b) {
      const bool leaving_a = workers_[a].mode_ordered, leaving_b = workers_[b].mode_ordered;
      if (leaving_a != leaving_b) return leaving_a;
      const double full_a = fullness(workers_[a]), full_b = fullness(workers_[b]);
      return full_a != full_b ? full_a > full_b : a < b;
    });
    std::size_t left = real.size();
    for (const worker_index w : may_go)
      if (left > least) {
        drop_copy(t, w);
        --left;
      }
  }
}

void scheduler_core::rebalance(time_ns now) {
  now_ = std::max(now_, now);
  move_values();
  settle();
}

void scheduler_core::move_values() {
  if (heap_.size() < 2) return;
  double mean = 0;
  for (const worker_index w : heap_) mean += fullness(workers_[w]);
  mean /= static_cast<double>(heap_.size());
  std::vector<std::uint64_t> planned(workers_.size());
  for (const worker& w : workers_) planned[static_cast<std::size_t>(&w - workers_.data())] = w.value_bytes;
  const auto full = [&](worker_index w) {
    const double most = workers_[w].memory == 0 ? 1e12 : static_cast<double>(workers_[w].memory);
    return static_cast<double>(planned[w]) / most;
  };
  std::vector<worker_index> order(heap_);
  std::sort(order.begin(), order.end());
  for (slot t = 1; t < tasks_.end(); ++t) {
    if (tasks_[t].state != task_state::memory) continue;
    const auto all = tasks_.holders(t);
    if (all.size() != 1 || all[0].coming() || unmovable_.contains(tasks_[t].id)) continue;
    const worker_index from = all[0].worker();
    const std::uint64_t bytes = tasks_[t].bytes();
    const bool known = workers_[from].memory != 0;
    if (bytes == 0 || full(from) <= mean * (1 + rebalance_gap) || (known && full(from) < sender_least)) continue;
    worker_index to = no_worker_index;
    for (const worker_index w : order)
      if (w != from && takes(workers_[w], bytes) && (to == no_worker_index || full(w) < full(to))) to = w;
    if (to == no_worker_index || full(to) >= mean * (1 - rebalance_gap) || is_given(t)) continue;
    if (workers_[to].memory != 0 && full(to) > recipient_most) continue;
    if (planned[to] + bytes > planned[from]) continue;  // it would only change places
    planned[to] += bytes;
    planned[from] -= bytes;
    moving_[tasks_[t].id] = workers_[from].peer;
    copy(t, to);
  }
}

/// A copy has come: if it was to replace another, that one goes.
void scheduler_core::moved(slot t) {
  const auto entry = moving_.find(tasks_[t].id);
  if (entry == moving_.end()) return;
  const peer_id from = entry->second;
  moving_.erase(entry);
  if (!knows(from)) return;
  const worker_index w = peers_[from]->worker;
  if (is_at(t, w) && !in_use_at(t, w)) drop_copy(t, w);
}

// ---- the cluster's size ------------------------------------------------------------------------------------------

std::vector<peer_id> scheduler_core::workers_to_close(std::uint32_t how_many) const {
  std::vector<worker_index> order(heap_);
  std::sort(order.begin(), order.end(), [&](worker_index a, worker_index b) {
    const worker &x = workers_[a], &y = workers_[b];
    if ((x.count == 0) != (y.count == 0)) return x.count == 0;
    if (x.value_bytes != y.value_bytes) return x.value_bytes < y.value_bytes;
    return x.peer < y.peer;
  });
  // Those that stay must have room for twice of what there is.
  std::uint64_t values = 0, room = 0;
  bool known = true;
  for (const worker& w : workers_)
    if (w.peer != 0 && w.leaves()) values += w.value_bytes;
  for (const worker_index w : order) {
    values += workers_[w].value_bytes;
    room += workers_[w].memory;
    known = known && workers_[w].memory != 0;
  }
  std::vector<peer_id> close;
  for (const worker_index w : order) {
    if (close.size() >= how_many) break;
    if (workers_[w].leased != 0) continue;
    if (known && room - workers_[w].memory < 2 * values) break;
    room -= workers_[w].memory;
    close.push_back(workers_[w].peer);
  }
  return close;
}

/// Workers on their way out are none of those that there are, nor is their memory; but others will have their values.
/// What they are doing they do to its end.
std::uint32_t scheduler_core::target() const {
  std::uint64_t cost = held_cost_, runnable = 0;
  std::uint64_t values = 0, room = 0;
  std::uint32_t there = 0, slots = 0;
  for (const auto& c : classes_)
    if (c) runnable += c->all_held();
  for (const worker& w : workers_) {
    if (w.peer == 0) continue;
    values += w.value_bytes;
    if (w.leaves()) continue;
    ++there;
    slots += w.slots + w.leased;
    cost += w.occupancy;
    runnable += w.work() - w.ahead;
    room += w.memory;
  }
  // What has no record yet is taken to be like what has. A hundred million tasks of some minutes are more nanoseconds
  // than 64 bits count.
  double time = static_cast<double>(cost) * (1u << cost_shift);
  if (runnable != 0) {
    time += time / static_cast<double>(runnable) * static_cast<double>(pending_tasks_);
    runnable += pending_tasks_;
  }
  const double each = there == 0 ? 1.0 : static_cast<double>(slots) / there;
  const double work = time / static_cast<double>(options_.target_duration);
  const double cpus = std::min(std::ceil(work), static_cast<double>(runnable));
  auto target = static_cast<std::uint32_t>(std::min(std::ceil(cpus / each), 4e9));
  if (room != 0 && static_cast<double>(values) > 0.6 * static_cast<double>(room))
    target = std::max(target, 2 * there);
  if (target >= there) return target;
  return there - static_cast<std::uint32_t>(workers_to_close(there - target).size());
}

bool scheduler_core::idle(time_ns now) const noexcept {
  if (options_.idle_timeout <= 0 || now - last_event_ < options_.idle_timeout) return false;
  if (clients_ != 0 || !leases_.empty() || !behind_.empty()) return false;
  for (const auto& c : classes_)
    if (c && c->all_held() != 0) return false;
  for (const worker& w : workers_)
    if (w.peer != 0 && w.count != 0) return false;
  return true;
}

}  // namespace weft::net
