// Leases: slots of a worker that a client may call straight. What is leased is not used for placement: a worker's
// `slots` are those that are left, and one that has none left is given no task.
//
// A lease is
//   waiting    no worker has slots for it, or none has come yet. Served in the order of the requests: a worker that
//              an earlier one could take, once others are released, is not given to a later one
//   emptying   its worker has no slot left, and tasks still: what has not begun is taken back, the rest is awaited.
//              With a slot left the worker itself keeps its tasks out of those that are leased
//   opening    the worker has been asked (open_lease), and has not answered
//   open       it has, and the client has been told
// When the worker goes, or is let go, the lease waits again, at its old place. So does one for which a worker is
// being emptied when its memory runs short: a paused worker is given no lease, and keeps those that it has opened or
// was asked to. A lease ends by the client's word or end.
#include <algorithm>
#include <string>

#include "scheduler/core.hpp"

namespace weft::net {

scheduler_core::lease* scheduler_core::find_lease(lease_id id) {
  const auto at = std::find_if(leases_.begin(), leases_.end(), [&](const lease& l) { return l.id == id; });
  return at == leases_.end() ? nullptr : &*at;
}

void scheduler_core::request_lease(peer_id p, const lease_request& m) {
  const auto wrong = [&](const std::string& what) {
    throw protocol_error("weft: peer " + std::to_string(p) + " asks for a lease " + what);
  };
  if (submitter_of(m.lease) != p || number_of(m.lease) == 0) wrong("by a number that is not its own");
  if (find_lease(m.lease)) wrong("that it has asked for already");
  if (m.slots == 0 || m.slots > options_.most_slots)
    wrong("of " + std::to_string(m.slots) + " slots; 1 to " + std::to_string(options_.most_slots) + " are allowed");
  const auto has =
      std::count_if(leases_.begin(), leases_.end(), [&](const lease& l) { return submitter_of(l.id) == p; });
  if (static_cast<std::size_t>(has) >= options_.most_leases)
    wrong("and has " + std::to_string(has) + ", as many as scheduler.most_leases allows");
  lease l;
  l.id = m.lease;
  l.secret = m.secret;
  l.slots = m.slots;
  l.resources = catalogue_.parse_resources({m.resources.data(), m.resources.size()});
  leases_.push_back(std::move(l));
  ++unmet_leases_;
}

void scheduler_core::release_lease(peer_id p, lease_id id) {
  if (submitter_of(id) != p)
    throw protocol_error("weft: peer " + std::to_string(p) + " releases a lease that is not its own");
  lease* l = find_lease(id);
  if (!l) return;
  take_worker(*l, true);
  --unmet_leases_;
  leases_.erase(leases_.begin() + (l - leases_.data()));
}

/// A client is gone.
void scheduler_core::release_leases(peer_id p) {
  for (std::size_t k = leases_.size(); k-- > 0;)
    if (submitter_of(leases_[k].id) == p) release_lease(p, leases_[k].id);
}

/// The worker is gone, or is to go: its leases wait for others.
void scheduler_core::move_leases(worker_index w, std::string_view why) {
  for (lease& l : leases_) {
    if (l.worker != w || l.is == lease_state::waiting) continue;
    const bool told = l.is == lease_state::open;
    take_worker(l, workers_[w].peer != 0);
    const peer_id p = submitter_of(l.id);
    if (!told || !knows(p)) continue;
    lease_lost m{};
    m.lease = l.id;
    m.text = why;
    tell(p, m);
  }
}

/// The worker's memory has run short.
void scheduler_core::drop_new_leases(worker_index w) {
  for (lease& l : leases_)
    if (l.worker == w && l.is == lease_state::emptying) take_worker(l, true);
}

/// A lease without a worker from now on.
void scheduler_core::take_worker(lease& l, bool there) {
  if (l.is == lease_state::waiting) return;
  worker& w = workers_[l.worker];
  if (there && (l.is == lease_state::opening || l.is == lease_state::open)) {
    close_lease m{};
    m.lease = l.id;
    m.attempt = l.attempt;
    tell(w.peer, m);
  }
  if (l.is == lease_state::open) ++unmet_leases_;
  l.is = lease_state::waiting;
  if (w.peer != 0) {
    w.slots += l.slots;
    w.leased -= l.slots;
    for (const auto& [resource, amount] : l.resources) w.free[resource] += amount;
    enter_heap(l.worker);
  }
  l.worker = no_worker_index;
}

/// In the heap is who may be given tasks. Call it when its mode or its slots have changed.
void scheduler_core::enter_heap(worker_index index) {
  worker& w = workers_[index];
  const bool may = w.mode == worker_mode::running && w.slots != 0, did = w.heap_at != ~std::uint32_t{0};
  if (may && did) heap_update(index);
  if (may == did) return;
  if (may)
    heap_add(index);
  else
    heap_remove(index);
  touch(index);
  rebuild_classes(index);
}

void scheduler_core::serve_leases() {
  if (unmet_leases_ == 0) return;
  std::vector<bool> spoken_for(workers_.size());
  for (lease& l : leases_) {
    if (l.is == lease_state::waiting) lease_worker(l, spoken_for);
    if (l.is == lease_state::emptying) open_when_empty(l);
  }
}

void scheduler_core::lease_worker(lease& l, std::vector<bool>& spoken_for) {
  worker_index best = no_worker_index;
  const auto has = [&](const std::vector<std::int64_t>& amounts) {
    return std::all_of(l.resources.begin(), l.resources.end(),
                       [&](const auto& r) { return r.first < amounts.size() && amounts[r.first] >= r.second; });
  };
  for (worker_index index = 0; index < workers_.size(); ++index) {
    const worker& w = workers_[index];
    if (w.peer == 0 || w.mode != worker_mode::running || spoken_for[index]) continue;
    if (w.slots < l.slots || !has(w.free)) continue;
    if (best == no_worker_index || queue_time(w) < queue_time(workers_[best])) best = index;
  }
  if (best == no_worker_index) {
    for (worker_index index = 0; index < workers_.size(); ++index) {
      const worker& w = workers_[index];
      if (w.peer != 0 && w.slots + w.leased >= l.slots && has(w.total)) spoken_for[index] = true;
    }
    return;
  }
  worker& w = workers_[best];
  w.slots -= l.slots;
  w.leased += l.slots;
  for (const auto& [resource, amount] : l.resources) w.free[resource] -= amount;
  l.worker = best;
  l.is = lease_state::emptying;
  enter_heap(best);
}

void scheduler_core::open_when_empty(lease& l) {
  const worker& w = workers_[l.worker];
  // Coroutines that wait for what they have submitted take no slot: it may wait for this lease to end.
  if (w.slots != 0 || w.count == w.waiting) {
    open_lease m{};
    m.lease = l.id;
    m.secret = l.secret;
    m.slots = l.slots;
    m.attempt = ++l.attempt;
    l.is = lease_state::opening;
    return tell(w.peer, m);
  }
  std::vector<slot> all;
  for (slot t = w.head; t != no_task; t = tasks_[t].next) all.push_back(t);
  for (const slot t : all) {
    task_record& r = tasks_[t];
    if (r.state != task_state::assigned) continue;  // it was ahead of one before it
    if (is_offer(t)) continue;                      // it takes no slot
    if (r.has(mark_ahead)) {
      take_back(t);
      take_back_dependents(t);  // other workers have some of these
    } else if (!r.has(mark_retracting) && r.aux != kept_by_worker) {
      if (!peers_[w.peer]->has_lists()) with_lists_.push_back(w.peer);
      peers_[w.peer]->retracts.push_back({r.id, r.attempt, 0});
      r.set(mark_retracting);
      r.aux = no_worker_index;
      ++workers_[l.worker].leaving;
    }
  }
}

void scheduler_core::opened(worker_index w, const lease_opened& m) {
  lease* l = find_lease(m.lease);
  if (!l || l->worker != w || l->is != lease_state::opening || l->attempt != m.attempt) return;
  l->is = lease_state::open;
  --unmet_leases_;
  lease_granted granted{};
  granted.lease = l->id;
  granted.worker = workers_[w].peer;
  granted.address = workers_[w].address;
  granted.name = workers_[w].name;
  tell(submitter_of(l->id), granted);
}

void scheduler_core::leased(const leased_report& m) {
  catalogue::function& f =
      catalogue_.function_at(catalogue_.function_of(catalogue_.module_of(m.build_id, ""), m.offset));
  f.submitted += m.done + m.failed + m.cancelled;
  f.done += m.done;
  f.failed += m.failed;
  f.total_time += m.nanoseconds;
  f.total_bytes += m.bytes;
  if (m.done != 0) {
    const auto n = static_cast<double>(m.done);
    f.run_time = std::max(1.0, static_cast<double>(m.nanoseconds) / n);
    f.bytes = static_cast<double>(m.bytes) / n;
  }
  counts_.submitted += m.done + m.failed + m.cancelled;
  counts_.done += m.done;
  counts_.failed += m.failed;
  counts_.cancelled += m.cancelled;
  counts_.leased_calls += m.done + m.failed + m.cancelled;
  last_event_ = now_;
}

}  // namespace weft::net
