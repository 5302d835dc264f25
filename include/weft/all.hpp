#pragma once

#include <array>
#include <coroutine>
#include <cstddef>
#include <iterator>
#include <optional>
#include <ranges>
#include <type_traits>
#include <utility>
#include <vector>

#include "weft/detail/join.hpp"
#include "weft/detail/results.hpp"
#include "weft/task.hpp"

namespace weft {

namespace detail {

/// Destroys frames that nobody runs any more.
inline void destroy_frames(void** frames, std::size_t n) noexcept {
  for (std::size_t i = 0; i < n; ++i)
    if (frames[i]) std::coroutine_handle<>::from_address(frames[i]).destroy();
}

/// Keeps a compiler from moving neighbouring pointers as one vector. They have just been stored one by one, and a
/// load across two stores cannot be forwarded: clang's fork of two children spent a third of its time in that. g++
/// does not do it, and is slowed down by the hint.
inline void* by_itself(void* p) noexcept {
#if defined(__clang__)
  asm("" : "+r"(p));
#endif
  return p;
}

/// Frames that are owned, as many as the type says.
template <std::size_t N>
class frame_array {
 public:
  template <class... Address>
  explicit frame_array(Address... a) noexcept : frames_{a...} {}
  frame_array(frame_array&& o) noexcept : frames_(std::exchange(o.frames_, {})) {}
  frame_array& operator=(frame_array&&) = delete;
  ~frame_array() { destroy_frames(frames_.data(), N); }

  void** data() noexcept { return frames_.data(); }
  static constexpr std::size_t size() noexcept { return N; }
  void* operator[](std::size_t i) const noexcept { return frames_[i]; }

 private:
  std::array<void*, N> frames_;
};

/// The frames of a vector of tasks, which stay in it: a task is nothing but its frame's address.
template <class T>
class task_vector {
  static_assert(sizeof(task<T>) == sizeof(void*) && std::is_standard_layout_v<task<T>>);

 public:
  explicit task_vector(std::vector<task<T>>&& tasks) noexcept : tasks_(std::move(tasks)) {}
  void** data() noexcept { return reinterpret_cast<void**>(tasks_.data()); }
  std::size_t size() const noexcept { return tasks_.size(); }
  bool empty() const noexcept { return tasks_.empty(); }
  void* operator[](std::size_t i) const noexcept { return tasks_[i].handle().address(); }

 private:
  std::vector<task<T>> tasks_;
};

/// Frames that are owned, of any number of tasks.
class frame_list {
 public:
  frame_list() noexcept = default;
  frame_list(frame_list&&) noexcept = default;
  frame_list& operator=(frame_list&&) = delete;
  ~frame_list() { destroy_frames(frames_.data(), frames_.size()); }

  template <class R>
  static frame_list of(R&& tasks) {
    frame_list list;
    if constexpr (std::ranges::sized_range<R>) list.frames_.reserve(std::ranges::size(tasks));
    for (auto&& t : tasks) {
      list.frames_.push_back(nullptr);  // first the room, so that no frame is lost when memory is short
      list.frames_.back() = std::move(t).release().address();
    }
    return list;
  }
  void** data() noexcept { return frames_.data(); }
  std::size_t size() const noexcept { return frames_.size(); }
  bool empty() const noexcept { return frames_.empty(); }
  void* operator[](std::size_t i) const noexcept { return frames_[i]; }

 private:
  std::vector<void*> frames_;
};

template <class T>
promise<T>& promise_at(void* frame) noexcept {
  return std::coroutine_handle<promise<T>>::from_address(frame).promise();
}

template <class T>
auto take_or_nothing(void* frame) -> value_or_nothing<T> {
  if constexpr (std::is_void_v<T>) {
    return {};
  } else if constexpr (std::is_reference_v<T>) {
    return {promise_at<T>(frame).take()};
  } else {
    return promise_at<T>(frame).take();
  }
}

template <class... T>
class all_awaiter : public pool_awaiter {
 public:
  explicit all_awaiter(task<T>&&... t) noexcept : frames_(by_itself(t.release().address())...) {}

  bool await_ready() const noexcept { return false; }
  template <class Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> parent) noexcept {
    promise_base& p = parent.promise();
    return fork(join_.emplace(static_cast<std::uint32_t>(sizeof...(T)), frames_.data(), parent, p.stop), p);
  }
  auto await_resume() {
    if (promise_base* failed = join_.get().failed.load(std::memory_order_relaxed)) [[unlikely]]
      std::rethrow_exception(std::move(failed->error));
    if constexpr (!(std::is_void_v<T> && ...)) return take(std::index_sequence_for<T...>{});
  }

 private:
  template <std::size_t... I>
  auto take(std::index_sequence<I...>) {
    return results<value_or_nothing<T>...>{take_or_nothing<T>(frames_[I])...};
  }

  frame_array<sizeof...(T)> frames_;
  late<join> join_;
};

template <class T, class Frames>
class all_range_awaiter : public pool_awaiter {
 public:
  explicit all_range_awaiter(Frames&& frames) noexcept : frames_(std::move(frames)) {}
  all_range_awaiter(all_range_awaiter&&) noexcept = default;

  bool await_ready() const noexcept { return frames_.empty(); }
  template <class Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> parent) noexcept {
    promise_base& p = parent.promise();
    return fork(join_.emplace(static_cast<std::uint32_t>(frames_.size()), frames_.data(), parent, p.stop), p);
  }
  auto await_resume() {
    if (!frames_.empty())
      if (promise_base* failed = join_.get().failed.load(std::memory_order_relaxed)) [[unlikely]]
        std::rethrow_exception(std::move(failed->error));
    if constexpr (!std::is_void_v<T>) {
      std::vector<value_or_nothing<T>> values;
      values.reserve(frames_.size());
      for (std::size_t i = 0; i < frames_.size(); ++i) values.push_back(take_or_nothing<T>(frames_[i]));
      return values;
    }
  }

 private:
  Frames frames_;
  late<join> join_;
};

}  // namespace detail

/// Runs the tasks in parallel and waits for all of them: `auto [a, b] = co_await all(f(), g());`
///
/// The results come in order, in a plain aggregate, with `weft::nothing` in the place of a void; if all are
/// void, so is the await. When one fails, the others are cancelled, and awaited; then the first failure is
/// thrown. A task that had not begun by then does not begin.
///
/// Cost: no allocation and no locked operation unless another worker takes a child. Source of the scheme:
/// the fast path of Cilk-5 (Frigo, Leiserson, Randall, PLDI 1998), for stolen children instead of parents.
template <class... T>
  requires(sizeof...(T) > 0)
[[nodiscard("weft: co_await it")]] detail::all_awaiter<T...> all(task<T>... tasks) noexcept {
  static_assert(sizeof...(T) <= detail::most_results,
                "weft: all takes eight tasks; give it a vector of them for more");
  return detail::all_awaiter<T...>(std::move(tasks)...);
}

/// Combinators nest, and take operations that wait: `co_await all(timeout(1s, f()), channel.receive())`. Each that is
/// no task costs a frame.
template <detail::startable... A>
  requires(!(detail::is_task<A> && ...))
[[nodiscard("weft: co_await it")]] auto all(A... a) {
  return all(detail::to_task(std::move(a))...);
}

/// The same for a range of tasks, whose elements are moved from: `std::vector<int> v = co_await
/// all(std::move(tasks));` Gives a vector in the order of the range, or void. The results stay in their frames until
/// all have ended; for many large ones, or more than fit in memory, use weft::map, which bounds what is in flight.
template <std::ranges::input_range R>
  requires detail::is_task<std::ranges::range_value_t<R>> && (!std::is_lvalue_reference_v<R>)
[[nodiscard("weft: co_await it")]] auto all(R&& tasks) {
  using T = detail::task_value_t<std::ranges::range_value_t<R>>;
  if constexpr (std::is_same_v<std::remove_cvref_t<R>, std::vector<task<T>>>)
    return detail::all_range_awaiter<T, detail::task_vector<T>>(detail::task_vector<T>(std::move(tasks)));
  else
    return detail::all_range_awaiter<T, detail::frame_list>(detail::frame_list::of(std::forward<R>(tasks)));
}

}  // namespace weft
