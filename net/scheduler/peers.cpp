// Who comes and goes.
#include <algorithm>
#include <string>

#include "scheduler/core.hpp"
#include "wire/handshake.hpp"
#include "wire/text.hpp"

namespace weft::net {

peer_id scheduler_core::open_peer(const peer_hello& hello) {
  if (peers_.size() >> peer_bits) throw protocol_error("weft: the scheduler has given all numbers of peers");
  const auto p = static_cast<peer_id>(peers_.size());
  auto made = std::make_unique<peer>();
  made->role = hello.role;
  made->name = hello.name;
  made->address = hello.address;
  made->modules.push_back(catalogue_.module_of(hello.program, ""));
  made->options.push_back(0);
  peers_.push_back(std::move(made));
  tasks_.open_submitter(p);
  return p;
}

peer_id scheduler_core::add_client(time_ns now, const peer_hello& hello) {
  now_ = std::max(now_, now);
  ++clients_;
  return open_peer(hello);
}

peer_id scheduler_core::add_worker(time_ns now, const worker_hello& hello) {
  now_ = std::max(now_, now);
  if (hello.slots == 0 || hello.slots > options_.most_slots)
    throw protocol_error("weft: worker " + hello.name + " says that it has " + std::to_string(hello.slots) +
                         " slots; 1 to " + std::to_string(options_.most_slots) + " are allowed");
  if (const std::string why = why_no_name(hello.name); !why.empty())
    throw protocol_error("weft: " + no_name(hello.name, why));
  if (worker_count_ >= std::min(options_.most_workers, holder::most_workers))
    throw protocol_error("weft: there are " + std::to_string(worker_count_) +
                         " workers, as many as scheduler.most_workers allows");
  const resource_amounts resources = catalogue_.parse_resources(hello.resources);
  const peer_id p = open_peer(hello);
  worker_index index;
  if (free_workers_.empty()) {
    index = static_cast<worker_index>(workers_.size());
    workers_.emplace_back();
  } else {
    index = free_workers_.back();
    free_workers_.pop_back();
  }
  peers_[p]->worker = index;
  peers_[p]->role = peer_role::worker;
  worker& w = workers_[index];
  w = {};
  w.peer = p;
  w.slots = hello.slots;
  w.memory = hello.memory;
  w.value_memory = hello.value_memory;
  w.name = hello.name;
  w.host = hello.host;
  w.address = hello.address;
  w.takes_offers = hello.takes_offers;
  w.heard = now_;
  for (const auto& [resource, amount] : resources) {
    if (resource >= w.total.size()) w.total.resize(resource + 1);
    w.total[resource] = amount;
  }
  w.free = w.total;
  // Number 0 of its session is its own program.
  const std::uint32_t own = peers_[p]->modules[0];
  w.module_of.assign(own + 1, ~std::uint32_t{0});
  w.module_of[own] = 0;
  total_slots_ += w.slots;
  ++worker_count_;
  if (worker_count_ == 1) {
    next_ttl_ = now_;
    next_reduce_ = now_ + options_.reduce_interval;
  }
  heap_add(index);
  touch(index);
  rebuild_classes(index);
  settle();
  return p;
}

void scheduler_core::remove_peer(time_ns now, peer_id p, bool expected, std::string_view reason) {
  now_ = std::max(now_, now);
  if (!knows(p)) return;
  const worker_index w = peers_[p]->worker;
  if (w != no_worker_index)
    remove_worker(w, expected, reason);
  else
    --clients_;
  last_event_ = now_;
  release_leases(p);
  drop_backlog(*peers_[p], p);
  // From here on nothing is said to it.
  peers_[p].reset();
  outputs_.erase(std::remove(outputs_.begin(), outputs_.end(), p), outputs_.end());
  release_wants(p);
  end_offers(p);
  tasks_.close_submitter(p);
  settle();
}

void scheduler_core::release_wants(peer_id p) {
  for (const task_id id : tasks_.all_of(p)) {
    const slot t = tasks_.find(id);
    if (t == no_task) continue;
    task_record& r = tasks_[t];
    r.flags &= static_cast<std::uint8_t>(~task_wanted);
    r.unset(mark_floating);
    loose_.push_back(t);
    tidy();
  }
}

void scheduler_core::remove_worker(worker_index index, bool expected, std::string_view reason) {
  worker& w = workers_[index];
  const peer_id p = w.peer;
  if (w.heap_at != ~std::uint32_t{0}) heap_remove(index);
  if (w.mode_ordered) end_retirement(index);
  if (w.mode == worker_mode::paused) --paused_;

  // Who may be to blame: what it said last that it executes, as far as that is still so; else as many as it has
  // slots.
  std::vector<slot> had, blamed;
  for (slot t = w.head; t != no_task; t = tasks_[t].next) had.push_back(t);
  if (!expected) {
    for (const attempt_ref& a : w.executing) {
      const slot t = tasks_.find(a.id);
      if (t != no_task && tasks_[t].state == task_state::assigned && tasks_[t].worker == index &&
          tasks_[t].attempt == a.attempt)
        blamed.push_back(t);
    }
    // Values that are on their way to it run nothing: they come behind those that may have.
    if (blamed.empty())
      for (const bool offers : {false, true})
        for (const slot t : had)
          if (blamed.size() < w.slots && !tasks_[t].has(mark_ahead) && is_offer(t) == offers) blamed.push_back(t);
    std::sort(blamed.begin(), blamed.end());
    blamed.erase(std::unique(blamed.begin(), blamed.end()), blamed.end());
  }
  std::vector<bool> may_have_begun;
  for (const slot t : had) {
    may_have_begun.push_back(!tasks_[t].has(mark_ahead));
    unassign(t);
    tasks_[t].state = task_state::waiting;
  }

  // Nobody is told anything of it or by it any more; its values are gone.
  w.peer = 0;
  for (const slot t : had) take_back_dependents(t);  // from other workers
  total_slots_ -= w.slots + w.leased;
  --worker_count_;
  std::vector<slot> lost;
  for (slot t = 1; t < tasks_.end(); ++t) {
    if (tasks_[t].state != task_state::memory) continue;
    const auto all = tasks_.holders(t);
    if (std::any_of(all.begin(), all.end(), [&](holder h) { return h.worker() == index; })) {
      tasks_.remove_holder(t, index);
      if (!is_somewhere(t)) lost.push_back(t);
    }
  }
  const std::string why = "worker " + w.name + " was lost" + (reason.empty() ? "" : ": ") + std::string(reason);
  // First what the lost worker was to do, so that it stands where it belongs when inputs of it are lost.
  for (std::size_t k = 0; k < had.size(); ++k) {
    const slot t = had[k];
    task_record& r = tasks_[t];
    if (r.state != task_state::waiting) continue;  // failed with another
    const bool guilty = std::binary_search(blamed.begin(), blamed.end(), t);
    ++catalogue_.function_at(tasks_.call(t).function).lost;
    if (guilty) {
      if (r.suspicion < most_suspicion) ++r.suspicion;
      r.set(mark_blamed);
      std::vector<std::string>& names = blame_[t];
      if (names.size() < options_.allowed_losses) names.push_back(w.name);
    }
    if ((r.flags & task_once) && may_have_begun[k]) {
      end_tree(
          t, task_state::failed,
          add_failure(function_name(t), "weft::lost",
                      "weft: the task " + key_of(t) + " may have begun when " + why + "; it may not run twice", ""),
          true);
    } else if (guilty && r.suspicion >= options_.allowed_losses) {
      std::string names;
      for (const std::string& name : blame_[t]) names += (names.empty() ? "" : ", ") + name;
      end_tree(t, task_state::failed,
               add_failure(function_name(t), "weft::killed_workers",
                           "weft: the task " + key_of(t) + " was running on " + std::to_string(r.suspicion) +
                               " workers when they were lost (" + names + "; scheduler.allowed_losses)",
                           ""),
               true);
    } else if (r.waiting_on == 0) {
      make_ready(t);
    }
  }
  for (const slot t : lost)
    if (tasks_[t].state == task_state::memory) lose_value(t, why);
  move_leases(index, why);

  for (std::size_t other = 1; other < peers_.size(); ++other) {
    if (!peers_[other] || other == p) continue;
    std::vector<bool>& met = peers_[other]->met;
    if (index >= met.size() || !met[index]) continue;
    met[index] = false;
    flush(static_cast<peer_id>(other));
    peer_gone m{};
    m.peer = p;
    tell(static_cast<peer_id>(other), m);
  }
  w.executing.clear();
  w.frontier.clear();
  free_workers_.push_back(index);
  rebuild_classes(index);
}

bool scheduler_core::meets(const worker& w, const placement_class& c, bool loosely) const {
  for (const auto& [resource, amount] : c.resources)
    if (resource >= w.total.size() || w.total[resource] < amount) return false;
  if (loosely || !c.restricted()) return true;
  const auto is = [](const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  return is(c.workers, w.name) || is(c.workers, w.address) || is(c.hosts, w.host) || is(c.hosts, w.machine);
}

/// Which workers may run what: anew when a worker has come, gone, or changed its mode, which it is about.
void scheduler_core::rebuild_classes(worker_index about) {
  for (std::uint32_t c = 0; c < classes_.size(); ++c) {
    if (!classes_[c]) continue;
    class_state& state = *classes_[c];
    const placement_class& wanted = catalogue_.class_at(c);
    const bool had_any = !state.eligible.empty();
    state.eligible.clear();
    state.can.assign(workers_.size(), false);
    for (const bool loosely : {false, true}) {
      if (loosely && (!wanted.loose || !state.eligible.empty())) break;
      for (worker_index w = 0; w < workers_.size(); ++w)
        if (workers_[w].peer != 0 && workers_[w].heap_at != ~std::uint32_t{0} &&
            meets(workers_[w], wanted, loosely)) {
          state.eligible.push_back(w);
          state.can[w] = true;
        }
    }
    if (had_any && state.eligible.empty()) state.unmet_since = now_;
    state.cursor = 0;
    if (!had_any && !state.eligible.empty()) {
      // What was held because nobody could run it is placed like anything else.
      while (state.all_held() != 0) {
        const slot t = state.any_held(tasks_);
        unhold(t, false);
        make_ready(t);
      }
    }
  }
  place_offers_anew(about);
}

void scheduler_core::named(worker_index w, const worker_machine& m) {
  const std::string_view name(m.name.data(), m.name.size());
  if (name.size() > greeting_limits::name || std::any_of(name.begin(), name.end(), is_control))
    throw protocol_error("weft: the name of a worker's machine has more than " +
                         std::to_string(greeting_limits::name) + " bytes, or cannot be printed");
  if (workers_[w].machine == name) return;
  workers_[w].machine = name;
  rebuild_classes();
}

void scheduler_core::set_worker_mode(worker_index index, worker_mode mode) {
  worker& w = workers_[index];
  if (w.mode_ordered && (mode == worker_mode::running || mode == worker_mode::paused)) mode = worker_mode::retiring;
  if (w.mode == mode) return;
  if (w.mode == worker_mode::paused) --paused_;
  w.mode = mode;
  if (mode == worker_mode::paused) {
    ++paused_;
    crowded_ = true;  // others may have what waits there
    drop_new_leases(index);
  }
  if (mode == worker_mode::retiring || mode == worker_mode::stopped)
    move_leases(index, "worker " + w.name + " is let go");
  enter_heap(index);
  place_offers_anew(index);
}

void scheduler_core::depart(peer_id p, std::string reason, bool expected) {
  departures_.push_back({p, reason, expected});
  remove_peer(now_, p, expected, reason);
}

}  // namespace weft::net
