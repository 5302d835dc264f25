// Which worker: see scheduler_options for the numbers.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <tuple>

#include "scheduler/core.hpp"
#include "scheduler/input_places.hpp"

namespace weft::net {
namespace {

/// Workers of a restricted class that are looked at for one task, from where the last look ended.
constexpr std::size_t most_eligible_seen = 64;
/// Workers that a client does not reach: then it is thought to reach none.
constexpr std::size_t most_unreached = 3;

}  // namespace

std::uint32_t scheduler_core::estimate(slot t) const {
  const double run_time = catalogue_.function_at(tasks_.call(t).function).run_time;
  const double ns = run_time > 0 ? run_time : static_cast<double>(options_.unknown_run_time);
  return static_cast<std::uint32_t>(std::clamp(ns / (1 << cost_shift), 1.0, 4e9));
}

time_ns scheduler_core::queue_time(const worker& w) const noexcept {
  return static_cast<time_ns>((w.occupancy << cost_shift) / std::max(1u, w.slots));
}

/// Tasks that bring data into memory: nothing goes in, or only what very many tasks share, so that running one frees
/// nothing.
bool scheduler_core::is_producer(slot t) const {
  const task_record& r = tasks_[t];
  if (r.inputs_count > options_.producer_inputs) return false;
  for (const slot i : tasks_.inputs(t))
    if (tasks_[i].dependents_count <= 2 * total_slots_) return false;
  return true;
}

/// Whether a held task may go to this worker now: see `saturation` and `pipeline` of the options.
bool scheduler_core::has_room(const worker& w, slot t) const {
  // What waits for tasks that it has submitted must not keep these from running: coroutines take no slots from
  // others, and are bounded by themselves.
  const bool waits = (tasks_[t].flags & task_waits) != 0;
  if (waits) return w.waiting - w.offers < options_.most_pipelined;
  // It passes those that wait there; only others of its kind are in its way.
  if (is_urgent(t) && w.urgent < w.slots) return true;
  const std::uint32_t others = w.waiting + w.ahead;
  const std::uint32_t runnable = w.count > others ? w.count - others : 0;
  if (static_cast<double>(runnable) < std::max(1.0, std::ceil(options_.saturation * w.slots))) return true;
  if (runnable >= options_.most_pipelined) return false;
  const catalogue::function& f = catalogue_.function_at(tasks_.call(t).function);
  return f.run_time > 0 && f.bytes <= static_cast<double>(options_.small_value) &&
         w.filled < std::uint64_t{w.slots} * pipeline_cost_;
}

/// For a held task without restrictions: the least filled worker, unless another is meant by has_room().
worker_index scheduler_core::with_room(slot t) const {
  const std::size_t seen = is_urgent(t) ? std::min(heap_.size(), most_eligible_seen) : 1;
  for (std::size_t k = 0; k < seen; ++k)
    if (has_room(workers_[heap_[k]], t)) return heap_[k];
  return no_worker_index;
}

bool scheduler_core::has_resources(const worker& w, std::uint32_t in_class) const {
  for (const auto& [resource, amount] : catalogue_.class_at(in_class).resources)
    if (resource >= w.free.size() || w.free[resource] < amount) return false;
  return true;
}

void scheduler_core::hold(slot t) {
  const std::uint32_t c = class_of(t);
  class_state& state = *classes_[c];
  // What a graph enters in place of tasks that have just failed for want of a worker has waited there as long.
  if (state.all_held() == 0 && state.eligible.empty() && !state.unmet_over) state.unmet_since = now_;
  tasks_[t].state = task_state::held;
  (is_offer(t) ? state.offers : state.held).push(tasks_, t);
  held_offers_ += is_offer(t);
  tasks_[t].cost = estimate(t);
  held_cost_ += tasks_[t].cost;
  if (c != 0 && !state.busy && !is_offer(t)) {
    state.busy = true;
    busy_classes_.push_back(c);
  }
}

/// `served`: it goes to a worker, and its submitter's turn has ended.
void scheduler_core::unhold(slot t, bool served) {
  class_state& state = *classes_[class_of(t)];
  held_tasks& held = is_offer(t) ? state.offers : state.held;
  if (served)
    held.take_first(tasks_, t);
  else
    held.remove(tasks_, t);
  held_offers_ -= is_offer(t);
  held_cost_ -= tasks_[t].cost;
  tasks_[t].cost = 0;
}

void scheduler_core::place(slot t) {
  const std::uint32_t c = class_of(t);
  if (is_offer(t)) {
    // Its value was lost, and somebody else needs it who has not.
    if (!knows(submitter_of(tasks_[t].id))) return end_offer(t, "the client that has scattered it has left");
    if (const worker_index w = worker_for_offer(t, c); w != no_worker_index) return assign(t, w, false);
    if (classes_[c]->eligible.empty() || may_hold_later(t, c)) return hold(t);
    return end_offer(t, no_worker_for_offer(t));
  }
  if (classes_[c]->eligible.empty() || is_producer(t)) return hold(t);
  // Tasks that need resources take them in their order.
  if (c != 0 && !classes_[c]->held.empty() && !catalogue_.class_at(c).resources.empty()) return hold(t);
  const worker_index w = best_worker(t, c);
  if (w == no_worker_index) return hold(t);
  assign(t, w, false);
}

/// The worker that has most of the inputs' bytes, or is to have them, unless its queue is too long.
worker_index scheduler_core::best_worker(slot t, std::uint32_t in_class) {
  input_places of;
  const class_state& state = *classes_[in_class];
  const bool resources = in_class != 0 && !catalogue_.class_at(in_class).resources.empty();
  const auto can = [&](worker_index w) {
    return workers_[w].heap_at != nowhere && (in_class == 0 || state.can[w]) &&
           (!resources || has_resources(workers_[w], in_class));
  };
  for (const slot i : tasks_.inputs(t)) {
    const auto all = tasks_.holders(i);
    for (const holder h : all.first(std::min(all.size(), most_holders_seen)))
      if (can(h.worker())) of.add(h.worker(), tasks_[i].bytes() + 1);
  }
  const worker_index idle = least_loaded(in_class, t);
  const worker_index best =
      of.best([](worker_index) { return true; },
              [&](worker_index a, worker_index b) { return queue_time(workers_[a]) < queue_time(workers_[b]); });
  if (best == no_worker_index) return idle;
  if (idle == no_worker_index || idle == best) return best;
  const time_ns later =
      queue_time(workers_[idle]) + options_.overload + transfer_time(of.bytes_at(best) - of.bytes_at(idle));
  return queue_time(workers_[best]) > later ? idle : best;
}

std::uint64_t scheduler_core::offered_bytes(slot t) const noexcept {
  offered_call what;
  std::memcpy(&what, tasks_.payload(t).data(), sizeof what);
  return what.bytes;
}

/// Of those whose memory it fits into, the one whose memory is the least full when it has come; where it fits into
/// none, and into no other that may run later, one that says so. An offer takes neither slot nor resources, however
/// long its submitter needs: so it is held only while nobody may have it.
worker_index scheduler_core::worker_for_offer(slot t, std::uint32_t in_class) {
  class_state& state = *classes_[in_class];
  const placement_class& wanted = catalogue_.class_at(in_class);
  const std::size_t n = state.eligible.size();
  const std::uint64_t bytes = offered_bytes(t);
  std::map<peer_id, time_ns>& missed = peers_[submitter_of(tasks_[t].id)]->unreached;
  std::erase_if(missed, [&](const auto& of) { return of.second <= now_ || !knows(of.first); });
  if (missed.size() >= most_unreached) return no_worker_index;
  worker_index best = no_worker_index;
  std::pair<bool, double> least{true, 0};  // it does not fit; how full it is
  const auto consider = [&](worker_index index) {
    const worker& w = workers_[index];
    if (!w.takes_offers || !is_reached(t, w)) return;
    const std::pair is{!has_memory_for(w, bytes), fullness(w, w.offered + bytes)};
    if (best != no_worker_index && is >= least) return;
    best = index;
    least = is;
  };
  const auto fits = [&] { return best != no_worker_index && !least.first; };
  for (std::size_t k = 0; k < n && (k < most_eligible_seen || !fits()); ++k)
    consider(state.eligible[(state.cursor + k) % n]);
  if (n > most_eligible_seen) state.cursor = static_cast<std::uint32_t>((state.cursor + most_eligible_seen) % n);
  // A wish for some workers is no reason to refuse what others have memory for.
  if (wanted.loose && n != 0)
    for (worker_index w = 0; w < workers_.size() && !fits(); ++w)
      if (workers_[w].peer != 0 && workers_[w].heap_at != nowhere && meets(workers_[w], wanted, true)) consider(w);
  return fits() || !may_hold_later(t, in_class) ? best : no_worker_index;
}

/// Whether a worker that is given no tasks now, since it is paused or has leased its slots, has memory for what is
/// offered. Of an offer whose submitter is there.
bool scheduler_core::may_hold_later(slot t, std::uint32_t in_class, const worker& w) const {
  const placement_class& wanted = catalogue_.class_at(in_class);
  return w.peer != 0 && w.heap_at == nowhere && !w.leaves() && w.takes_offers &&
         has_memory_for(w, offered_bytes(t)) && is_reached(t, w) && meets(w, wanted, wanted.loose);
}

/// Whether there is one.
bool scheduler_core::may_hold_later(slot t, std::uint32_t in_class) const {
  return peers_[submitter_of(tasks_[t].id)]->unreached.size() < most_unreached &&
         std::any_of(
             workers_.begin(), workers_.end(), [&](const worker& w) { return may_hold_later(t, in_class, w); });
}

/// Held offers that others than the running workers have memory for: who may have them, or what is known of them, has
/// changed. Where that is one worker, only those that it has memory for, or had for `before` bytes.
void scheduler_core::place_offers_anew(worker_index about, std::uint64_t before) {
  if (held_offers_ == 0) return;
  std::vector<slot> all;
  for (std::uint32_t c = 0; c < classes_.size(); ++c) {
    if (!classes_[c] || classes_[c]->eligible.empty() || classes_[c]->offers.empty()) continue;
    const placement_class& wanted = catalogue_.class_at(c);
    const worker* w = about == no_worker_index ? nullptr : &workers_[about];
    if (w && !(w->takes_offers && meets(*w, wanted, wanted.loose))) continue;
    classes_[c]->offers.for_each(tasks_, [&](slot t) {
      if (!w || has_memory_for(*w, offered_bytes(t)) || offered_bytes(t) <= before) all.push_back(t);
    });
  }
  const auto order = [&](slot t) {
    return std::tuple(-tasks_.call(t).priority, submitter_of(tasks_[t].id), tasks_.call(t).rank, tasks_[t].id);
  };
  std::sort(all.begin(), all.end(), [&](slot a, slot b) { return order(a) < order(b); });
  for (const slot t : all) {
    unhold(t, false);
    make_ready(t);
  }
}

std::string scheduler_core::no_worker_for_offer(slot t) {
  std::string names;
  for (const auto& [p, until] : peers_[submitter_of(tasks_[t].id)]->unreached)
    names += (names.empty() ? "" : ", ") + peers_[p]->name + " at " + peers_[p]->address;
  if (names.empty())
    return "those that may have it do not know of values that clients give: start workers of this version";
  return "the client that has scattered it does not reach the workers that were to have it (" + names +
         "): see that clients reach the addresses that workers announce, or let a task read or make the value";
}

time_ns scheduler_core::transfer_time(std::uint64_t bytes) const noexcept {
  return options_.transfer_latency +
         static_cast<time_ns>(static_cast<double>(bytes) / options_.bytes_per_second * 1e9);
}

worker_index scheduler_core::least_loaded(std::uint32_t in_class, slot t) {
  if (in_class == 0) return heap_.empty() ? no_worker_index : heap_[0];
  class_state& state = *classes_[in_class];
  const std::size_t n = state.eligible.size();
  const bool resources = !catalogue_.class_at(in_class).resources.empty();
  worker_index best = no_worker_index;
  for (std::size_t k = 0; k < std::min(n, most_eligible_seen); ++k) {
    const worker_index w = state.eligible[(state.cursor + k) % n];
    if (resources && !has_resources(workers_[w], in_class)) continue;
    if (tasks_[t].state == task_state::held && !resources && !has_room(workers_[w], t)) continue;
    if (best == no_worker_index || workers_[w].heap_key < workers_[best].heap_key) best = w;
  }
  if (n > most_eligible_seen) state.cursor = static_cast<std::uint32_t>((state.cursor + most_eligible_seen) % n);
  return best;
}

/// Gives held tasks to workers that have room.
void scheduler_core::fill_workers() {
  for (const worker_index w : touched_)
    if (workers_[w].heap_at != nowhere) heap_update(w);
  held_tasks& plain = classes_[0]->held;
  for (bool more = true; more;) {
    while (!plain.empty() && !heap_.empty()) {
      const slot t = plain.first(tasks_);
      const worker_index w = with_room(t);
      if (w == no_worker_index) break;
      unhold(t, true);
      assign(t, w, false);
    }
    // The least filled has no room for the next task, but another may: it has few long tasks where that has many
    // short.
    more = false;
    if (!plain.empty() || !busy_classes_.empty())
      for (const worker_index w : touched_) more = fill_worker(w) || more;
  }
  for (const worker_index w : touched_) {
    workers_[w].touched = false;
    if (workers_[w].peer == 0) continue;
    worker& x = workers_[w];
    while (!x.frontier.empty() && !is_far_ahead(x, 2)) {
      const auto [t, attempt] = x.frontier.front();
      x.frontier.pop_front();
      if (t >= tasks_.end()) continue;  // the table was trimmed
      task_record& r = tasks_[t];
      r.flags &= static_cast<std::uint8_t>(~in_frontier);
      if (r.state == task_state::assigned && r.worker == w && r.attempt == attempt && !hand_over_dependents(t)) break;
    }
    if (x.work() < x.slots) hungry_ = true;
  }
  touched_.clear();
  std::size_t kept = 0;
  for (std::size_t k = 0; k < busy_classes_.size(); ++k) {
    const std::uint32_t c = busy_classes_[k];
    class_state& state = *classes_[c];
    while (!state.held.empty()) {
      const slot t = state.held.first(tasks_);
      const worker_index w = least_loaded(c, t);
      if (w == no_worker_index) break;
      unhold(t, true);
      assign(t, w, false);
    }
    if (state.held.empty())
      state.busy = false;
    else
      busy_classes_[kept++] = c;
  }
  busy_classes_.resize(kept);
}

/// Gives a worker the held task that is next for it, of any class; false if it has no room or there is none.
bool scheduler_core::fill_worker(worker_index index) {
  worker& w = workers_[index];
  if (w.heap_at == nowhere) return false;
  slot best = no_task;
  const auto look = [&](std::uint32_t c) {
    class_state& state = *classes_[c];
    if (state.held.empty() || !state.can[index]) return;
    const slot t = state.held.first(tasks_);
    if (!(c != 0 && !catalogue_.class_at(c).resources.empty() ? has_resources(w, c) : has_room(w, t))) return;
    if (best != no_task && tasks_.call(best).priority >= tasks_.call(t).priority) return;
    best = t;
  };
  for (const std::uint32_t c : busy_classes_) look(c);
  look(0);
  if (best == no_task) return false;
  unhold(best, true);
  assign(best, index, false);
  return true;
}

}  // namespace weft::net
