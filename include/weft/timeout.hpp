#pragma once

#include <atomic>
#include <chrono>
#include <coroutine>
#include <memory>
#include <utility>

#include "weft/detail/results.hpp"
#include "weft/detail/run_under.hpp"
#include "weft/detail/schedule.hpp"
#include "weft/sleep.hpp"

namespace weft {

namespace detail {

/// The child and the timer of a timeout; who ends last resumes the parent.
class time_limit : completion, work_item {
 public:
  time_limit(std::coroutine_handle<> parent, stop_state* outer) noexcept
      : completion{&time_limit::on_end},
        work_item{&time_limit::on_time, [](work_item*) {}},
        parent_(parent),
        stop_(outer) {}

  /// Returns the child, to go on with.
  std::coroutine_handle<> start(promise_base& child, void* frame, time_point deadline, bool relative,
                                std::chrono::nanoseconds time, priority band);
  /// Throws when the child did not give a value.
  void check(promise_base& child);

 private:
  static std::coroutine_handle<> on_end(completion& c, promise_base& p) noexcept;
  static void on_time(work_item* w);

  std::coroutine_handle<> parent_;
  pool_core* pool_ = nullptr;
  stop_state stop_;
  timer timer_;
  priority band_ = priority::normal;
  std::atomic<int> outstanding_{2};
  bool timed_out_ = false;
};

template <class T>
class timeout_awaiter : public pool_awaiter {
 public:
  timeout_awaiter(task<T>&& t, std::chrono::nanoseconds time) noexcept
      : child_(std::move(t)), time_(time), relative_(true) {}
  timeout_awaiter(task<T>&& t, time_point deadline) noexcept : child_(std::move(t)), deadline_(deadline) {}

  bool await_ready() const noexcept { return false; }
  template <class Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> parent) {
    promise_base& p = parent.promise();
    return limit_.emplace(parent, p.stop)
        .start(child_.promise(), child_.handle().address(), deadline_, relative_, time_, p.band);
  }
  T await_resume() {
    limit_.get().check(child_.promise());
    return child_.promise().take();
  }

 private:
  task<T> child_;
  time_point deadline_{};
  std::chrono::nanoseconds time_{0};
  bool relative_ = false;
  late<time_limit> limit_;
};

}  // namespace detail

/// Gives the task so much time: then it is cancelled, awaited, and weft::timed_out is thrown. If it ends with a
/// value or with another exception all the same, that stands.
template <class Rep, class Period, class T>
[[nodiscard("weft: co_await it")]] auto timeout(std::chrono::duration<Rep, Period> time, task<T> t) noexcept {
  return detail::timeout_awaiter<T>(std::move(t), detail::in_nanoseconds(time));
}

/// The same with a deadline.
template <class T>
[[nodiscard("weft: co_await it")]] auto timeout(std::chrono::steady_clock::time_point deadline, task<T> t) noexcept {
  return detail::timeout_awaiter<T>(std::move(t), deadline);
}

/// The same for what another combinator gives, and for an operation that waits: `co_await timeout(1s, all(f(),
/// g()))`, `co_await timeout(5ms, channel.receive())`.
template <class Time, detail::combined A>
[[nodiscard("weft: co_await it")]] auto timeout(Time time_or_deadline, A a) {
  return timeout(time_or_deadline, detail::to_task(std::move(a)));
}

}  // namespace weft
