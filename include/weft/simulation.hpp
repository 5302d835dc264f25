#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "weft/pool.hpp"
#include "weft/task.hpp"

namespace weft {

/// Runs tasks in one thread, in an order of execution that a seed decides, on a clock that is not the world's:
/// time stands still while anything can run, then jumps to the next timer. What depends on the order of
/// execution or on time can so be tested over thousands of orders, without waiting, and a failure replayed.
///
/// The pool inside is the real one, deques, joins, timers and all; its workers take turns. At each step the
/// seed picks the worker, where it looks first, and when turns end. There may be further pools in the same time, as
/// if each were another process's: one that is paused takes no steps, and its timers wait.
class simulation {
 public:
  struct options {
    unsigned workers = 3;
    /// A step takes up to so long, as the seed says: so time passes also while something can run.
    std::chrono::nanoseconds longest_step{0};
    /// Steps after which a run is given up as endless (weft::misuse).
    std::uint64_t step_limit = 100'000'000;
  };

  explicit simulation(std::uint64_t seed) : simulation(seed, options{}) {}
  simulation(std::uint64_t seed, options o);
  ~simulation();
  simulation(const simulation&) = delete;
  simulation& operator=(const simulation&) = delete;

  /// Runs the task to its end, and every task that was spawned, on whichever pool. Throws weft::misuse, naming the
  /// seed, when all that is left waits for something that no timer brings: a deadlock.
  template <class T>
  T run(task<T> t) {
    run_root(t.promise(), t.handle().address());
    return t.promise().take();
  }

  /// Where run() runs its task: for what takes a pool. What waits for a pool (run, drain, cancel) throws
  /// weft::misuse.
  weft::pool& pool() const noexcept;
  /// One more, of so many workers; it lives as long as the simulation.
  weft::pool& add_pool(unsigned workers);
  /// What is scheduled there meanwhile waits. Not of pool().
  void pause(weft::pool& p);
  void go_on(weft::pool& p);
  /// For a task: the worker that runs it takes no other step for so long, as if the task had computed meanwhile.
  void keep_busy(std::chrono::nanoseconds time);

  /// What the process takes in memory, as clients see it that are made afterwards (client_options.thresholds); the
  /// function throws nothing. Without one nobody knows, and they do not ask.
  void measure_memory_by(std::function<std::uint64_t()> gauge);

  std::uint64_t seed() const noexcept;
  /// The simulated time since the beginning.
  std::chrono::nanoseconds elapsed() const noexcept;
  /// A hash of all that has happened: equal for equal seeds and tasks.
  std::uint64_t hash() const noexcept;
  std::uint64_t steps() const noexcept;
  /// Random bits that belong to the run: for what the simulated world decides.
  std::uint64_t random() noexcept;

  detail::pool_core& core() const noexcept;

 private:
  void run_root(detail::promise_base& p, void* frame);
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace weft
