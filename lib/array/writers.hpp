#pragma once

#include <cstdint>
#include <exception>
#include <string>

#include "weft/client.hpp"
#include "weft/detail/results.hpp"
#include "weft/layer.hpp"
#include "weft/task.hpp"

/// The tasks that write an array's chunks, and their end.
///
/// A stop ends the wait for tasks at once, and not what they are at: the engine and the scheduler forget a task that
/// is cancelled, while its write is with the kernel still. But where an array was to be is taken away after a
/// failure, and others may have the place then. So each process counts who writes, by a number that a call gives its
/// tasks: a call that fails has each process refuse those that come later, and wait for those that are there.
namespace weft::detail::arrays {

/// A number for the tasks of one call.
std::uint64_t number_of_writing() noexcept;

/// A task that writes, while this lives. Throws weft::cancelled when its call has ended.
class writing {
 public:
  explicit writing(std::uint64_t number);
  writing(const writing&) = delete;
  writing& operator=(const writing&) = delete;
  ~writing();

 private:
  const std::uint64_t number_;
};

/// Refuses further tasks of that number in this process, and waits for those that write.
task<> end_writing_here(std::uint64_t number);

struct end_writing_task {
  std::uint64_t number;
  task<> operator()() const { return end_writing_here(number); }
  std::string task_name() const { return "end-writing"; }
};

/// How a call's tasks have ended.
struct writing_end {
  std::exception_ptr failure = nullptr;
  /// None writes any more, nor will. Not known where a worker did not answer.
  bool certain = true;
};
/// Runs tasks of that number to their end: when this returns, none of them writes. No stop ends it before. It waits a
/// minute at most for workers that have no thread free to answer.
task<writing_end> run_writers(client c, layer<nothing> writes, std::uint64_t number);

}  // namespace weft::detail::arrays
