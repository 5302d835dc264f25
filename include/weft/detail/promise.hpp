#pragma once

#include <atomic>
#include <concepts>
#include <coroutine>
#include <cstdint>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

#include "weft/detail/frame.hpp"
#include "weft/detail/stop_state.hpp"
#include "weft/priority.hpp"

namespace weft {
template <class T>
class task;
}

namespace weft::detail {

struct promise_base;
struct join;

/// What a finished task does next. It is told by the promise, and returns the coroutine to go on with.
struct completion {
  using function = std::coroutine_handle<> (*)(completion&, promise_base&) noexcept;
  function finished;
};

/// How a task's end is passed on: to the coroutine that awaits it alone, to the join it is a child of (as a
/// link of the forking thread's chain, or as a stray that another thread took), or to a completion.
enum class ending : std::uint8_t { resume_awaiter, chained, stray, call };

enum class outcome : std::uint8_t { none, value, error };

/// What every task's promise has in common. It stands at the beginning of the promise, whose alignment is at
/// most 16, so that the address of a frame leads to it (promise_of).
struct promise_base {
  promise_base() noexcept : awaiter(nullptr) {}
  ~promise_base() {}  // the derived promise destroys what `state` says is there

  static void* operator new(std::size_t size) { return allocate_frame(size); }
  static void operator delete(void* frame, std::size_t size) noexcept { release_frame(frame, size); }

  union {
    void* awaiter;            // resume_awaiter: the address of a coroutine
    join* parent_join;        // chained, stray
    completion* on_finished;  // call
  };
  stop_state* stop = nullptr;  // null: never stopped
  union {
    std::exception_ptr error;  // outcome::error
  };
  ending end = ending::resume_awaiter;
  outcome state = outcome::none;
  priority band = priority::normal;
};

inline promise_base& promise_of(void* frame) noexcept {
  return std::coroutine_handle<promise_base>::from_address(frame).promise();
}

/// The link of a chain that has ended: returns the coroutine that this thread goes on with. In weft/detail/join.hpp.
std::coroutine_handle<> end_of_link(promise_base& child) noexcept;
/// A stray child has ended.
std::coroutine_handle<> end_of_stray(promise_base& child) noexcept;
[[noreturn]] void throw_cancelled();

struct final_awaiter {
  bool await_ready() const noexcept { return false; }
  void await_resume() const noexcept {}
  template <class Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) const noexcept {
    promise_base& p = self.promise();
    switch (p.end) {
      case ending::chained:
        return end_of_link(p);
      case ending::resume_awaiter:
        return std::coroutine_handle<>::from_address(p.awaiter);
      case ending::stray:
        return end_of_stray(p);
      case ending::call:
        break;
    }
    return p.on_finished->finished(*p.on_finished, p);
  }
};

/// A task begins when it is awaited, forked or spawned; one whose scope was stopped by then ends at once.
struct initial_awaiter {
  const promise_base& promise;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<>) const noexcept {}
  void await_resume() const {
    if (promise.stop && promise.stop->stopped_here()) [[unlikely]]
      throw_cancelled();
  }
};

/// Base of the awaiters that resume a task on its pool by themselves. Any other awaitable is wrapped
/// (weft/detail/foreign.hpp), so that a task is always resumed by a worker of its pool.
struct pool_awaiter {};

template <class A>
concept resumes_on_pool = std::derived_from<std::remove_cvref_t<A>, pool_awaiter> ||
                          requires { requires std::remove_cvref_t<A>::weft_resumes_on_pool; };

/// Awaits through a reference: g++ 12 would copy an awaiter that await_transform returns by reference, and
/// awaiters of operations that others know by address cannot be.
template <class A>
struct awaited {
  A& awaiter;
  bool await_ready() const noexcept { return awaiter.await_ready(); }
  template <class Promise>
  auto await_suspend(std::coroutine_handle<Promise> h) const noexcept(noexcept(awaiter.await_suspend(h))) {
    return awaiter.await_suspend(h);
  }
  decltype(auto) await_resume() const { return awaiter.await_resume(); }
};

template <class A>
auto adopt_foreign(A&& awaitable);

template <class Promise>
struct promise_for : promise_base {
  initial_awaiter initial_suspend() const noexcept { return {*this}; }
  final_awaiter final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept {
    std::construct_at(std::addressof(error), std::current_exception());
    state = outcome::error;
  }
  void rethrow_error() { std::rethrow_exception(std::move(error)); }

  template <class A>
  decltype(auto) await_transform(A&& awaitable) {
    if constexpr (std::derived_from<std::remove_cvref_t<A>, pool_awaiter>) {
      static_assert(!std::is_lvalue_reference_v<A>,
                    "weft: what a combinator or an operation gives is awaited once, as an rvalue: "
                    "co_await std::move(x)");
      return awaited<std::remove_reference_t<A>>{awaitable};
    } else if constexpr (resumes_on_pool<A>) {
      return std::forward<A>(awaitable).operator co_await();
    } else {
      return adopt_foreign(std::forward<A>(awaitable));
    }
  }
};

template <class T>
struct promise : promise_for<promise<T>> {
  static_assert(std::is_object_v<T> && !std::is_array_v<T>, "weft: a task returns an object, a reference or void");
  static_assert(alignof(T) <= 16,
                "weft: the result of a task may be aligned to 16 bytes at most: return it in a std::unique_ptr");

  promise() noexcept {}
  ~promise() {
    if (this->state == outcome::value)
      std::destroy_at(std::addressof(value));
    else if (this->state == outcome::error)
      std::destroy_at(std::addressof(this->error));
  }

  task<T> get_return_object() noexcept;

  template <class U = T>
    requires std::constructible_from<T, U&&>
  void return_value(U&& u) noexcept(std::is_nothrow_constructible_v<T, U&&>) {
    std::construct_at(std::addressof(value), std::forward<U>(u));
    this->state = outcome::value;
  }

  /// The result, once; call it when the task has ended.
  T take() {
    if (this->state == outcome::error) [[unlikely]]
      this->rethrow_error();
    return std::move(value);
  }

  union {
    T value;
  };
};

template <class T>
struct promise<T&> : promise_for<promise<T&>> {
  ~promise() {
    if (this->state == outcome::error) std::destroy_at(std::addressof(this->error));
  }
  task<T&> get_return_object() noexcept;
  void return_value(T& t) noexcept {
    value = std::addressof(t);
    this->state = outcome::value;
  }
  T& take() {
    if (this->state == outcome::error) [[unlikely]]
      this->rethrow_error();
    return *value;
  }
  T* value;
};

template <>
struct promise<void> : promise_for<promise<void>> {
  ~promise() {
    if (state == outcome::error) std::destroy_at(std::addressof(error));
  }
  task<void> get_return_object() noexcept;
  void return_void() noexcept { state = outcome::value; }
  void take() {
    if (state == outcome::error) [[unlikely]]
      rethrow_error();
  }
};

}  // namespace weft::detail
