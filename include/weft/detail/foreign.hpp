#pragma once

#include <concepts>
#include <coroutine>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "weft/detail/promise.hpp"
#include "weft/detail/results.hpp"
#include "weft/detail/schedule.hpp"

namespace weft::detail {

template <class A>
decltype(auto) get_awaiter(A&& a) {
  if constexpr (requires { std::forward<A>(a).operator co_await(); })
    return std::forward<A>(a).operator co_await();
  else if constexpr (requires { operator co_await(std::forward<A>(a)); })
    return operator co_await(std::forward<A>(a));
  else
    return std::forward<A>(a);
}

/// Awaits what is not weft's. A foreign awaitable resumes its coroutine on a thread of its own choice; a task
/// must go on on a worker of its pool. So a small coroutine awaits it in the task's stead, keeps the result,
/// and makes the task runnable.
template <class A>
class foreign_awaiter : public pool_awaiter {
  using awaiter = std::remove_reference_t<decltype(get_awaiter(std::declval<A>()))>;
  using result = decltype(std::declval<awaiter&>().await_resume());
  using stored =
      std::conditional_t<std::is_void_v<result>, nothing,
                         std::conditional_t<std::is_reference_v<result>, std::remove_reference_t<result>*, result>>;
  struct stand_in {
    struct promise_type {
      stand_in get_return_object() noexcept { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
      std::suspend_always initial_suspend() noexcept { return {}; }
      auto final_suspend() noexcept {
        struct hand_over {
          bool await_ready() const noexcept { return false; }
          void await_suspend(std::coroutine_handle<promise_type> h) const noexcept {
            promise_type& p = h.promise();
            schedule(*p.pool, p.frame, p.band);
          }
          void await_resume() const noexcept {}
        };
        return hand_over{};
      }
      void return_void() noexcept {}
      void unhandled_exception() noexcept { std::terminate(); }  // await_for catches everything
      pool_core* pool = nullptr;
      void* frame = nullptr;
      priority band = priority::normal;
    };
    std::coroutine_handle<promise_type> handle;
  };

 public:
  explicit foreign_awaiter(A&& a) : awaitable_(std::forward<A>(a)) {}
  foreign_awaiter(foreign_awaiter&& o) noexcept
      : awaitable_(std::forward<A>(o.awaitable_)) {}  // moved only before it is awaited
  ~foreign_awaiter() {
    if (stand_in_) stand_in_.destroy();
  }
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> h) {
    stand_in s = await_for(*this);
    stand_in_ = s.handle;
    auto& p = s.handle.promise();
    p.pool = current_pool();
    p.frame = h.address();
    p.band = h.promise().band;
    return s.handle;
  }
  result await_resume() {
    if (error_) std::rethrow_exception(std::move(error_));
    if constexpr (std::is_reference_v<result>)
      return static_cast<result>(**value_);
    else if constexpr (!std::is_void_v<result>)
      return std::move(*value_);
  }

 private:
  static stand_in await_for(foreign_awaiter& self) {
    try {
      if constexpr (std::is_void_v<result>) {
        co_await std::forward<A>(self.awaitable_);
        self.value_.emplace();
      } else if constexpr (std::is_reference_v<result>) {
        auto&& r = co_await std::forward<A>(self.awaitable_);
        self.value_.emplace(std::addressof(r));
      } else {
        self.value_.emplace(co_await std::forward<A>(self.awaitable_));
      }
    } catch (...) { self.error_ = std::current_exception(); }
  }

  A awaitable_;
  std::optional<stored> value_;
  std::exception_ptr error_;
  std::coroutine_handle<typename stand_in::promise_type> stand_in_;
};

template <class A>
auto adopt_foreign(A&& awaitable) {
  return foreign_awaiter<A>(std::forward<A>(awaitable));
}

}  // namespace weft::detail
