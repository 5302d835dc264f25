// Workers on their way out: they are given nothing more, and go when others have what only they had.
//
// What a worker has to hand over is found by a walk over all tasks: when it was let go, and once more when all that
// was found is elsewhere and its tasks have ended; these have left values too, and others may have lost theirs. If
// that walk finds nothing the worker goes. One walk serves all workers that need one at a time. Between the walks
// only what they have found is looked at, and of that so much at a step that the scheduler goes on with other things:
// with a million tasks a walk takes 6 ms, and a step, which is made ten times a second, 4 ms where 90 workers take
// over.
#include <algorithm>

#include "scheduler/core.hpp"

namespace weft::net {
namespace {

constexpr time_ns retire_interval = 100'000'000;
/// Values that are looked at in a step, over all workers on their way out; and at least of each.
constexpr std::size_t most_looked_at = 8192, least_looked_at = 64;
/// Values of one worker, in a step, for which no other has room: then the others wait for the next step.
constexpr std::size_t most_refused = 64;

}  // namespace

void scheduler_core::retire(time_ns now, peer_id p) {
  now_ = std::max(now_, now);
  if (!knows(p) || peers_[p]->worker == no_worker_index) return;
  let_go(peers_[p]->worker);
  settle();
}

bool scheduler_core::retire(time_ns now, std::string_view name) {
  now_ = std::max(now_, now);
  const bool there = let_go(name);
  settle();
  return there;
}

bool scheduler_core::let_go(std::string_view name) {
  bool there = false;
  for (worker_index w = 0; w < workers_.size(); ++w)
    if (workers_[w].peer != 0 && (workers_[w].name == name || workers_[w].address == name)) {
      there = true;
      let_go(w);
    }
  return there;
}

void scheduler_core::let_go(worker_index index) {
  worker& w = workers_[index];
  if (w.mode_ordered) return;
  w.mode_ordered = true;
  retirements_.emplace_back().worker = index;
  next_retire_ = now_;
  set_mode m{};
  m.mode = static_cast<std::uint8_t>(worker_mode::retiring);
  tell(w.peer, m);
  set_worker_mode(index, worker_mode::retiring);
}

/// The worker has gone.
void scheduler_core::end_retirement(worker_index w) {
  const auto at =
      std::find_if(retirements_.begin(), retirements_.end(), [&](const retirement& r) { return r.worker == w; });
  for (retirement::value& v : at->values) forget_request(v);
  retirements_.erase(at);
}

void scheduler_core::retire_step() {
  next_retire_ = now_ + retire_interval;
  const std::size_t each = std::max(least_looked_at, most_looked_at / retirements_.size());
  std::vector<retirement*> empty(workers_.size());  // by worker: those whose values are to be looked for
  bool any = false;
  for (retirement& r : retirements_) {
    hand_over(r, each);
    if (!r.values.empty() || (r.looked && workers_[r.worker].count != 0)) continue;
    empty[r.worker] = &r;
    any = true;
  }
  if (!any) return;
  find_values(empty);
  std::vector<peer_id> go;
  for (retirement* r : empty) {
    if (!r) continue;
    hand_over(*r, each);
    if (r->values.empty() && workers_[r->worker].count == 0) go.push_back(workers_[r->worker].peer);
  }
  for (const peer_id p : go) depart(p, "it was retired", true);
}

/// The values of these workers that are at no other worker which stays, but for those that go with the last task that
/// takes them: nobody makes copies of these.
void scheduler_core::find_values(const std::vector<retirement*>& of) {
  for (retirement* r : of)
    if (r) r->looked = true;
  for (slot t = 1; t < tasks_.end(); ++t) {
    if (tasks_[t].state != task_state::memory) continue;
    const auto all = tasks_.holders(t);
    if (std::any_of(all.begin(), all.end(),
                    [&](holder h) { return !h.coming() && !workers_[h.worker()].mode_ordered; }) ||
        is_given(t))
      continue;
    for (const holder h : all)
      if (!h.coming() && of[h.worker()]) of[h.worker()]->values.push_back({tasks_[t].id});
  }
}

/// Asks others to take values over, and forgets those that they have.
void scheduler_core::hand_over(retirement& r, std::size_t most) {
  std::size_t refused = 0;
  for (std::size_t k = std::min(most, r.values.size()); k > 0 && refused < most_refused; --k) {
    retirement::value v = r.values.front();
    r.values.pop_front();
    if (is_over(v, r.worker)) continue;
    refused += v.asked == 0;
    r.values.push_back(v);
  }
}

/// Whether others have a value, or its last task, or nobody wants it. Else somebody is asked to take it over, once;
/// with nobody `asked` is 0.
bool scheduler_core::is_over(retirement::value& v, worker_index from) {
  const slot t = tasks_.find(v.id);
  bool over = t == no_task || tasks_[t].state != task_state::memory || !is_at(t, from) || is_given(t);
  worker_index to = no_worker_index;
  if (!over)
    for (const holder h : tasks_.holders(t)) {
      if (workers_[h.worker()].mode_ordered) continue;
      if (!h.coming())
        over = true;
      else if (to == no_worker_index || workers_[h.worker()].peer == v.asked)
        to = h.worker();
    }
  if (!over && to != no_worker_index && workers_[to].peer == v.asked) return false;
  forget_request(v);
  if (over) return true;
  if (unmovable_.contains(v.id)) return make_elsewhere(t, from);
  if (to == no_worker_index) {
    to = copy_to_another(t);
    if (to == no_worker_index) return false;
  } else {
    // It was to come for a task, which may have gone.
    ask_for_copy(t, to);
  }
  v.asked = workers_[to].peer;
  v.bytes = tasks_[t].bytes();
  workers_[to].expected += v.bytes;
  return false;
}

/// What no other worker takes from those that are to go is made again by one that stays. What tasks use where it is
/// waits for them; what may not run twice holds its worker.
bool scheduler_core::make_elsewhere(slot t, worker_index from) {
  if (heap_.empty() || is_made_once(t) || in_use_at(t, from)) return false;
  std::vector<worker_index> have;
  for (const holder h : tasks_.holders(t))
    if (!h.coming()) have.push_back(h.worker());
  for (const worker_index w : have) drop_copy(t, w);
  lose_value(t, "no other worker takes it from worker " + workers_[from].name + ", which is to go");
  return true;
}

/// Nobody is to take it over any more.
void scheduler_core::forget_request(retirement::value& v) {
  if (knows(v.asked)) workers_[peers_[v.asked]->worker].expected -= v.bytes;
  v.asked = 0;
}

}  // namespace weft::net
