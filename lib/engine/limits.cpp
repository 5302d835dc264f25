#include "engine/limits.hpp"

#include <algorithm>

#include "engine/engine.hpp"
#include "weft/detail/task_details.hpp"
#include "weft/errors.hpp"
#include "weft/sleep.hpp"

namespace weft::detail {

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

bool resource_pool::try_take(const resource_amounts& wanted) {
  const bool enough = std::all_of(wanted.begin(), wanted.end(),
                                  [&](const auto& w) { return free_.find(w.first)->second >= w.second; });
  if (!enough) return false;
  for (const auto& [name, amount] : wanted) free_.find(name)->second -= amount;
  return true;
}

bool resource_pool::take(node& n) {
  std::lock_guard guard(lock_);
  if (try_take(n.details->resources)) return n.holds_resources = true;
  const auto behind = std::upper_bound(waiting_.begin(), waiting_.end(), n.rank,
                                       [](std::uint64_t rank, const node* other) { return rank < other->rank; });
  waiting_.insert(behind, &n);
  return false;
}

std::vector<node*> resource_pool::give_back(node& n) {
  std::vector<node*> ready;
  std::lock_guard guard(lock_);
  for (const auto& [name, amount] : n.details->resources) free_.find(name)->second += amount;
  std::erase_if(waiting_, [&](node* other) {
    // One that was cancelled meanwhile need not have them: it only has to leave.
    const bool has = other->is(node_state::pending) && try_take(other->details->resources);
    const bool goes = has || !other->is(node_state::pending);
    other->holds_resources = has;
    if (goes) ready.push_back(other);
    return goes;
  });
  return ready;
}

// ---- what the engine does about them -----------------------------------------------------------------------------

void engine::give_back_resources(node& n) {
  n.holds_resources = false;
  for (node* other : resources_.give_back(n)) make_ready(*other);
}

void engine::begin_limits(node& n) {
  if (n.details->time_limit.count() == 0) return;
  stop_source ended;
  {
    std::lock_guard guard(deadlines_lock_);
    deadlines_.emplace(&n, ended);
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
    co_await with_stop(std::move(ended), wait(n.details->time_limit));
    over = true;
  } catch (const cancelled&) {}
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
