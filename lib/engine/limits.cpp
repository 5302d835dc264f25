#include "engine/limits.hpp"

#include <algorithm>
#include <atomic>

#include "engine/engine.hpp"
#include "weft/detail/task_details.hpp"
#include "weft/errors.hpp"
#include "weft/sleep.hpp"

namespace weft::detail {

namespace {

template <class Amounts>
void take_from(Amounts& from, const resource_amounts& wanted) {
  for (const auto& [name, amount] : wanted) from.find(name)->second -= amount;
}

bool is_coroutine(const node& n) noexcept { return n.type->stop != nullptr; }

}  // namespace

void resource_pool::check(const resource_amounts& wanted) const {
  for (const auto& [name, amount] : wanted) {
    const auto at = there_.find(name);
    if (at == there_.end())
      throw misuse("weft: the task wants the resource '" + name + "', which client_options.resources does not name");
    if (at->second < amount)
      throw misuse("weft: the task wants " + amount_text(amount) + " of the resource '" + name +
                   "', of which there are " + amount_text(at->second));
  }
}

bool resource_pool::enough(const amounts& of, const resource_amounts& wanted) {
  return std::all_of(wanted.begin(), wanted.end(),
                     [&](const auto& w) { return of.find(w.first)->second >= w.second; });
}

bool resource_pool::may_pass(std::uint64_t rank, const resource_amounts& wanted) const {
  if (coroutines_ != 0) return true;
  const bool nobody_waits = std::all_of(wanted.begin(), wanted.end(), [&](const auto& w) {
    const auto at = wanted_.find(w.first);
    return at == wanted_.end() || at->second == 0;
  });
  if (nobody_waits) return true;
  amounts left = free_;
  for (const node* other : waiting_) {
    if (other->rank > rank) break;
    if (!other->is(node_state::pending)) continue;
    take_from(left, other->details->resources);
    if (!enough(left, wanted)) return false;
  }
  return true;
}

void resource_pool::give(node& n) {
  take_from(free_, n.details->resources);
  coroutines_ += is_coroutine(n);
  n.holds_resources = true;
}

bool resource_pool::take(node& n) {
  const resource_amounts& wanted = n.details->resources;
  std::lock_guard guard(lock_);
  if (!n.is(node_state::pending)) return true;
  if (enough(free_, wanted) && may_pass(n.rank, wanted)) {
    give(n);
    return true;
  }
  for (const auto& [name, amount] : wanted) wanted_[name] += amount;
  waiting_.insert(&n);
  return false;
}

/// There is more of these than before, for those that wait. Who gets on by that takes some of it: so when nothing is
/// left of it none of the others does, and they are not looked at.
void resource_pool::hand_out(const resource_amounts& more, std::vector<node*>& ready) {
  amounts left = free_;  // by those that wait still
  const auto any_left = [&] {
    const amounts& of = coroutines_ != 0 ? free_ : left;
    return std::any_of(more.begin(), more.end(), [&](const auto& m) { return of.find(m.first)->second > 0; });
  };
  for (auto at = waiting_.begin(); at != waiting_.end() && any_left();) {
    node& other = **at;
    const resource_amounts& wanted = other.details->resources;
    // One that was cancelled meanwhile need not have them: it only has to leave.
    const bool waits = other.is(node_state::pending);
    const bool has = waits && enough(coroutines_ != 0 ? free_ : left, wanted);
    if (waits) take_from(left, wanted);
    if (waits && !has) {
      ++at;
      continue;
    }
    if (has) give(other);
    for (const auto& [name, amount] : wanted) wanted_[name] -= amount;
    ready.push_back(&other);
    at = waiting_.erase(at);
  }
}

std::vector<node*> resource_pool::give_back(node& n) {
  std::vector<node*> ready;
  std::lock_guard guard(lock_);
  for (const auto& [name, amount] : n.details->resources) free_.find(name)->second += amount;
  coroutines_ -= is_coroutine(n);
  hand_out(n.details->resources, ready);
  return ready;
}

std::vector<node*> resource_pool::stop_waiting(node& n) {
  std::vector<node*> ready;
  std::lock_guard guard(lock_);
  if (waiting_.erase(&n) == 0) return ready;
  for (const auto& [name, amount] : n.details->resources) wanted_[name] -= amount;
  ready.push_back(&n);
  hand_out(n.details->resources, ready);
  return ready;
}

// ---- what the engine does about them -----------------------------------------------------------------------------

void engine::give_back_resources(node& n) {
  n.holds_resources = false;
  for (node* other : resources_.give_back(n)) make_ready(*other);
}

/// The node has just been cancelled, and is not closed yet, so that its runner, if it gets one, waits and leaves what
/// is read here. Who asks for resources or memory at this moment looks at its state afterwards: either sees the
/// other.
void engine::stop_waiting(node& n) {
  if (n.details && !n.details->resources.empty())
    for (node* other : resources_.stop_waiting(n)) make_ready(*other);
  real_memory::full_fence();
  if (node_request* r = std::atomic_ref(n.request).load(std::memory_order_acquire)) store_->stop_waiting(*r);
}

void engine::begin_limits(node& n) {
  if (n.details->time_limit.count() == 0) return;
  stop_source ended;
  {
    std::lock_guard guard(deadlines_lock_);
    deadlines_.insert_or_assign(&n, ended);
  }
  n.counts.fetch_add(node::one_reference, std::memory_order_relaxed);  // the watcher's
  run_work(watch_deadline(n, std::move(ended)));
}

void engine::end_limits(node& n) noexcept {
  if (n.details->time_limit.count() == 0) return;
  std::unique_lock guard(deadlines_lock_);
  const auto at = deadlines_.find(&n);
  if (at == deadlines_.end()) return;
  const stop_source ended = at->second;
  deadlines_.erase(at);
  guard.unlock();
  ended.request_stop();
}

/// Cancels the task when its time is over.
task<> engine::watch_deadline(node& n, stop_source ended) {
  const auto wait = [](std::chrono::nanoseconds limit) -> task<> { co_await sleep_for(limit); };
  bool over = false;
  try {
    co_await with_stop(ended, wait(n.details->time_limit));
    over = true;
  } catch (const cancelled&) {}
  {
    std::lock_guard guard(deadlines_lock_);
    const auto at = deadlines_.find(&n);
    if (at != deadlines_.end() && &at->second.state() == &ended.state()) deadlines_.erase(at);
  }
  if (over && !n.ended()) {
    n.time_out();
    cancel(n);
  }
  drop_reference(n);
}

// ---- observers ---------------------------------------------------------------------------------------------------

void engine::observe(task_observer& o) {
  std::lock_guard guard(observers_lock_);
  observers_.push_back(&o);
  observed_.store(true, std::memory_order_release);
}

void engine::stop_observing(task_observer& o) noexcept {
  std::lock_guard guard(observers_lock_);
  std::erase(observers_, &o);
  observed_.store(!observers_.empty(), std::memory_order_release);
}

void engine::tell_observers(const node& n, task_event::step what) noexcept {
  if (!n.type->function_name) return;  // no task
  const worker* w = current_worker();
  const task_event e{what, n.number, w && &w->pool == &pool_ ? w->index : pool_.size(), &n};
  std::lock_guard guard(observers_lock_);
  for (task_observer* o : observers_) o->on(e);
}

}  // namespace weft::detail
