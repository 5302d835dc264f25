#pragma once

#include <array>
#include <atomic>
#include <exception>
#include <ranges>
#include <span>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "weft/all.hpp"

namespace weft {

/// What `any` gives for tasks of one type: which of them was the first to succeed, counted from 0, and its value.
template <class T>
struct winner {
  std::size_t index;
  T value;
};

namespace detail {

/// Where racing children meet: the first value stops the others; the last to end resumes the parent.
struct race : completion {
  race(std::uint32_t n, std::coroutine_handle<> parent_frame, stop_state* outer) noexcept
      : completion{&race::on_end}, parent(parent_frame), outstanding(n), stop(outer) {}

  static std::coroutine_handle<> on_end(completion& c, promise_base& p) noexcept;

  std::coroutine_handle<> parent;
  std::atomic<std::uint32_t> outstanding;
  std::atomic<promise_base*> won{nullptr};
  std::atomic<promise_base*> failed{nullptr};  // the first that failed before there was a winner
  stop_state stop;
};

/// Queues all but the first, which it returns.
std::coroutine_handle<> start_race(race& r, std::span<void* const> frames, priority band) noexcept;
/// Which of the frames won; throws when none did.
std::size_t winner_of(race& r, std::span<void* const> frames);

template <class Frames, class Result, class Take>
class any_awaiter : public pool_awaiter {
 public:
  explicit any_awaiter(Frames frames) noexcept : frames_(std::move(frames)) {}

  bool await_ready() const noexcept { return false; }
  template <class Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> parent) noexcept {
    promise_base& p = parent.promise();
    return start_race(race_.emplace(static_cast<std::uint32_t>(frames_.size()), parent, p.stop), frames(), p.band);
  }
  Result await_resume() {
    const std::size_t index = winner_of(race_.get(), frames());
    return Take::template from<Result>(frames_[index], index);
  }

 private:
  std::span<void* const> frames() noexcept { return {frames_.data(), frames_.size()}; }
  Frames frames_;
  late<race> race_;
};

template <class T>
struct take_winner {
  template <class Result>
  static Result from(void* frame, std::size_t index) {
    return Result{index, take_or_nothing<T>(frame)};
  }
};

template <class... T>
struct take_variant {
  template <class Result>
  static Result from(void* frame, std::size_t index) {
    return pick<Result, 0, T...>(frame, index);
  }
  template <class Result, std::size_t I, class First, class... Rest>
  static Result pick(void* frame, std::size_t index) {
    if constexpr (sizeof...(Rest) == 0) {
      return Result(std::in_place_index<I>, take_or_nothing<First>(frame));
    } else {
      if (index == I) return Result(std::in_place_index<I>, take_or_nothing<First>(frame));
      return pick<Result, I + 1, Rest...>(frame, index);
    }
  }
};

[[noreturn]] void throw_empty_race();

}  // namespace detail

/// Runs the tasks in parallel until one succeeds; the others are cancelled, and awaited. Gives a
/// `winner{index, value}` when all have one type, else a std::variant whose index tells the winner. When all
/// fail, throws the first failure.
template <class First, class... Rest>
[[nodiscard("weft: co_await it")]] auto any(task<First> first, task<Rest>... rest) noexcept {
  using frames = detail::frame_array<1 + sizeof...(Rest)>;
  frames f(first.release().address(), rest.release().address()...);
  if constexpr ((std::is_same_v<First, Rest> && ...)) {
    using value = detail::value_or_nothing<First>;
    return detail::any_awaiter<frames, winner<value>, detail::take_winner<First>>(std::move(f));
  } else {
    using values = std::variant<detail::value_or_nothing<First>, detail::value_or_nothing<Rest>...>;
    return detail::any_awaiter<frames, values, detail::take_variant<First, Rest...>>(std::move(f));
  }
}

/// The same with other combinators among the tasks.
template <detail::startable... A>
  requires(sizeof...(A) > 0 && !(detail::is_task<A> && ...))
[[nodiscard("weft: co_await it")]] auto any(A... a) {
  return any(detail::to_task(std::move(a))...);
}

/// The same for a range of tasks, which is moved from and not empty (weft::misuse otherwise).
template <std::ranges::input_range R>
  requires detail::is_task<std::ranges::range_value_t<R>> && (!std::is_lvalue_reference_v<R>)
[[nodiscard("weft: co_await it")]] auto any(R&& tasks) {
  using T = detail::task_value_t<std::ranges::range_value_t<R>>;
  auto frames = detail::frame_list::of(std::forward<R>(tasks));
  if (frames.empty()) detail::throw_empty_race();
  return detail::any_awaiter<detail::frame_list, winner<detail::value_or_nothing<T>>, detail::take_winner<T>>(
      std::move(frames));
}

}  // namespace weft
