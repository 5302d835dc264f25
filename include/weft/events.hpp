#pragma once

#include <cstdint>
#include <string>

#include "weft/detail/node.hpp"

namespace weft {

/// How many tasks of a client there have been so far; what ended includes what failed and was cancelled. All tasks of
/// layers that a computation needs count from its beginning, though each is made when its turn comes.
struct task_totals {
  std::uint64_t submitted = 0, ended = 0, failed = 0, cancelled = 0;
};

/// A step in the life of a task. `retried`: an attempt has failed, also for want of its inputs before it had
/// started, and the task is to be run again, as its options say; `started` comes then. On a cluster the scheduler
/// runs it again, and only its end is told.
struct task_event {
  enum class step : std::uint8_t { submitted, started, done, failed, cancelled, retried };

  step what;
  std::uint64_t number;    // of the task, in the order of submission
  unsigned worker;         // of the pool; pool_size() for a thread outside it
  const detail::node* of;  // for key()
  /// The task's key: made when it is asked for.
  std::string key() const { return detail::key_of(*of); }
};

/// Is told of every step of every task of a client, on the thread where it happens: see client::observe. It must not
/// call the client, and not throw.
class task_observer {
 public:
  virtual ~task_observer() = default;
  virtual void on(const task_event& e) noexcept = 0;
};

}  // namespace weft
