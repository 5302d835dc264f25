// Which worker: see scheduler_options for the numbers.
#include <algorithm>
#include <array>
#include <cmath>

#include "scheduler/core.hpp"

namespace weft::net {
namespace {

constexpr std::uint32_t nowhere = ~std::uint32_t{0};
/// Workers of a restricted class that are looked at for one task, from where the last look ended.
constexpr std::size_t most_eligible_seen = 64;

/// Workers that have inputs of a task, and how many bytes of them: the first sixteen.
class candidates_of_one {
 public:
  void add(worker_index w, std::uint64_t bytes) noexcept {
    for (std::size_t k = 0; k < count_; ++k)
      if (all_[k].w == w) {
        all_[k].bytes += bytes;
        return;
      }
    if (count_ < all_.size()) all_[count_++] = {w, bytes};
  }
  std::uint64_t bytes_at(worker_index w) const noexcept {
    for (std::size_t k = 0; k < count_; ++k)
      if (all_[k].w == w) return all_[k].bytes;
    return 0;
  }
  /// Who has most, of those that can; `before` is asked about equals.
  template <class Can, class Before>
  worker_index best(Can can, Before before) const {
    const candidate* found = nullptr;
    for (std::size_t k = 0; k < count_; ++k) {
      const candidate& x = all_[k];
      if (!can(x.w)) continue;
      if (!found || (x.bytes != found->bytes ? x.bytes > found->bytes : before(x.w, found->w))) found = &x;
    }
    return found ? found->w : no_worker_index;
  }

 private:
  struct candidate {
    worker_index w;
    std::uint64_t bytes;
  };
  std::array<candidate, 16> all_;
  std::size_t count_ = 0;
};

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
  if (waits) return w.waiting < options_.most_pipelined;
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
  if (state.held.empty() && state.eligible.empty()) state.unmet_since = now_;
  tasks_[t].state = task_state::held;
  state.held.push(tasks_, t);
  tasks_[t].cost = estimate(t);
  held_cost_ += tasks_[t].cost;
  if (c != 0 && !state.busy) {
    state.busy = true;
    busy_classes_.push_back(c);
  }
}

/// `served`: it goes to a worker, and its submitter's turn has ended.
void scheduler_core::unhold(slot t, bool served) {
  held_tasks& held = classes_[class_of(t)]->held;
  if (served)
    held.take_first(tasks_, t);
  else
    held.remove(tasks_, t);
  held_cost_ -= tasks_[t].cost;
  tasks_[t].cost = 0;
}

void scheduler_core::place(slot t) {
  const std::uint32_t c = class_of(t);
  if (classes_[c]->eligible.empty() || is_producer(t)) return hold(t);
  // Tasks that need resources take them in their order.
  if (c != 0 && !classes_[c]->held.empty() && !catalogue_.class_at(c).resources.empty()) return hold(t);
  const worker_index w = best_worker(t, c);
  if (w == no_worker_index) return hold(t);
  assign(t, w, false);
}

/// The worker that has most of the inputs' bytes, or is to have them, unless its queue is too long.
worker_index scheduler_core::best_worker(slot t, std::uint32_t in_class) {
  candidates_of_one of;
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
    if (x.count < x.slots) hungry_ = true;
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

/// Whether a paused worker may be the one for held tasks of a class: none that is running may have them.
bool scheduler_core::would_run(const worker& w, std::uint32_t in_class) const {
  if (w.peer == 0 || w.mode != worker_mode::paused || w.slots == 0 || !classes_[in_class]) return false;
  const class_state& state = *classes_[in_class];
  const placement_class& wanted = catalogue_.class_at(in_class);
  return !state.held.empty() && state.eligible.empty() && meets(w, wanted, wanted.loose);
}

bool scheduler_core::waits_for_paused(std::uint32_t in_class) const {
  return std::any_of(workers_.begin(), workers_.end(), [&](const worker& w) { return would_run(w, in_class); });
}

/// Held tasks may be what frees the memory for want of which all workers that may have them are paused: each of these
/// that has no task is given one. Coroutines do not count as such, since they may wait for just what is held: that,
/// what tasks have submitted, comes first then, and no further coroutine of somebody else is begun.
void scheduler_core::fill_paused() {
  if (paused_ == 0) return;
  const auto is_worker = [&](peer_id p) { return peers_[p] && peers_[p]->worker != no_worker_index; };
  for (worker_index index = 0; index < workers_.size(); ++index) {
    const worker& w = workers_[index];
    if (w.peer == 0 || w.mode != worker_mode::paused || w.count != w.waiting) continue;
    slot best = no_task;
    for (std::uint32_t c = 0; c < classes_.size(); ++c) {
      if (!would_run(w, c) || (c != 0 && !has_resources(w, c))) continue;
      const held_tasks& held = classes_[c]->held;
      slot t = w.waiting == 0 ? no_task : held.first_of(tasks_, is_worker);
      if (t == no_task) {
        t = held.first(tasks_);
        if (w.waiting != 0 && (tasks_[t].flags & task_waits)) continue;
      }
      if ((tasks_[t].flags & task_waits) && w.waiting >= options_.most_pipelined) continue;
      if (best == no_task || tasks_.call(t).priority > tasks_.call(best).priority) best = t;
    }
    if (best == no_task) continue;
    unhold(best, true);
    assign(best, index, false);
  }
}

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
  r.cost = estimate(t);
  r.aux = 0;
  ++w.count;
  if (r.flags & task_waits) ++w.waiting;
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
  if (w.count - w.ahead > w.slots) crowded_ = true;
  last_event_ = now_;
  if (const std::uint32_t c = class_of(t); c != 0)
    for (const auto& [resource, amount] : catalogue_.class_at(c).resources) w.free[resource] -= amount;
  if (w.heap_at != nowhere) heap_update(index);
  // Values that are to be dropped: said before a new value of that id may be made.
  if (r.has(mark_dropping)) flush(w.peer);
  run(t, index);
  if (r.dependents_count != 0) handed_.push_back(t);
}

/// Tells a worker to run a task that it was assigned. Small values that are elsewhere go along.
void scheduler_core::run(slot t, worker_index index) {
  worker& w = workers_[index];
  const task_record& r = tasks_[t];
  const task_call& c = tasks_.call(t);
  const catalogue::function& f = catalogue_.function_at(c.function);
  inputs_.clear();
  given_.clear();
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
  m.inputs = inputs_;
  m.call = tasks_.payload(t);
  m.values = given_;
  tell(w.peer, m);
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

// ---- handing over ahead ------------------------------------------------------------------------------------------

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
    // What is being given back is not made there.
    if (input.state != task_state::assigned || input.has(mark_retracting)) return false;
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
  candidates_of_one of;
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

// ---- workers by fill ---------------------------------------------------------------------------------------------

void scheduler_core::touch(worker_index w) {
  if (workers_[w].touched) return;
  workers_[w].touched = true;
  touched_.push_back(w);
}

bool scheduler_core::heap_before(worker_index a, worker_index b) const noexcept {
  const std::uint64_t ka = workers_[a].heap_key, kb = workers_[b].heap_key;
  return ka != kb ? ka < kb : a < b;
}

void scheduler_core::heap_add(worker_index w) {
  workers_[w].heap_at = static_cast<std::uint32_t>(heap_.size());
  heap_.push_back(w);
  heap_update(w);
}

void scheduler_core::heap_remove(worker_index w) {
  const std::uint32_t at = workers_[w].heap_at;
  const worker_index last = heap_.back();
  heap_.pop_back();
  workers_[w].heap_at = nowhere;
  if (last == w) return;
  heap_[at] = last;
  workers_[last].heap_at = at;
  heap_up(at);
  heap_down(workers_[last].heap_at);
}

void scheduler_core::heap_update(worker_index index) {
  worker& w = workers_[index];
  w.heap_key = (w.filled << 10) / w.slots;
  heap_up(w.heap_at);
  heap_down(w.heap_at);
}

void scheduler_core::heap_up(std::uint32_t at) {
  const worker_index w = heap_[at];
  while (at > 0 && heap_before(w, heap_[(at - 1) / 2])) {
    heap_[at] = heap_[(at - 1) / 2];
    workers_[heap_[at]].heap_at = at;
    at = (at - 1) / 2;
  }
  heap_[at] = w;
  workers_[w].heap_at = at;
}

void scheduler_core::heap_down(std::uint32_t at) {
  const worker_index w = heap_[at];
  const auto n = static_cast<std::uint32_t>(heap_.size());
  while (2 * at + 1 < n) {
    std::uint32_t child = 2 * at + 1;
    if (child + 1 < n && heap_before(heap_[child + 1], heap_[child])) ++child;
    if (!heap_before(heap_[child], w)) break;
    heap_[at] = heap_[child];
    workers_[heap_[at]].heap_at = at;
    at = child;
  }
  heap_[at] = w;
  workers_[w].heap_at = at;
}

}  // namespace weft::net
