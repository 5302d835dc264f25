#pragma once

#include <concepts>
#include <coroutine>
#include <type_traits>
#include <utility>

#include "weft/detail/foreign.hpp"
#include "weft/detail/join.hpp"
#include "weft/detail/promise.hpp"
#include "weft/errors.hpp"

namespace weft {

/// A computation that has not begun: what a coroutine with this return type gives its caller.
///
/// It begins when it is awaited (`co_await f()`), handed to a combinator (`all`, `any`,
/// `timeout`) that is, or spawned, and it can be started once: those who start it take it by rvalue. A task
/// that is never started is destroyed cleanly, with its parameters. What it throws comes out of the await.
///
/// The coroutine must not refer to temporaries of the call unless it is awaited in the same full-expression:
/// take parameters by value, or see docs/semantics.md.
///
/// Cost: one frame, from the thread's freelist; awaiting one is a tail call there and back.
template <class T = void>
class [[nodiscard("weft: a task does nothing until it is awaited or spawned")]] task {
 public:
  using promise_type = detail::promise<T>;
  using value_type = T;
  static constexpr bool weft_resumes_on_pool = true;

  task(task&& other) noexcept : frame_(std::exchange(other.frame_, {})) {}
  task& operator=(task&& other) noexcept {
    if (this != &other) {
      if (frame_) frame_.destroy();
      frame_ = std::exchange(other.frame_, {});
    }
    return *this;
  }
  ~task() {
    if (frame_) frame_.destroy();
  }

  auto operator co_await() && noexcept { return awaiter{std::move(*this)}; }

  template <class Never = void>
  void operator co_await() & {
    static_assert(!std::is_void_v<Never>,
                  "weft: a task is awaited once, so it is awaited as an rvalue: co_await std::move(t)");
  }

  /// For combinators: gives up the frame, suspended at its beginning.
  std::coroutine_handle<promise_type> release() noexcept { return std::exchange(frame_, {}); }
  /// For combinators: takes a frame back, to own it.
  explicit task(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}
  promise_type& promise() const noexcept { return frame_.promise(); }
  std::coroutine_handle<promise_type> handle() const noexcept { return frame_; }

 private:
  struct awaiter : detail::pool_awaiter {
    explicit awaiter(task&& t) noexcept : child(std::move(t)) {}
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> parent) const noexcept {
      static_assert(std::is_base_of_v<detail::promise_base, Promise>,
                    "weft: only a weft::task can await a weft::task; from an Asio coroutine, use "
                    "pool.spawn(task, asio::use_awaitable)");
      detail::promise_base& p = child.promise();
      p.awaiter = parent.address();
      p.stop = parent.promise().stop;
      p.band = parent.promise().band;
      return child.handle();
    }
    T await_resume() const { return child.promise().take(); }
    task child;
  };

  std::coroutine_handle<promise_type> frame_;
};

namespace detail {

template <class T>
task<T> promise<T>::get_return_object() noexcept {
  return task<T>(std::coroutine_handle<promise>::from_promise(*this));
}
template <class T>
task<T&> promise<T&>::get_return_object() noexcept {
  return task<T&>(std::coroutine_handle<promise>::from_promise(*this));
}
inline task<void> promise<void>::get_return_object() noexcept {
  return task<void>(std::coroutine_handle<promise>::from_promise(*this));
}

template <class T>
struct task_value;
template <class T>
struct task_value<task<T>> {
  using type = T;
};
/// T of task<T>.
template <class Task>
using task_value_t = typename task_value<std::remove_cvref_t<Task>>::type;

template <class Task>
concept is_task = requires { typename task_value_t<Task>; };

/// What a combinator gives (all, any, timeout, ...), or an operation that waits (a receive, a lock, a sleep), which
/// nobody has awaited yet: it may be combined like a task.
template <class A>
concept combined = std::derived_from<A, pool_awaiter> && std::move_constructible<A>;

/// Whether combinators take it.
template <class A>
concept startable = is_task<A> || combined<A>;

template <class T>
task<T> to_task(task<T> t) noexcept {
  return t;
}
template <combined A>
task<decltype(std::declval<A&>().await_resume())> to_task(A a) {
  co_return co_await std::move(a);
}

}  // namespace detail
}  // namespace weft
