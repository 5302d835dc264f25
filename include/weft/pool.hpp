#pragma once

#include <chrono>
#include <exception>
#include <memory>
#include <utility>

#include "weft/detail/promise.hpp"
#include "weft/detail/schedule.hpp"
#include "weft/pool_options.hpp"
#include "weft/priority.hpp"
#include "weft/task.hpp"

namespace weft {

class pool;
class simulation;

namespace detail {

struct core_deleter {
  void operator()(pool_core* core) const noexcept;
};

/// Runs a root whose frame the caller keeps, and blocks until it has ended.
void run_root(pool_core& pool, promise_base& promise, void* frame);
/// Starts a root that owns itself. Throws overloaded; then the frame is still the caller's.
void spawn_detached(pool_core& pool, promise_base& promise, void* frame);

/// Defined by weft/asio.hpp.
template <class T, class Token>
struct asio_spawn {
  static constexpr bool included = false;
};

/// Specialised by weft/asio.hpp.
template <class Never>
struct asio_executor_of {
  static constexpr bool included = false;
};

}  // namespace detail

/// A set of worker threads that run tasks and steal them from one another.
///
/// It takes nothing of the process but these threads; there may be several. An idle pool uses no processor
/// time. All members may be called from any thread; those that wait, from threads outside the pool only.
class pool {
 public:
  explicit pool(pool_options options = {});
  /// Waits until all tasks have ended, as drain() does; what a spawned task threw and nobody fetched by
  /// drain() is reported on standard error.
  ~pool();
  pool(const pool&) = delete;
  pool& operator=(const pool&) = delete;

  /// Runs the task here and waits for it; gives its result, or throws what it threw. Throws weft::misuse when
  /// called on one of the pool's own workers, which would wait for itself: co_await the task there.
  template <class T>
  T run(task<T> t, priority band = priority::normal) {
    t.promise().band = band;
    detail::run_root(*core_, t.promise(), t.handle().address());
    return t.promise().take();
  }
  /// The same for what a combinator gives: `pool.run(weft::all(f(), g()))`.
  template <detail::combined A>
  auto run(A a, priority band = priority::normal) {
    return run(detail::to_task(std::move(a)), band);
  }

  /// Starts the task and lets it go. From outside, throws weft::overloaded when max_waiting tasks wait to
  /// begin, and weft::misuse when the pool is being ended. The first exception that such a task throws comes out of
  /// drain().
  void spawn(task<void> t, priority band = priority::normal) {
    t.promise().band = band;
    detail::spawn_detached(*core_, t.promise(), t.handle().address());
    static_cast<void>(t.release());
  }

  template <detail::startable A>
    requires(!std::is_same_v<A, task<void>>)
  void spawn(A a, priority band = priority::normal) {
    auto t = detail::to_task(std::move(a));
    static_assert(std::is_void_v<detail::task_value_t<decltype(t)>>,
                  "weft: what is spawned gives nothing, since nobody awaits its value: spawn a task<>");
    if constexpr (std::is_same_v<decltype(t), task<void>>) spawn(std::move(t), band);
  }

  /// Starts the task as an Asio operation with the given completion token: void(std::exception_ptr, T), or
  /// void(std::exception_ptr). Needs weft/asio.hpp.
  template <class T, class Token>
    requires(!std::is_same_v<std::remove_cvref_t<Token>, priority>)
  auto spawn(task<T> t, Token&& token) {
    static_assert(detail::asio_spawn<T, Token>::included,
                  "weft: pool.spawn with a completion token needs #include <weft/asio.hpp>");
    return detail::asio_spawn<T, Token>::start(*this, std::move(t), std::forward<Token>(token));
  }
  template <detail::combined A, class Token>
  auto spawn(A a, Token&& token) {
    return spawn(detail::to_task(std::move(a)), std::forward<Token>(token));
  }

  /// The pool as an Asio executor: see weft/asio.hpp, which this needs.
  template <class Never = void>
  auto get_executor() {
    static_assert(detail::asio_executor_of<Never>::included,
                  "weft: pool.get_executor needs #include <weft/asio.hpp>");
    return detail::asio_executor_of<Never>::get(*this);
  }

  // Three ways to end. Each waits; none takes new tasks from outside once it has begun, but drain().

  /// Waits until every task has ended. Throws what a spawned task threw, the first of them.
  void drain();
  /// Asks every task to stop, then waits until they have ended.
  void cancel();
  /// Drains; after `time`, cancels. Returns whether all ended of their own accord. A
  /// failure comes out of it as of cancel() if it has cancelled; else it is left to the next drain() or cancel().
  bool drain_for(std::chrono::nanoseconds time);

  /// Asks every task to stop and returns at once; may be called on a worker.
  void request_stop() noexcept;

  unsigned size() const noexcept;
  /// The processor time that idle workers have spun away so far, over all workers (latency mode).
  std::chrono::nanoseconds spun() const noexcept;

  detail::pool_core& core() const noexcept { return *core_; }

 private:
  friend class simulation;
  explicit pool(detail::pool_core* stepped) noexcept : core_(stepped) {}
  std::unique_ptr<detail::pool_core, detail::core_deleter> core_;
};

/// Ctrl-C asks the tasks of the pool to stop, while it lives; a second one kills the process as usual. One at a time
/// in a process: while one lives a further one, that of weft::run included, does nothing.
class stop_on_interrupt {
 public:
  explicit stop_on_interrupt(pool& p);
  ~stop_on_interrupt();
  stop_on_interrupt(const stop_on_interrupt&) = delete;
  stop_on_interrupt& operator=(const stop_on_interrupt&) = delete;

 private:
  struct state;
  std::shared_ptr<state> state_;
};

/// Runs one task on a pool of its own and gives its result: all that a first program needs.
/// `int main() { return weft::run(answer()); }` Ctrl-C cancels the task: it then throws weft::cancelled.
template <class T>
T run(task<T> t, pool_options options = {}) {
  pool p(std::move(options));
  stop_on_interrupt guard(p);
  return p.run(std::move(t));
}

template <detail::combined A>
auto run(A a, pool_options options = {}) {
  return run(detail::to_task(std::move(a)), std::move(options));
}

/// How many workers the pool of the running task has; 1 outside a pool.
unsigned pool_size() noexcept;

}  // namespace weft
