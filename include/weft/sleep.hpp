#pragma once

#include <chrono>

#include "weft/detail/leaf.hpp"

namespace weft {

namespace detail {

/// Rounded up; what nanoseconds cannot hold (292 years) is as long as they can.
template <class Rep, class Period>
constexpr std::chrono::nanoseconds in_nanoseconds(std::chrono::duration<Rep, Period> time) noexcept {
  using std::chrono::nanoseconds;
  const std::chrono::duration<long double, std::nano> exact(time);
  if (exact >= nanoseconds::max()) return nanoseconds::max();
  if (exact <= nanoseconds::min()) return nanoseconds::min();
  return std::chrono::ceil<nanoseconds>(time);
}

class sleep_awaiter : public leaf<sleep_awaiter> {
 public:
  explicit sleep_awaiter(time_point until) noexcept { timer_.deadline = until; }
  explicit sleep_awaiter(std::chrono::nanoseconds time) noexcept : time_(time), relative_(true) {}

  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> h) {
    return begin(h, [this, h] {
      if (relative_) timer_.deadline = deadline_after(now(pool()), time_);
      timer_.frame = h.address();
      timer_.band = band();
      return add_timer(pool(), timer_);
    });
  }
  void await_resume() {
    deafen();
    if (stopped() || timer_.cancelled) throw_cancelled();
  }
  void on_stop() noexcept {
    if (cancel_timer(pool(), timer_)) resume();
  }

  static time_point deadline_after(time_point now, std::chrono::nanoseconds time) noexcept {
    return time > time_point::max() - now ? time_point::max() : now + time;
  }

 private:
  timer timer_;
  std::chrono::nanoseconds time_{0};
  bool relative_ = false;
};

}  // namespace detail

/// Suspends the task for at least so long; no thread is held. Throws weft::cancelled when the task's scope is
/// stopped meanwhile. Cost: one entry in the pool's timer heap.
template <class Rep, class Period>
[[nodiscard("weft: co_await it")]] detail::sleep_awaiter sleep_for(std::chrono::duration<Rep, Period> time) noexcept {
  return detail::sleep_awaiter(detail::in_nanoseconds(time));
}

/// The same until a time of std::chrono::steady_clock.
[[nodiscard("weft: co_await it")]] inline detail::sleep_awaiter sleep_until(
    std::chrono::steady_clock::time_point until) noexcept {
  return detail::sleep_awaiter(until);
}

}  // namespace weft
