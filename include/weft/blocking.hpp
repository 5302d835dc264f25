#pragma once

#include <concepts>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include "weft/detail/leaf.hpp"
#include "weft/detail/results.hpp"

namespace weft {

namespace detail {

bool run_blocking(pool_core& pool, work_item* item, blocking_place& place);
bool withdraw_blocking(pool_core& pool, work_item* item, blocking_place& place) noexcept;

template <class F>
class blocking_awaiter : public leaf<blocking_awaiter<F>> {
 public:
  using result = std::invoke_result_t<F>;

  explicit blocking_awaiter(F f) : f_(std::move(f)) {}

  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> h) {
    call_.self = this;
    return this->begin(h, [this] {
      if (run_blocking(this->pool(), &call_, place_)) return true;
      withdrawn_ = true;  // a stop came first
      return false;
    });
  }
  result await_resume() {
    this->deafen();
    if (this->stopped() || withdrawn_) throw_cancelled();
    if (error_) std::rethrow_exception(std::move(error_));
    if constexpr (!std::is_void_v<result>) return std::move(*value_);
  }
  /// A call that has begun cannot be stopped from outside: its end is awaited.
  void on_stop() noexcept {
    if (!withdraw_blocking(this->pool(), &call_, place_)) return;
    withdrawn_ = true;
    this->resume();
  }

 private:
  struct call : work_item {
    call() noexcept : work_item{[](work_item* w) { static_cast<call*>(w)->self->run(); }, [](work_item*) {}} {}
    blocking_awaiter* self = nullptr;
  };
  void run() noexcept {
    try {
      if constexpr (std::is_void_v<result>)
        f_();
      else
        value_.emplace(f_());
    } catch (...) { error_ = std::current_exception(); }
    this->resume();
  }

  F f_;
  call call_;
  std::optional<value_or_nothing<result>> value_;
  std::exception_ptr error_;
  blocking_place place_ = blocking_place::nowhere;
  bool withdrawn_ = false;  // by a stop, before it had a thread
};

}  // namespace detail

/// Runs a function that blocks (a slow system call, a lock of another library) on a thread beside the pool, so
/// that no worker is held: `std::string host = co_await weft::blocking([] { return resolve(); });`
///
/// What f throws comes out of the await. A stop ends a call that waits for a thread; one that has begun is awaited.
/// Threads are made on demand, up to pool_options.max_blocking. Cost: two changes of threads, 10 us and more.
template <std::invocable F>
[[nodiscard("weft: co_await it")]] detail::blocking_awaiter<F> blocking(F f) {
  static_assert(!std::is_reference_v<std::invoke_result_t<F>>, "weft: what blocking runs returns a value or void");
  return detail::blocking_awaiter<F>(std::move(f));
}

}  // namespace weft
