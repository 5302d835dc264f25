// What a worker is told of a task: where its inputs are, and the modules and options that it names.
#include <algorithm>

#include "scheduler/core.hpp"

namespace weft::net {

void scheduler_core::assign(slot t, worker_index index, bool ahead) {
  task_record& r = tasks_[t];
  worker& w = workers_[index];
  ++r.attempt;
  r.state = task_state::assigned;
  r.worker = index;
  r.prev = w.tail;
  r.next = no_task;
  (w.tail == no_task ? w.head : tasks_[w.tail].next) = t;
  w.tail = t;
  const bool offer = is_offer(t);
  r.cost = offer ? 0 : estimate(t);
  r.aux = 0;
  ++w.count;
  if (offer) {
    ++w.offers;
    w.offered += offered_bytes(t);
    w.offered_at = now_;
  }
  if (offer || (r.flags & task_waits)) ++w.waiting;
  if (is_urgent(t)) ++w.urgent;
  w.occupancy += r.cost;
  if (ahead) {
    r.set(mark_ahead);
    ++w.ahead;
    ++counts_.ahead;
  } else {
    w.filled += std::min(r.cost, pipeline_cost_);
  }
  ++counts_.assigned;
  if (w.work() - w.ahead > w.slots) crowded_ = true;
  last_event_ = now_;
  if (const std::uint32_t c = class_of(t); c != 0 && !offer)
    for (const auto& [resource, amount] : catalogue_.class_at(c).resources) w.free[resource] -= amount;
  if (w.heap_at != nowhere) heap_update(index);
  // Values that are to be dropped: said before a new value of that id may be made.
  if (r.has(mark_dropping)) flush(w.peer);
  run(t, index);
  if (offer) ask_for_offer(t, index);
  if (r.dependents_count != 0) handed_.push_back(t);
}

/// Whether nobody else is to take the value of an input, so that the task may have it: nothing holds it but this
/// task, which will not be run again for its own failure, and should it be needed again it can be made again. Small
/// values are not worth it.
bool scheduler_core::is_last_use(slot input, slot t) const {
  const task_record& r = tasks_[input];
  if (r.needed_by != 1 || (r.flags & (task_wanted | task_once)) || r.has(mark_floating)) return false;
  if (is_offer(input) || tasks_.call(t).retries != 0 || r.dependents_count > options_.ahead_dependents) return false;
  if (keep_.contains(r.id) || moving_.contains(r.id)) return false;
  const double bytes = r.state == task_state::memory
                           ? static_cast<double>(r.bytes())
                           : static_cast<double>(catalogue_.function_at(tasks_.call(input).function).bytes);
  return bytes >= options_.least_given;
}

/// Whether the last task that takes a value has it, or may, where both are: nobody else gets it from there, and it
/// goes with that task. There may be other copies.
bool scheduler_core::is_given(slot t, worker_index at) const {
  const task_record& r = tasks_[t];
  // What is_last_use() asks of the value alone comes before the walk over those that have ever taken it.
  if (r.needed_by != 1 || (r.flags & task_wanted) || r.has(mark_floating)) return false;
  if (r.dependents_count > options_.ahead_dependents || !is_at(t, at)) return false;
  for (const slot d : tasks_.dependents(t))
    if (tasks_[d].state == task_state::assigned && tasks_[d].worker == at) return is_last_use(t, d);
  return false;
}
bool scheduler_core::is_given(slot t) const {
  const auto all = tasks_.holders(t);
  return std::any_of(all.begin(), all.end(), [&](holder h) { return !h.coming() && is_given(t, h.worker()); });
}

/// Tells a worker to run a task that it was assigned. Small values that are elsewhere go along.
void scheduler_core::run(slot t, worker_index index) {
  worker& w = workers_[index];
  const task_record& r = tasks_[t];
  const task_call& c = tasks_.call(t);
  const catalogue::function& f = catalogue_.function_at(c.function);
  inputs_.clear();
  given_.clear();
  std::uint16_t last_uses = 0;
  for (const slot i : tasks_.inputs(t)) {
    const task_record& input = tasks_[i];
    input_ref ref{input.id, 0, 0, 0};
    if (input.state == task_state::memory) {
      ref.bytes = input.bytes();
      const auto all = tasks_.holders(i);
      std::size_t real = 0;
      bool here = false, coming = false;
      for (const holder h : all) {
        real += !h.coming();
        if (h.worker() == index) (h.coming() ? coming : here) = true;
      }
      if (!here) {
        // Copies are taken in turns.
        std::size_t pick = t % real;
        worker_index from = no_worker_index;
        for (const holder h : all)
          if (!h.coming() && pick-- == 0) from = h.worker();
        introduce(w.peer, from);
        ref.worker = workers_[from].peer;
        const auto value = coming ? std::span<const std::byte>() : tasks_.value(i);
        if (!coming && all.size() < most_holders_seen) tasks_.add_holder(i, index, true);
        if (!value.empty() && given_.size() + value.size() <= options_.most_inline) {
          given_.insert(given_.end(), value.begin(), value.end());
          ref.given = static_cast<std::uint32_t>(value.size());
        }
      }
    }
    if (input.state == task_state::assigned && input.worker != index) {
      introduce(w.peer, input.worker);
      ref.worker = workers_[input.worker].peer;
      ref.given = promised_input;
      order_push(i, t);
    }
    if (inputs_.size() < 16 && is_last_use(i, t)) last_uses |= static_cast<std::uint16_t>(1u << inputs_.size());
    inputs_.push_back(ref);
  }
  run_task m{};
  m.id = r.id;
  m.function = {f.offset, module_for(w, w.peer, f.module), 0};
  m.rank = c.rank;
  if (r.has(mark_deadline)) m.time_left_ns = std::max<time_ns>(1, deadlines_[t] - now_);
  m.attempt = r.attempt;
  m.flags = r.flags & all_task_flags;
  m.options = c.options == 0 ? 0 : option_for(w, w.peer, c.options);
  m.priority = c.priority;
  m.last_uses = last_uses;
  m.inputs = inputs_;
  m.call = tasks_.payload(t);
  m.values = given_;
  tell(w.peer, m);
}

/// Tells who has offered a value which worker is to have it. Behind what was said of the value before.
void scheduler_core::ask_for_offer(slot t, worker_index w) {
  const peer_id p = submitter_of(tasks_[t].id);
  if (peers_[p]->has_lists()) flush(p);
  introduce(p, w);
  want_offer m{};
  m.id = tasks_[t].id;
  m.worker = workers_[w].peer;
  tell(p, m);
}

/// Tells who is to make a value to push it to the worker of a task that takes it; once for each worker.
void scheduler_core::order_push(slot input, slot t) {
  const worker_index to = tasks_[t].worker;
  for (const slot d : tasks_.dependents(input)) {
    const task_record& other = tasks_[d];
    if (d != t && other.state == task_state::assigned && other.worker == to && other.has(mark_ahead)) return;
  }
  const peer_id maker = workers_[tasks_[input].worker].peer;
  introduce(maker, to);
  push_value m{};
  m.id = tasks_[input].id;
  m.worker = workers_[to].peer;
  tell(maker, m);
}

std::uint32_t scheduler_core::module_for(worker& w, peer_id p, std::uint32_t m) {
  if (m < w.module_of.size() && w.module_of[m] != nowhere) return w.module_of[m];
  if (m >= w.module_of.size()) w.module_of.resize(m + 1, nowhere);
  const catalogue::module& named = catalogue_.module_at(m);
  define_module defined{};
  defined.index = w.module_of[m] = ++w.modules;
  defined.build_id = std::as_bytes(std::span(named.build_id));
  defined.name = named.name;
  tell(p, defined);
  return defined.index;
}

/// Numbers of a worker's table of options are used again in turn.
std::uint32_t scheduler_core::option_for(worker& w, peer_id p, std::uint32_t o) {
  constexpr std::uint32_t most = 1u << 18;
  const catalogue::options& named = catalogue_.options_at(o);
  if (o < w.option_of.size())
    if (const std::uint32_t at = w.option_of[o];
        at < w.option_slots.size() && w.option_slots[at] == std::pair(o, named.generation))
      return at;
  const std::uint32_t at = w.next_option;
  w.next_option = w.next_option == most ? 1 : w.next_option + 1;
  if (at >= w.option_slots.size()) w.option_slots.resize(at + 1);
  w.option_slots[at] = {o, named.generation};
  if (o >= w.option_of.size()) w.option_of.resize(o + 1, nowhere);
  w.option_of[o] = at;
  define_options defined{};
  defined.index = at;
  defined.flags = named.flags;
  defined.time_limit_ns = named.time_limit;
  defined.expected_bytes = named.expected_bytes;
  defined.name = named.name;
  defined.resources = named.resources;
  defined.workers = named.workers;
  defined.hosts = named.hosts;
  tell(p, defined);
  return at;
}

}  // namespace weft::net
