#pragma once

#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include "weft/detail/results.hpp"
#include "weft/detail/run_under.hpp"

namespace weft {

/// What became of a task: its value, or the exception that ended it.
template <class T>
class [[nodiscard]] result {
 public:
  explicit result(detail::value_or_nothing<T> value) : value_(std::move(value)) {}
  explicit result(std::exception_ptr error) noexcept : error_(std::move(error)) {}

  bool ok() const noexcept { return value_.has_value(); }
  explicit operator bool() const noexcept { return ok(); }
  /// Null when it is a value.
  std::exception_ptr error() const noexcept { return error_; }
  bool was_cancelled() const noexcept { return error_ && detail::is_cancelled(error_); }

  /// The value, or throws the error.
  detail::value_or_nothing<T>& value() & {
    check();
    return *value_;
  }
  detail::value_or_nothing<T> value() && {
    check();
    return std::move(*value_);
  }
  detail::value_or_nothing<T>& operator*() & { return value(); }
  detail::value_or_nothing<T> operator*() && { return std::move(*this).value(); }
  detail::value_or_nothing<T>* operator->() { return &value(); }

 private:
  void check() const {
    if (error_) std::rethrow_exception(error_);
  }
  std::optional<detail::value_or_nothing<T>> value_;
  std::exception_ptr error_;
};

namespace detail {

template <class T>
struct as_result_awaiter : run_under<T> {
  explicit as_result_awaiter(task<T>&& t) noexcept : run_under<T>(std::move(t), nullptr) {}
  template <class Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> parent) noexcept {
    this->stop = parent.promise().stop;
    return run_under<T>::await_suspend(parent);
  }
  result<T> await_resume() const {
    promise<T>& p = this->child.promise();
    if (p.state == outcome::error) return result<T>(p.error);
    if constexpr (std::is_void_v<T>)
      return result<T>(nothing{});
    else
      return result<T>(p.take());
  }
};

}  // namespace detail

/// Awaits a task without throwing: `auto r = co_await weft::as_result(f()); if (!r) log(r.error());`
template <class T>
  requires(!std::is_reference_v<T>)
[[nodiscard("weft: co_await it")]] detail::as_result_awaiter<T> as_result(task<T> t) noexcept {
  return detail::as_result_awaiter<T>(std::move(t));
}
template <detail::combined A>
[[nodiscard("weft: co_await it")]] auto as_result(A a) {
  return as_result(detail::to_task(std::move(a)));
}

}  // namespace weft
