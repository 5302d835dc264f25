#include "engine/engine.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "engine/cascade.hpp"
#include "engine/failure.hpp"
#include "engine/layer_end.hpp"
#include "engine/rank.hpp"
#include "env/ticks.hpp"
#include "trace/task_names.hpp"
#include "weft/detail/run_under.hpp"
#include "weft/errors.hpp"

namespace weft::detail {

namespace {

constexpr std::size_t robbed_at_once = 16;
constexpr std::uint64_t spin_us = 50;  // what parking a thread and waking it costs on a virtual machine

/// Of whose requests the ranks are the engine's.
store_options by_ranks(store_options o) {
  o.place_bits = place_bits;
  return o;
}

}  // namespace

engine::runner::runner(engine& e) noexcept : work_item{}, of(e) {
  resume = [](work_item* w) {
    auto* r = static_cast<runner*>(w);
    r->of.run(*r);
  };
  destroy = [](work_item*) {};
}

store::host engine::host_of(engine& e) noexcept {
  return {.context = &e,
          .spawn = [](void* of, task<> t) { static_cast<engine*>(of)->run_work(std::move(t)); },
          .hold = [](void* of) noexcept { return static_cast<engine*>(of)->hold(); },
          .let_go = [](void* of) noexcept { static_cast<engine*>(of)->let_go(); },
          .now = [](void* of) noexcept { return static_cast<engine*>(of)->pool_.now_ns(); },
          .resident = [](void* of) noexcept { return static_cast<engine*>(of)->resident_memory(); },
          .trim = [](void* of) noexcept { static_cast<engine*>(of)->pool_.env().trim_memory(); }};
}

engine::engine(pool_core& pool, priority band, store_options memory, const resource_amounts& resources)
    : pool_(pool),
      band_(band),
      may_spin_(!pool.stepped()),
      stop_(&pool.stop()),
      store_(new store(by_ranks(std::move(memory)), host_of(*this))),
      resources_(resources),
      lanes_(pool.size() + 1) {
  const unsigned reserved = band == priority::interactive ? 0 : pool.options().reserve;
  for (unsigned i = reserved; i < pool.size(); ++i) {
    runners_.push_back(std::make_unique<runner>(*this));
    runners_.back()->next_idle = std::exchange(first_idle_, runners_.back().get());
  }
  idle_.store(static_cast<std::uint32_t>(runners_.size()), std::memory_order_relaxed);
}

engine::engine(pool_core& pool, priority band, store_options memory, std::unique_ptr<remote_home> cluster)
    : pool_(pool),
      band_(band),
      may_spin_(false),
      stop_(&pool.stop()),
      store_(new store(by_ranks(std::move(memory)), host_of(*this))),
      remote_(std::move(cluster)),
      resources_(resource_amounts{}),
      lanes_(pool.size() + 1) {}

engine::lane& engine::own_lane() noexcept {
  const worker* w = current_worker();
  return lanes_[w && &w->pool == &pool_ ? w->index : pool_.size()];
}

/// Counts up. A worker alone writes its lane's numbers; those of the lane for outsiders have many writers.
void engine::note(std::atomic<std::uint64_t>& number, std::uint64_t more) noexcept {
  if (current_pool() == &pool_)
    number.store(number.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
  else
    number.fetch_add(more, std::memory_order_relaxed);
}

task_totals engine::count() const noexcept {
  task_totals t;
  for (const lane& l : lanes_) {
    t.ended += l.ended.load(std::memory_order_relaxed);
    t.failed += l.failed.load(std::memory_order_relaxed);
    t.cancelled += l.cancelled.load(std::memory_order_relaxed);
  }
  for (const lane& l : lanes_) t.submitted += l.submitted.load(std::memory_order_relaxed);
  return t;
}

// ---- submission ------------------------------------------------------------------------------------------------

void engine::submit(node& n) {
  if (remote_) [[unlikely]]
    return submit_remote(n);
  announce(n);
  link(n);
}

void engine::announce(node& n) {
  announce_many(1);
  introduce(n);
}

void engine::introduce(node& n) {
  tell(n, task_event::step::submitted);
  if (n.details) [[unlikely]]
    begin_limits(n);
}

/// Enters a node with its inputs, and queues it if they have ended; ends it if one of them has failed.
void engine::link(node& n) {
  std::uint32_t done = 1;  // the submission
  bool refused = false;
  failure* why = nullptr;
  n.waits_for.store(n.input_count + 1, std::memory_order_relaxed);
  for (std::uint32_t i = 0; i < n.input_count; ++i) {
    edge& e = n.inputs[i];
    node& from = *e.from;
    e.to = &n;
    std::uintptr_t top = from.dependents.load(std::memory_order_acquire);
    for (int round = 0;;) {
      if (top == node::closed) {
        if (!from.is(node_state::done)) [[unlikely]] {
          if (!refused && !(refused = has_no_value(from, why))) {  // it is being run again just now
            real_memory::relax(round++);
            top = from.dependents.load(std::memory_order_acquire);
            continue;
          }
        } else if (from.stored) {
          store_->add_use(*from.stored, n.rank);
        }
        ++done;
        break;
      }
      if (top & node::locked) {
        real_memory::relax(round++);
        top = from.dependents.load(std::memory_order_acquire);
        continue;
      }
      e.next = reinterpret_cast<dependent*>(top);
      if (from.dependents.compare_exchange_weak(top, reinterpret_cast<std::uintptr_t>(static_cast<dependent*>(&e)),
                                                std::memory_order_acq_rel, std::memory_order_acquire))
        break;
    }
  }
  if (refused) [[unlikely]] {
    n.waits_for.fetch_sub(done - 1, std::memory_order_acq_rel);
    cascade c(*this);
    c.refuse(n, why);
    drop_failure(why);
    if (node* next = c.run()) make_ready(*next);
    return;
  }
  if (n.input_count == 0 || n.waits_for.fetch_sub(done, std::memory_order_acq_rel) == done) make_ready(n);
}

void engine::make_ready(node& n) {
  push(own_lane(), n);
  wake_runner();
}

/// What is urgent goes where every runner looks first.
void engine::push(lane& own, node& n) noexcept {
  lane& l = (n.rank >> place_bits) < default_urgency ? lanes_.back() : own;
  std::lock_guard guard(l.lock);
  l.queue.push({n.rank, &n});
  l.best.store(l.queue.best(), std::memory_order_relaxed);
}

/// After a node was pushed. The fence: the lock's release may be overtaken by the read of the counter.
void engine::wake_runner() {
  real_memory::full_fence();
  if (idle_.load(std::memory_order_relaxed) == 0) return;
  runner* r = nullptr;
  {
    std::lock_guard guard(idle_lock_);
    r = first_idle_;
    if (!r) return;
    first_idle_ = r->next_idle;
    idle_.fetch_sub(1, std::memory_order_seq_cst);
  }
  became_active();
  pool_.spawn_root(static_cast<work_item*>(r), band_, pool_core::no_limit);
}

/// Throws for what comes from outside once the pool is being ended; before anything is made.
void engine::check_open() const {
  if (pool_.refuses_spawns() && current_pool() != &pool_)
    throw misuse("weft: a task was submitted from outside on a pool that is being ended");
  store_->check_not_full();
}

/// The inputs are there, and this engine's.
void engine::check_inputs(const node& n) const {
  for (std::uint32_t i = 0; i < n.input_count; ++i) {
    const node* from = n.inputs[i].from;
    if (!from) throw_empty_future();
    if (from->home != this)
      throw misuse("weft: task " + key_of(*from) +
                   " belongs to another client: await its future, and give the value as an argument");
  }
}

// ---- runners ---------------------------------------------------------------------------------------------------

node* engine::take_from(lane& victim, lane& into) noexcept {
  if (victim.best.load(std::memory_order_relaxed) == ready_queue::none) return nullptr;
  std::array<ready_node, robbed_at_once> loot;
  std::size_t n = 0;
  {
    std::lock_guard guard(victim.lock);
    const std::size_t share = std::min((victim.queue.size() + 1) / 2, loot.size());
    while (n < share) loot[n++] = victim.queue.pop();
    victim.best.store(victim.queue.best(), std::memory_order_relaxed);
  }
  if (n == 0) return nullptr;
  if (n > 1) {
    std::lock_guard guard(into.lock);
    for (std::size_t i = n - 1; i > 0; --i) into.queue.push(loot[i]);
    into.best.store(into.queue.best(), std::memory_order_relaxed);
  }
  return loot[0].what;
}

node* engine::take(lane& l) noexcept {
  lane& outside = lanes_.back();
  const std::uint64_t best = l.best.load(std::memory_order_relaxed);
  if (outside.best.load(std::memory_order_relaxed) < best) [[unlikely]]
    if (node* n = take_from(outside, l)) return n;
  if (best != ready_queue::none) {
    std::lock_guard guard(l.lock);
    if (!l.queue.empty()) {
      node* n = l.queue.pop().what;
      l.best.store(l.queue.best(), std::memory_order_relaxed);
      return n;
    }
  }
  const std::size_t own = static_cast<std::size_t>(&l - lanes_.data());
  for (std::size_t k = 1; k < lanes_.size(); ++k)
    if (node* n = take_from(lanes_[(own + k) % lanes_.size()], l)) return n;
  return nullptr;
}

bool engine::anything_ready() const noexcept {
  for (const lane& l : lanes_)
    if (l.best.load(std::memory_order_relaxed) != ready_queue::none) return true;
  return false;
}

/// Spins while other runners work, since what they end may make something ready: parking the worker, and waking it
/// for that, would cost more. False: the runner should leave the worker.
bool engine::look_around(lane& l, node*& found) noexcept {
  if (!may_spin_ || pool_.others_wait(*current_worker(), band_)) return false;
  const std::uint64_t began = ticks(), limit = spin_us * pool_.ticks_per_us();
  while (idle_.load(std::memory_order_relaxed) + aside_.load(std::memory_order_relaxed) + 1 < runners_.size() &&
         ticks() - began < limit) {
    for (int i = 0; i < 16; ++i) {
      if (anything_ready() && (found = take(l))) return true;
      real_memory::pause();
    }
    if (turn_is_over(band_)) return false;
  }
  return false;
}

void engine::rest() noexcept {
  if (!resting_.load(std::memory_order_relaxed)) [[likely]]
    return;
  std::lock_guard guard(rest_lock_);
  if (node_tracker* t = resting_.load(std::memory_order_relaxed)) t->rests();
}

/// True: the runner is idle, and not the caller's any more.
bool engine::go_idle(runner& r) noexcept {
  {
    std::lock_guard guard(idle_lock_);
    r.next_idle = first_idle_;
    first_idle_ = &r;
    idle_.fetch_add(1, std::memory_order_seq_cst);
  }
  real_memory::full_fence();
  if (!anything_ready()) return true;
  // Something came meanwhile; who pushed it may have started a runner for it, this one too.
  std::lock_guard guard(idle_lock_);
  for (runner** at = &first_idle_; *at; at = &(*at)->next_idle)
    if (*at == &r) {
      *at = r.next_idle;
      idle_.fetch_sub(1, std::memory_order_seq_cst);
      return false;
    }
  return true;
}

/// Runners that are idle step aside at once, the others between two nodes; `excess_` says how many still have to.
void engine::use_runners(std::size_t most) noexcept {
  const std::size_t wanted = runners_.size() - std::min(most, runners_.size());
  bool more = false;
  {
    std::lock_guard guard(idle_lock_);
    std::uint32_t aside = aside_.load(std::memory_order_relaxed);
    for (; aside < wanted && first_idle_; ++aside) {
      runner* r = std::exchange(first_idle_, first_idle_->next_idle);
      r->next_idle = std::exchange(first_aside_, r);
      idle_.fetch_sub(1, std::memory_order_seq_cst);
    }
    for (; aside > wanted; --aside, more = true) {
      runner* r = std::exchange(first_aside_, first_aside_->next_idle);
      r->next_idle = std::exchange(first_idle_, r);
      idle_.fetch_add(1, std::memory_order_seq_cst);
    }
    aside_.store(aside, std::memory_order_relaxed);
    excess_.store(static_cast<std::uint32_t>(wanted > aside ? wanted - aside : 0), std::memory_order_relaxed);
  }
  if (more && anything_ready()) wake_runner();
}

/// True: the runner is set aside, and not the caller's any more. Others look after what is in the lanes: those that
/// are active, or one that is idle, which the caller wakes.
bool engine::step_aside(runner& r) noexcept {
  std::lock_guard guard(idle_lock_);
  const std::uint32_t excess = excess_.load(std::memory_order_relaxed);
  if (excess == 0) return false;
  excess_.store(excess - 1, std::memory_order_relaxed);
  aside_.fetch_add(1, std::memory_order_relaxed);
  r.next_idle = std::exchange(first_aside_, &r);
  return true;
}

/// The same in a trace, under the name of its function.
node* engine::execute_traced(node& n, worker& w) noexcept {
  if (!n.type->function_name) return execute(n);
  w.note(trace_kind::name_begin, number_of_name(n.type->function_name(n)));
  node* const next = execute(n);
  w.note(trace_kind::name_end);
  return next;
}

void engine::run(runner& r) noexcept {
  lane& l = own_lane();
  worker* const own = current_worker();
  const bool traced = own && own->trace.load(std::memory_order_relaxed);
  node* next = nullptr;
  for (;;) {
    if (excess_.load(std::memory_order_relaxed) != 0) [[unlikely]] {
      if (next) push(l, *std::exchange(next, nullptr));
      if (step_aside(r)) {
        rest();
        if (anything_ready()) wake_runner();
        pool_.root_ended(nullptr);
        became_idle();
        return;
      }
    }
    if (!next && !(next = take(l))) {
      rest();
      if (!look_around(l, next)) {
        if (!go_idle(r)) continue;
        pool_.root_ended(nullptr);
        became_idle();
        return;
      }
    }
    if (idle_.load(std::memory_order_relaxed) != 0 && anything_ready()) [[unlikely]]
      wake_runner();  // one wake-up begets the next
    next = traced ? execute_traced(*next, *own) : execute(*next);
    // Going on with what this end made ready is best, unless something of a higher priority waits.
    if (next && (next->rank >> place_bits) > (std::min(l.best.load(std::memory_order_relaxed),
                                                       lanes_.back().best.load(std::memory_order_relaxed)) >>
                                              place_bits)) [[unlikely]] {
      push(l, *next);
      next = nullptr;
    }
    if (turn_is_over(band_)) {
      if (next) push(l, *next);
      rest();
      schedule_last(pool_, static_cast<work_item*>(&r), band_);
      return;
    }
  }
}

/// Runs a node that is ready. Returns one to go on with, if its end made any ready.
node* engine::execute(node& n) noexcept {
  const bool sound = !n.has(node::poisoned);
  const bool stops = is_over(n);
  if (!stops && n.details && sound && !n.holds_resources && n.is(node_state::pending) &&
      !n.details->resources.empty())
    if (!resources_.take(n)) return nullptr;
  if (!stops && sound && n.is(node_state::pending) && !ask_memory(n)) return nullptr;
  node_state expected = node_state::pending;
  if (!n.state.compare_exchange_strong(expected, node_state::running, std::memory_order_acq_rel)) {
    // It has ended meanwhile, and now it leaves the queues.
    leave(n, true);
    return nullptr;
  }
  if (!sound) [[unlikely]] {
    forget_uses(n);
    for (std::uint32_t i = 0; i < n.input_count; ++i) {
      node* from = n.inputs[i].from;
      failure* why = nullptr;
      if (!from || !has_no_value(*from, why)) continue;
      if (!why) {
        if (layer_end* all = layer_end::of(n); all && from->timed_out()) all->take_lateness(late_text(*from));
        continue;
      }
      node* next = end(n, run_result::error, nullptr, why);
      drop_failure(why);
      return next;
    }
    n.ask_stop();
    return end(n, run_result::error, nullptr);
  }
  if (stops || n.stop_asked()) [[unlikely]] {
    if (!n.request) forget_uses(n);
    n.ask_stop();
    return end(n, run_result::error, nullptr);
  }
  if (n.request && n.request->error) [[unlikely]]
    return end(n, run_result::error, n.request->error);
  tell(n, task_event::step::started);
  std::exception_ptr error;
  if (n.retries == 0 && !n.type->repeatable) n.consumed = true;
  if (n.tracked) [[unlikely]] {
    tracker_->began(n);
    const std::uint64_t began = pool_.ticks();
    const run_result how = n.type->run(n, n.retries == 0, error);
    if (how == run_result::suspended) return nullptr;
    const std::uint64_t ran = pool_.ticks() - began;
    pool_.spend_turn(ran);  // what is told of it should not wait for another long one
    return end(n, how, std::move(error), nullptr, ran);
  }
  const run_result how = n.type->run(n, n.retries == 0, error);
  if (how == run_result::suspended) return nullptr;
  return end(n, how, std::move(error));
}

void engine::ended_later(node& n, run_result how, std::exception_ptr error) noexcept {
  if (node* next = end(n, how, std::move(error))) make_ready(*next);
  pool_.root_ended(nullptr);
  became_idle();
}

// ---- the end of a node -----------------------------------------------------------------------------------------

node* engine::end(node& n, run_result how, std::exception_ptr error, failure* cause, std::uint64_t ran) noexcept {
  lane& l = own_lane();
  if (how == run_result::value && n.details && n.timed_out()) [[unlikely]] {  // it could not be stopped, and is late
    n.type->value->end(n);
    how = run_result::error;
  }
  node_request* const request = std::exchange(n.request, nullptr);
  if (n.holds_resources) give_back_resources(n);
  if (how == run_result::value) [[likely]] {
    count_value(n, request);
    n.state.store(node_state::done, std::memory_order_release);
  } else if (n.stop_asked()) {
    n.state.store(node_state::cancelled, std::memory_order_release);
    note(l.cancelled);
  } else {
    if (error) {
      if (is_cancelled(error)) {  // it awaited what was cancelled
        n.ask_stop();
        n.request = request;
        return end(n, how, nullptr);
      }
      if (n.retries != 0) {
        --n.retries;
        finish_request(request);
        tell(n, task_event::step::retried);
        n.state.store(node_state::pending, std::memory_order_release);
        return &n;
      }
    }
    fail(n, std::move(error), cause);
    n.state.store(node_state::failed, std::memory_order_release);
    note(l.failed);
  }
  note(l.ended);
  tell(n, how == run_result::value      ? task_event::step::done
          : n.is(node_state::cancelled) ? task_event::step::cancelled
                                        : task_event::step::failed);
  if (n.details) [[unlikely]]
    end_limits(n);
  if (n.tracked) [[unlikely]]
    tracker_->ended(n, ran);
  // Before anybody is told: who then looks whether he alone holds an input finds no trace of this task.
  finish_request(request);
  if (!n.is(node_state::failed)) {                                               // a failed one may be run again
    const bool remakes = how == run_result::value && n.stored && can_remake(n);  // should the disk lose the value
    if (n.has_arguments && !remakes) n.type->end_arguments(n);
    n.has_arguments = n.has_arguments && remakes;
    drop_inputs(n);
  }
  // Once closed it may be run again at any time, but not before the rest of this is done.
  const bool stays_inside = n.is(node_state::failed) && (n.type->settle || n.type->closed);
  if (stays_inside) n.add(node::inside | node::refused | node::cleaned);
  node* next = close_node(n);
  if (n.type->settle) settle(n);
  if (!stays_inside)
    drop_reference(n);
  else if (!leave(n, false))
    make_ready(n);
  return next;
}

/// Takes the list of those who wait; who comes later finds that it has ended.
dependent* engine::close_list(node& n) noexcept {
  std::uintptr_t top = n.dependents.load(std::memory_order_acquire);
  for (int round = 0;;) {
    if (top & node::locked) {
      real_memory::relax(round++);
      top = n.dependents.load(std::memory_order_acquire);
    } else if (n.dependents.compare_exchange_weak(top, node::closed, std::memory_order_acq_rel,
                                                  std::memory_order_acquire)) {
      return reinterpret_cast<dependent*>(top);
    }
  }
}

/// Tells those who wait for it. Returns the best of the nodes that became ready; the others are pushed.
node* engine::close_node(node& n) noexcept {
  if (!n.is(node_state::done)) [[unlikely]] {
    cascade c(*this);
    c.ended(n);
    return c.run();
  }
  dependent* first = close_list(n);
  if (n.stored) publish_value(n, first);
  const auto closed = n.type->closed;
  node* best = nullptr;
  bool pushed = false;
  for (dependent* d = first; d;) {
    dependent* next = d->next;  // d may be gone once it is told
    if (node* to = d->to) {
      if (to->waits_for.fetch_sub(1, std::memory_order_acq_rel) == 1) {
        if (!best) {
          best = to;
        } else {
          node* other = to;
          if (to->rank < best->rank) std::swap(best, other);
          push(own_lane(), *other);
          pushed = true;
        }
      }
    } else {
      auto* w = static_cast<waiter*>(d);
      w->linked = false;
      w->wake(*w);
    }
    d = next;
  }
  if (closed) best = closed(n, best);
  if (pushed) wake_runner();
  return best;
}

}  // namespace weft::detail
