#pragma once

#include <concepts>
#include <coroutine>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "weft/channel.hpp"
#include "weft/pool.hpp"
#include "weft/stop.hpp"
#include "weft/task.hpp"

namespace weft {

template <class T>
class stream;

namespace detail {

/// The promise of a generator that may await: `co_yield` hands the address of the value to the consumer and
/// goes back to it; the value stays in the generator's frame until the next call of next().
template <class T>
struct stream_promise : promise_for<stream_promise<T>> {
  struct yield_awaiter : pool_awaiter {
    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<stream_promise> h) const noexcept {
      return std::coroutine_handle<>::from_address(h.promise().awaiter);
    }
    void await_resume() const noexcept {}
  };

  ~stream_promise() {
    if (this->state == outcome::error) std::destroy_at(std::addressof(this->error));
  }
  stream<T> get_return_object() noexcept;
  void return_void() noexcept { this->state = outcome::value; }
  /// Of an lvalue a copy is handed out: the generator may go on using it.
  struct copy_awaiter : yield_awaiter {
    explicit copy_awaiter(const T& v) : copy(v) {}
    std::coroutine_handle<> await_suspend(std::coroutine_handle<stream_promise> h) noexcept {
      h.promise().value = std::addressof(copy);
      return yield_awaiter::await_suspend(h);
    }
    T copy;
  };
  copy_awaiter yield_value(const T& v)
    requires std::copy_constructible<T>
  {
    return copy_awaiter(v);
  }
  yield_awaiter yield_value(T&& v) noexcept {
    value = std::addressof(v);
    return {};
  }

  T* value = nullptr;
};

}  // namespace detail

/// A sequence that is computed as it is asked for, by a coroutine that may `co_await` between its `co_yield`s.
///
/// `while (std::optional<T> v = co_await s.next()) ...` One consumer at a time. What the generator throws
/// comes out of next(). `co_yield` of an lvalue hands out a copy. A stream may be dropped at any time between calls:
/// its frame is destroyed where it stands. Cost: two jumps an element, no allocation.
template <class T>
class [[nodiscard]] stream {
  static_assert(std::is_object_v<T> && std::movable<T>, "weft: a stream yields movable objects");

 public:
  using promise_type = detail::stream_promise<T>;
  using value_type = T;

  explicit stream(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}
  stream(stream&& o) noexcept : frame_(std::exchange(o.frame_, {})) {}
  stream& operator=(stream&& o) noexcept {
    std::swap(frame_, o.frame_);
    return *this;
  }
  ~stream() {
    if (frame_) frame_.destroy();
  }

  /// The next element, or none at the end.
  [[nodiscard("weft: co_await it")]] auto next() noexcept { return next_awaiter(frame_); }

 private:
  struct next_awaiter : detail::pool_awaiter {
    explicit next_awaiter(std::coroutine_handle<promise_type> f) noexcept : frame(f) {}
    bool await_ready() const noexcept { return !frame || frame.done(); }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> consumer) const noexcept {
      promise_type& p = frame.promise();
      p.awaiter = consumer.address();
      p.stop = consumer.promise().stop;
      p.band = consumer.promise().band;
      p.value = nullptr;
      return frame;
    }
    std::optional<T> await_resume() const {
      if (!frame) return std::nullopt;
      promise_type& p = frame.promise();
      if (p.state == detail::outcome::error) std::rethrow_exception(p.error);
      if (!p.value || frame.done()) return std::nullopt;
      return std::optional<T>(std::move(*p.value));
    }
    std::coroutine_handle<promise_type> frame;
  };

  std::coroutine_handle<promise_type> frame_;
};

namespace detail {

template <class T>
stream<T> stream_promise<T>::get_return_object() noexcept {
  return stream<T>(std::coroutine_handle<stream_promise>::from_promise(*this));
}

template <class F>
struct filter_adaptor {
  F f;
};
template <class F>
struct transform_adaptor {
  F f;
};
struct take_adaptor {
  std::size_t n;
};
struct buffered_adaptor {
  std::size_t n;
};

template <class T, class F>
stream<T> filtered(stream<T> source, F f) {
  while (std::optional<T> v = co_await source.next())
    if (std::invoke(f, std::as_const(*v))) co_yield std::move(*v);
}

template <class U, class T, class F>
stream<U> transformed(stream<T> source, F f) {
  while (std::optional<T> v = co_await source.next()) {
    if constexpr (is_task<std::invoke_result_t<F&, T>>) {
      U u = co_await std::invoke(f, std::move(*v));
      co_yield std::move(u);
    } else {
      U u = std::invoke(f, std::move(*v));
      co_yield std::move(u);
    }
  }
}

template <class T>
stream<T> taken(stream<T> source, std::size_t n) {
  for (; n > 0; --n) {
    std::optional<T> v = co_await source.next();
    if (!v) co_return;
    co_yield std::move(*v);
  }
}

/// What the producer of a buffered stream shares with its consumer; the last of them to go ends it.
template <class T>
struct buffer_between {
  explicit buffer_between(std::size_t n) : elements(n) {}
  channel<T> elements;
  stop_source stop;
  std::exception_ptr error;  // written before the channel is closed, read after it was found closed
};

/// Stops the producer when the consumer goes away.
template <class T>
struct consumer_end {
  explicit consumer_end(std::shared_ptr<buffer_between<T>> b) noexcept : between(std::move(b)) {}
  consumer_end(consumer_end&&) noexcept = default;
  ~consumer_end() {
    if (!between) return;
    between->stop.request_stop();
    between->elements.close();
  }
  std::shared_ptr<buffer_between<T>> between;
};

template <class T>
task<> pump(stream<T> source, std::shared_ptr<buffer_between<T>> between) {
  while (std::optional<T> v = co_await source.next())
    if (!co_await between->elements.send(std::move(*v))) co_return;
}

/// Closes the channel behind the producer; one that was stopped before it began leaves its stop as the error.
template <class T>
struct producer_end {
  explicit producer_end(std::shared_ptr<buffer_between<T>> b) noexcept : between(std::move(b)) {}
  producer_end(producer_end&&) noexcept = default;
  ~producer_end() {
    if (!between) return;
    if (!ended) between->error = std::make_exception_ptr(cancelled());
    between->elements.close();
  }
  std::shared_ptr<buffer_between<T>> between;
  bool ended = false;
};

template <class T>
task<> produce(stream<T> source, producer_end<T> end) {
  try {
    co_await with_stop(end.between->stop, pump(std::move(source), end.between));
  } catch (...) { end.between->error = std::current_exception(); }
  end.ended = true;
}

/// Spawns on the pool of the running task, in its band.
void spawn_here(task<> t, priority band);

template <class T>
stream<T> buffered_stream(stream<T> source, std::size_t n) {
  auto between = std::make_shared<buffer_between<T>>(n);
  consumer_end<T> end(between);
  const auto around = co_await surroundings{};
  producer_end<T> other(between);
  spawn_here(produce(std::move(source), std::move(other)), around.band);
  while (std::optional<T> v = co_await between->elements.receive()) co_yield std::move(*v);
  if (between->error) std::rethrow_exception(between->error);
}

}  // namespace detail

/// `s | filter(pred)`: the elements for which pred is true.
template <class F>
detail::filter_adaptor<F> filter(F pred) {
  return {std::move(pred)};
}
/// `s | transform(f)`: f of each element; f may return a task, which is awaited.
template <class F>
detail::transform_adaptor<F> transform(F f) {
  return {std::move(f)};
}
/// `s | take(n)`: the first n elements; the source is not asked for more.
inline detail::take_adaptor take(std::size_t n) noexcept { return {n}; }
/// `s | buffered(n)`: computes up to n elements ahead, in a task of its own beside the consumer. When the stream
/// is dropped early that task is stopped, but not awaited: the source must own what it uses.
inline detail::buffered_adaptor buffered(std::size_t n) noexcept { return {n ? n : 1}; }

template <class T, class F>
stream<T> operator|(stream<T> s, detail::filter_adaptor<F> a) {
  return detail::filtered<T, F>(std::move(s), std::move(a.f));
}
template <class T, class F>
auto operator|(stream<T> s, detail::transform_adaptor<F> a) {
  using result = std::invoke_result_t<F&, T>;
  if constexpr (detail::is_task<result>)
    return detail::transformed<detail::task_value_t<result>, T, F>(std::move(s), std::move(a.f));
  else
    return detail::transformed<std::remove_cvref_t<result>, T, F>(std::move(s), std::move(a.f));
}
template <class T>
stream<T> operator|(stream<T> s, detail::take_adaptor a) {
  return detail::taken<T>(std::move(s), a.n);
}
template <class T>
stream<T> operator|(stream<T> s, detail::buffered_adaptor a) {
  return detail::buffered_stream<T>(std::move(s), a.n);
}

}  // namespace weft
