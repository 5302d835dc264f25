// What any, scope and timeout do that does not depend on their types.
#include "exec/pool_core.hpp"
#include "weft/any.hpp"
#include "weft/errors.hpp"
#include "weft/scope.hpp"
#include "weft/stream.hpp"
#include "weft/timeout.hpp"

namespace weft {

namespace detail {

bool is_cancelled(const std::exception_ptr& error) noexcept {
  try {
    std::rethrow_exception(error);
  } catch (const cancelled&) { return true; } catch (...) {
    return false;
  }
}

void schedule_new(void* frame, priority band) noexcept { schedule_new_on(*current_pool(), frame, band); }

void spawn_here(task<> t, priority band) {
  t.promise().band = band;
  spawn_detached(*current_pool(), t.promise(), t.handle().address());
  static_cast<void>(t.release());
}

// ---- any -----------------------------------------------------------------------------------------------

std::coroutine_handle<> race::on_end(completion& c, promise_base& p) noexcept {
  race& r = static_cast<race&>(c);
  promise_base* none = nullptr;
  if (p.state == outcome::value) {
    if (r.won.compare_exchange_strong(none, &p, std::memory_order_acq_rel)) r.stop.request_stop();
  } else if (!r.won.load(std::memory_order_acquire)) {
    r.failed.compare_exchange_strong(none, &p, std::memory_order_acq_rel);
  }
  const std::coroutine_handle<> parent = r.parent;
  return r.outstanding.fetch_sub(1, std::memory_order_acq_rel) == 1 ? parent : std::noop_coroutine();
}

std::coroutine_handle<> start_race(race& r, std::span<void* const> frames, priority band) noexcept {
  for (void* frame : frames) {
    promise_base& p = promise_of(frame);
    p.on_finished = &r;
    p.stop = &r.stop;
    p.end = ending::call;
    p.band = band;
  }
  for (std::size_t i = frames.size() - 1; i > 0; --i) schedule_new(frames[i], band);
  return std::coroutine_handle<>::from_address(frames[0]);
}

std::size_t winner_of(race& r, std::span<void* const> frames) {
  const promise_base* won = r.won.load(std::memory_order_acquire);
  if (!won) std::rethrow_exception(std::move(r.failed.load(std::memory_order_acquire)->error));
  std::size_t i = 0;
  while (&promise_of(frames[i]) != won) ++i;
  return i;
}

void throw_empty_race() { throw misuse("weft: any was given no task, so none can be the first"); }

// ---- timeout -------------------------------------------------------------------------------------------

std::coroutine_handle<> time_limit::start(promise_base& child, void* frame, time_point deadline, bool relative,
                                          std::chrono::nanoseconds time, priority band) {
  child.on_finished = this;
  child.stop = &stop_;
  child.end = ending::call;
  child.band = band;
  band_ = band;
  pool_ = current_pool();
  timer_.deadline = relative ? sleep_awaiter::deadline_after(pool_->env().now(), time) : deadline;
  timer_.frame = static_cast<work_item*>(this);
  timer_.band = priority::interactive;  // a time limit that waits behind the work it limits is none
  pool_->add_timer(timer_);
  return std::coroutine_handle<>::from_address(frame);
}

std::coroutine_handle<> time_limit::on_end(completion& c, promise_base&) noexcept {
  time_limit& l = static_cast<time_limit&>(c);
  const std::coroutine_handle<> parent = l.parent_;
  const int ended = l.pool_->cancel_timer(l.timer_) ? 2 : 1;
  return l.outstanding_.fetch_sub(ended, std::memory_order_acq_rel) == ended ? parent : std::noop_coroutine();
}

void time_limit::on_time(work_item* w) {
  time_limit& l = *static_cast<time_limit*>(w);
  const std::coroutine_handle<> parent = l.parent_;
  // The child may have ended by now; then nobody is stopped, and nobody asks whether the time was over.
  l.timed_out_ = true;
  l.stop_.request_stop();
  pool_core* const pool = l.pool_;
  const priority band = l.band_;
  if (l.outstanding_.fetch_sub(1, std::memory_order_acq_rel) == 1) schedule(*pool, parent.address(), band);
}

void time_limit::check(promise_base& child) {
  if (timed_out_ && child.state == outcome::error && is_cancelled(child.error)) throw timed_out();
}

}  // namespace detail

// ---- scope ---------------------------------------------------------------------------------------------

nursery::nursery(detail::stop_state* outer, priority band, detail::pool_core* pool) noexcept
    : completion{&nursery::on_end}, stop_(outer), band_(band), pool_(pool) {}

void nursery::fail(std::exception_ptr error) noexcept {
  if (!failed_.exchange(true, std::memory_order_acq_rel)) {
    error_ = std::move(error);
    request_stop();
  }
}

void nursery::spawn(task<void> t) noexcept {
  detail::promise_base& p = t.promise();
  p.on_finished = this;
  p.stop = &stop_;
  p.end = detail::ending::call;
  p.band = band_;
  outstanding_.fetch_add(1, std::memory_order_relaxed);
  detail::schedule_new_on(*pool_, t.release().address(), band_);
}

std::coroutine_handle<> nursery::on_end(detail::completion& c, detail::promise_base& p) noexcept {
  nursery& n = static_cast<nursery&>(c);
  if (p.state == detail::outcome::error) {
    // A task that was cancelled because the scope was stopped has not failed by itself. But when the stop came from
    // around the scope, its work is cut off, and the scope is cancelled as a whole.
    if (!n.stop_.stop_requested() || !detail::is_cancelled(p.error))
      n.fail(std::move(p.error));
    else if (!n.stopped_itself_.load(std::memory_order_relaxed))
      n.cut_off_.store(true, std::memory_order_relaxed);
  }
  std::coroutine_handle<detail::promise_base>::from_promise(p).destroy();
  return n.outstanding_.fetch_sub(1, std::memory_order_acq_rel) == 1 ? n.parent_ : std::noop_coroutine();
}

}  // namespace weft
