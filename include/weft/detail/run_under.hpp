#pragma once

#include <coroutine>

#include "weft/task.hpp"

namespace weft::detail {

/// Awaits a task under another stop state than the awaiting task's own.
template <class T>
struct run_under : pool_awaiter {
  run_under(task<T>&& t, stop_state* s) noexcept : child(std::move(t)), stop(s) {}
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> parent) const noexcept {
    promise_base& p = child.promise();
    p.awaiter = parent.address();
    p.stop = stop;
    p.band = parent.promise().band;
    return child.handle();
  }
  T await_resume() const { return child.promise().take(); }
  task<T> child;
  stop_state* stop;
};

/// The stop state and the band of the running task.
struct surroundings : pool_awaiter {
  struct values {
    stop_state* stop;
    priority band;
    pool_core* pool;
  };
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> h) noexcept {
    found = {h.promise().stop, h.promise().band, current_pool()};
    return false;
  }
  values await_resume() const noexcept { return found; }
  values found{};
};

/// Whether an exception is weft::cancelled.
bool is_cancelled(const std::exception_ptr& error) noexcept;

/// Makes a new task's frame runnable on the pool of this worker, and sees to it that an idle worker hears of it.
void schedule_new(void* frame, priority band) noexcept;

}  // namespace weft::detail
