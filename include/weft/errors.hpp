#pragma once

#include <stdexcept>
#include <string>

namespace weft {

/// Thrown inside a task by the operation it waits in, or by a checkpoint, after its scope was cancelled.
class cancelled : public std::exception {
 public:
  const char* what() const noexcept override { return "weft: the task was cancelled"; }
};

/// Thrown by weft::timeout when its time is over, once the task has ended; and by who awaits a task that has not
/// ended within its task_options.time_limit.
class timed_out : public std::exception {
 public:
  timed_out() : timed_out("weft: the time limit of weft::timeout is over") {}
  explicit timed_out(const std::string& what) : text_(what) {}
  const char* what() const noexcept override { return text_.what(); }

 private:
  std::runtime_error text_;  // is copied without an exception
};

/// Thrown by spawn when as many tasks wait from outside as the pool's options allow (max_waiting), and by a client
/// when the process takes more memory than its options allow (memory_thresholds::terminate), or more waits for a
/// cluster (client_options::most_unsent).
class overloaded : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A call that the rules of weft forbid and the compiler cannot see.
class misuse : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

}  // namespace weft
