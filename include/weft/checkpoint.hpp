#pragma once

#include <coroutine>

#include "weft/detail/leaf.hpp"

namespace weft {

namespace detail {

struct checkpoint_awaiter : pool_awaiter {
  bool always;
  explicit checkpoint_awaiter(bool yield) noexcept : always(yield) {}
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> h) noexcept {
    promise_base& p = h.promise();
    stop = p.stop;
    if (stop && stop->stop_requested()) return false;
    if (!always && !turn_is_over(p.band)) return false;
    schedule_last(*current_pool(), h.address(), p.band);
    return true;
  }
  void await_resume() const {
    if (stop && stop->stop_requested()) throw_cancelled();
  }
  stop_state* stop = nullptr;
};

struct stop_query : pool_awaiter {
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> h) noexcept {
    stop_state* s = h.promise().stop;
    stopped = s && s->stop_requested();
    return false;
  }
  bool await_resume() const noexcept { return stopped; }
  bool stopped = false;
};

}  // namespace detail

/// For long computations, every few microseconds: `co_await weft::checkpoint();` throws weft::cancelled when
/// the task's scope is stopped, and lets others run when the task has had its turn. A few nanoseconds else.
[[nodiscard("weft: co_await it")]] inline detail::checkpoint_awaiter checkpoint() noexcept {
  return detail::checkpoint_awaiter(false);
}

/// Goes to the end of the pool's queue; a checkpoint too.
[[nodiscard("weft: co_await it")]] inline detail::checkpoint_awaiter yield() noexcept {
  return detail::checkpoint_awaiter(true);
}

/// Whether the task's scope is stopped, without throwing: `if (co_await weft::stop_requested()) ...`
[[nodiscard("weft: co_await it")]] inline detail::stop_query stop_requested() noexcept { return {}; }

}  // namespace weft
