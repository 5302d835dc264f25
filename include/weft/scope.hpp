#pragma once

#include <atomic>
#include <coroutine>
#include <exception>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include "weft/detail/results.hpp"
#include "weft/detail/run_under.hpp"

namespace weft {

/// Where the tasks of a scope are started; see weft::scope. May be used by the scope's function and by every
/// task of the scope, on any thread, until the scope has ended.
class nursery : private detail::completion {
 public:
  nursery(const nursery&) = delete;
  nursery& operator=(const nursery&) = delete;

  /// Starts a task in the scope. If it fails, the scope is stopped, and throws that exception when all of its
  /// tasks have ended.
  void spawn(task<void> t) noexcept;
  template <detail::startable A>
    requires(!std::is_same_v<A, task<void>>)
  void spawn(A a) {
    auto t = detail::to_task(std::move(a));
    static_assert(std::is_void_v<detail::task_value_t<decltype(t)>>,
                  "weft: what is spawned gives nothing, since nobody awaits its value: spawn a task<>");
    if constexpr (std::is_same_v<decltype(t), task<void>>) spawn(std::move(t));
  }
  /// Asks every task of the scope to stop. That alone is no failure: the scope gives what its function gives.
  void request_stop() noexcept {
    stopped_itself_.store(true, std::memory_order_relaxed);
    stop_.request_stop();
  }
  bool stop_requested() noexcept { return stop_.stop_requested(); }

  /// For weft::scope.
  nursery(detail::stop_state* outer, priority band, detail::pool_core* pool) noexcept;
  detail::stop_state& stop() noexcept { return stop_; }
  void fail(std::exception_ptr error) noexcept;
  struct join_awaiter : detail::pool_awaiter {
    explicit join_awaiter(nursery& n) noexcept : of(n) {}
    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> parent) noexcept {
      of.parent_ = parent;
      return of.outstanding_.fetch_sub(1, std::memory_order_acq_rel) != 1;
    }
    void await_resume() const {
      if (of.error_) std::rethrow_exception(of.error_);
      if (of.cut_off_.load(std::memory_order_relaxed)) detail::throw_cancelled();
    }
    nursery& of;
  };
  join_awaiter join() noexcept { return join_awaiter(*this); }

 private:
  static std::coroutine_handle<> on_end(detail::completion& c, detail::promise_base& p) noexcept;

  detail::stop_state stop_;
  const priority band_;
  detail::pool_core* const pool_;
  std::atomic<std::size_t> outstanding_{1};  // tasks, and the scope's own function
  std::atomic<bool> failed_{false};
  std::atomic<bool> stopped_itself_{false};  // by request_stop or a failure, and not from around the scope
  std::atomic<bool> cut_off_{false};         // a task was cancelled by a stop from around the scope
  std::exception_ptr error_;                 // written by who set failed_, read after the join
  std::coroutine_handle<> parent_;
};

/// Runs `f(nursery, args...)`, a coroutine that may start any number of tasks in the nursery, and waits for it
/// and for all of them, on every path. When one fails the rest are cancelled, awaited, and the failure thrown.
/// Gives what f gives. When a stop from around the scope cancels one of its tasks, the scope throws weft::cancelled,
/// even if f itself has given a value.
///
/// A function and its arguments, not a lambda that captures: g++ 12 destroys captures twice in the expression of a
/// co_await, and those of a lambda given to nursery.spawn end with that call (docs/semantics.md). The scope keeps f
/// and the arguments.
template <class F, class... A>
  requires std::invocable<F&, nursery&, A...>
auto scope(F f, A... args) -> std::invoke_result_t<F&, nursery&, A...> {
  using T = detail::task_value_t<std::invoke_result_t<F&, nursery&, A...>>;
  const auto around = co_await detail::surroundings{};
  nursery n(around.stop, around.band, around.pool);
  std::optional<detail::value_or_nothing<T>> value;
  try {
    auto body = std::invoke(f, n, std::forward<A>(args)...);
    if constexpr (std::is_void_v<T>)
      co_await detail::run_under<T>(std::move(body), &n.stop());
    else
      value.emplace(co_await detail::run_under<T>(std::move(body), &n.stop()));
  } catch (...) { n.fail(std::current_exception()); }
  co_await n.join();
  if constexpr (!std::is_void_v<T>) co_return std::move(*value);
}

}  // namespace weft
