// What workers say. Of a task the worker that has it is believed, about the attempt that it was given.
#include <algorithm>
#include <string>

#include "scheduler/core.hpp"

namespace weft::net {
namespace {

std::string text_of(std::span<const char> text, std::size_t most) {
  return {text.data(), std::min(text.size(), most)};
}

}  // namespace

/// The task, if this is its worker and attempt.
slot scheduler_core::believed(worker_index w, task_id id, std::uint32_t attempt) {
  const slot t = tasks_.find(id);
  if (t != no_task && tasks_[t].state == task_state::assigned && tasks_[t].worker == w &&
      tasks_[t].attempt == attempt)
    return t;
  ++counts_.stale;
  return no_task;
}

void scheduler_core::done(worker_index w, const done_task& m) {
  const slot t = believed(w, m.id, m.attempt);
  if (t == no_task) return unwanted_copy(w, m.id);
  task_record& r = tasks_[t];
  catalogue::function& f = catalogue_.function_at(tasks_.call(t).function);
  const auto learn = [](double& average, double sample) {
    average = average > 0 ? average + (sample - average) / 4 : std::max(sample, 1.0);
  };
  learn(f.run_time, static_cast<double>(m.nanoseconds));
  learn(f.bytes, static_cast<double>(m.bytes));
  ++f.done;
  f.total_time += m.nanoseconds;
  f.total_bytes += m.bytes;
  ++counts_.done;
  last_event_ = now_;

  if (r.has(mark_deadline)) {  // it was in time, also if its value is made once more
    deadlines_.erase(t);
    r.unset(mark_deadline);
  }
  unassign(t);
  count_unfinished(r, false);
  r.state = task_state::memory;
  r.set_bytes(m.bytes);
  tasks_.add_holder(t, w, false);
  if (!unmovable_.empty()) unmovable_.erase(r.id);
  workers_[w].value_bytes += m.bytes;
  end_needs(t);
  worker_index told = w;
  for (const slot d : tasks_.dependents(t)) {
    task_record& dependent = tasks_[d];
    if (!unfinished(dependent.state)) continue;
    if (dependent.has(mark_ahead) && dependent.worker != told) {  // it was promised there
      told = dependent.worker;
      if ((m.flags & has_value) && m.value.size() <= options_.most_pushed)
        tell_lazily(workers_[told].peer, give_value{{r.id, m.bytes}, m.value});
      else
        tell_place(t, told);
      if (tasks_.holders(t).size() < most_holders_seen) tasks_.add_holder(t, told, true);
    }
    if (--dependent.waiting_on != 0) continue;
    if (dependent.state == task_state::waiting) {
      make_ready(d);
    } else if (dependent.has(mark_ahead)) {
      worker& at = workers_[dependent.worker];
      dependent.unset(mark_ahead);
      --at.ahead;
      at.filled += std::min(dependent.cost, pipeline_cost_);
      touch(dependent.worker);
    }
  }
  if (r.flags & task_wanted) {
    const bool sent = (m.flags & has_value) && (r.flags & task_inline) && m.value.size() <= options_.most_inline;
    tell_finished(t, sent ? &m.value : nullptr);
  } else if (is_offer(t)) {
    tell_finished(t, nullptr);  // who has let go of it gives it no longer
  }
  if ((m.flags & has_value) && r.needed_by != 0 && m.value.size() <= options_.most_inline &&
      tasks_.value_bytes() + m.value.size() <= options_.kept_values)
    tasks_.keep_value(t, m.value);
  if (r.has(mark_asked)) answer_askers(t);
  if (!keep_.empty())
    if (const auto at = keep_.find(r.id); at != keep_.end()) keep_copies(t, at->second);
  if (!needed(r)) loose_.push_back(t);
}

/// A value that is there again: said to those whose tasks wait for it.
void scheduler_core::answer_askers(slot t) {
  tasks_[t].unset(mark_asked);
  worker_index last = no_worker_index;
  for (const slot d : tasks_.dependents(t)) {
    const task_record& r = tasks_[d];
    if (r.state != task_state::assigned || r.worker == last) continue;
    last = r.worker;
    tell_place(t, last);
  }
}

/// Tells a worker where a value is, unless it has it.
void scheduler_core::tell_place(slot t, worker_index asker) {
  worker_index from = no_worker_index;
  for (const holder h : tasks_.holders(t)) {
    if (h.worker() == asker && !h.coming()) return;
    if (!h.coming() && from == no_worker_index) from = h.worker();
  }
  const peer_id p = workers_[asker].peer;
  introduce(p, from);
  value_at m{};
  m.id = tasks_[t].id;
  m.bytes = tasks_[t].bytes();
  m.worker = workers_[from].peer;
  tell(p, m);
}

/// A worker has a value that it was not to make, or not any longer. Not said to one that is making it: that would be
/// about the wrong one.
void scheduler_core::unwanted_copy(worker_index w, task_id id) {
  const slot t = tasks_.find(id);
  if (t != no_task) {
    task_record& r = tasks_[t];
    if (r.state == task_state::assigned && r.worker == w) return;
    for (const holder h : tasks_.holders(t))
      if (h.worker() == w && !h.coming()) return;
    tasks_.remove_holder(t, w);
    r.set(mark_dropping);
  }
  drop_value(w, id);
}

void scheduler_core::report_failed(worker_index w, const failed_task& m) {
  const slot t = believed(w, m.id, m.attempt);
  if (t == no_task) return;
  // More attempts would have no more time.
  if ((m.flags & time_is_over) && tasks_[t].has(mark_deadline)) return end_late(t, true);
  task_call& c = tasks_.call(t);
  if (c.retries > 0 && !(tasks_[t].flags & task_once)) {
    --c.retries;
    ++catalogue_.function_at(c.function).failed;
    give_back(t);
    return;
  }
  end_tree(t, task_state::failed,
           add_failure(text_of(m.function, options_.most_text), text_of(m.type, options_.most_text),
                       text_of(m.text, options_.most_text), text_of(m.path, options_.most_text)),
           true);
}

/// An assigned task is to be placed anew.
void scheduler_core::give_back(slot t) {
  task_record& r = tasks_[t];
  unassign(t);
  r.state = task_state::waiting;
  take_back_dependents(t);
  if (r.waiting_on == 0) make_ready(t);
}

void scheduler_core::report_cancelled(worker_index w, std::span<const attempt_ref> all) {
  for (const attempt_ref& a : all) {
    const slot t = believed(w, a.id, a.attempt);
    if (t != no_task) end_tree(t, task_state::cancelled, 0, true);
  }
}

void scheduler_core::retracted(worker_index w, const retracted_task& m) {
  const slot t = believed(w, m.id, m.attempt);
  if (t == no_task) return;
  task_record& r = tasks_[t];
  const bool asked = r.has(mark_retracting);
  const worker_index thief = r.aux;
  if (!m.given_back) {
    if (asked) end_retraction(t);
    r.aux = kept_by_worker;
    return;
  }
  // It comes back unasked for want of an input, again and again: what is thought to be there is not.
  if (!asked && r.waiting_on == 0 && r.attempt % 16 == 0)
    for (const slot i : std::vector<slot>(tasks_.inputs(t).begin(), tasks_.inputs(t).end())) {
      if (tasks_[i].state != task_state::memory || !is_at(i, w) || is_made_once(i)) continue;
      remove_copy(i, w);
      drop_value(w, tasks_[i].id);
      tasks_[i].set(mark_dropping);
      if (!is_somewhere(i)) lose_value(i, "worker " + workers_[w].name + " does not find it");
    }
  if (r.state != task_state::assigned) return;
  give_back(t);
  if (!asked || r.state != task_state::ready || thief >= workers_.size()) return;
  ++counts_.stolen;
  const std::uint32_t c = class_of(t);
  const worker& to = workers_[thief];
  if (to.heap_at == ~std::uint32_t{0} || (c != 0 && (!classes_[c]->can[thief] || !has_resources(to, c)))) return;
  assign(t, thief, false);
}

/// A worker could not have a value from where it was told. If it is nowhere else it is made again; where that is not
/// allowed the worker may try once more. A copy that it did not take is no fault of who has the value.
void scheduler_core::missing(worker_index w, const missing_value& m) {
  const slot t = tasks_.find(m.id);
  if (t == no_task) return;
  task_record& r = tasks_[t];
  // It was told to fetch a copy, and gives that up.
  if (r.state == task_state::memory) {
    const auto all = tasks_.holders(t);
    if (std::any_of(all.begin(), all.end(), [&](holder h) { return h.worker() == w && h.coming(); }))
      tasks_.remove_holder(t, w);
  }
  // It has said before that it has none, if it ever had.
  if (r.state == task_state::memory && is_at(t, w)) {
    remove_copy(t, w);
    if (!is_somewhere(t)) lose_value(t, "worker " + workers_[w].name + " misses it");
  }
  if (m.flags & not_taken) return copy_refused(t);
  if (r.state == task_state::memory) {
    worker_index at = no_worker_index;
    std::size_t others = 0;
    for (const holder h : tasks_.holders(t)) {
      if (h.coming()) continue;
      if (workers_[h.worker()].peer == m.worker)
        at = h.worker();
      else
        ++others;
    }
    // A copy was asked for before the value was given away.
    if (at != no_worker_index && others == 0 && is_given(t, at)) return;
    if (at != no_worker_index && (others > 0 || !is_made_once(t))) {
      remove_copy(t, at);
      drop_value(at, r.id);
      r.set(mark_dropping);
      if (others == 0) lose_value(t, "worker " + workers_[at].name + " did not give it");
    }
    if (r.state == task_state::memory) return tell_place(t, w);
  }
  if (unfinished(r.state)) r.set(mark_asked);
}

void scheduler_core::added(worker_index w, const value_added& m) {
  const slot t = tasks_.find(m.id);
  if (t == no_task || tasks_[t].state != task_state::memory) return unwanted_copy(w, m.id);
  if (is_at(t, w)) return;
  // From one that was not told to fetch it: it may have been told meanwhile to drop it.
  const auto all = tasks_.holders(t);
  const bool listed = std::any_of(all.begin(), all.end(), [&](holder h) { return h.worker() == w; });
  if (!listed && tasks_[t].has(mark_dropping)) return unwanted_copy(w, m.id);
  tasks_.add_holder(t, w, false);
  workers_[w].value_bytes += tasks_[t].bytes();
  ++counts_.copies;
  surplus_.push_back(m.id);
  if (!moving_.empty()) moved(t);
}

void scheduler_core::dropped(worker_index w, std::span<const task_id> ids) {
  for (const task_id id : ids) {
    const slot t = tasks_.find(id);
    if (t == no_task || tasks_[t].state != task_state::memory) continue;
    remove_copy(t, w);
    if (!is_somewhere(t)) lose_value(t, "worker " + workers_[w].name + " lost it");
  }
}

/// A worker does not have a value any more.
void scheduler_core::remove_copy(slot t, worker_index w) {
  if (is_at(t, w)) workers_[w].value_bytes -= tasks_[t].bytes();
  tasks_.remove_holder(t, w);
}

bool scheduler_core::is_somewhere(slot t) const noexcept {
  const auto all = tasks_.holders(t);
  return std::any_of(all.begin(), all.end(), [](holder h) { return !h.coming(); });
}

bool scheduler_core::is_at(slot t, worker_index w) const noexcept {
  const auto all = tasks_.holders(t);
  return std::any_of(all.begin(), all.end(), [&](holder h) { return h.worker() == w && !h.coming(); });
}

void scheduler_core::heard(worker_index w, const heartbeat& m) {
  if (m.mode > static_cast<std::uint32_t>(worker_mode::stopped))
    throw protocol_error("weft: a heartbeat of worker " + workers_[w].name + " has the mode " +
                         std::to_string(m.mode) + ", which is none");
  if (m.executing.size() > options_.most_tasks)
    throw protocol_error("weft: worker " + workers_[w].name + " says that it executes " +
                         std::to_string(m.executing.size()) + " tasks");
  const std::uint64_t room = room_of(workers_[w]);
  workers_[w].last = m;
  if (room_of(workers_[w]) != room) place_offers_anew(w, room == 0 ? ~room : room);
  workers_[w].executing.assign(m.executing.begin(), m.executing.end());
  set_worker_mode(w, static_cast<worker_mode>(m.mode));
  if ((m.wishes & wishes_to_retire) && !workers_[w].mode_ordered) retire(now_, workers_[w].peer);
}

}  // namespace weft::net
