#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "weft/detail/schedule.hpp"
#include "weft/environment.hpp"

namespace weft::detail {

/// Threads for calls that block, beside a pool's workers: made when they are needed, up to a limit; beyond it
/// calls wait their turn. In a simulation the calls run at once, on the one thread there is.
class blocking_threads {
 public:
  blocking_threads(environment& env, std::string name, unsigned most, bool inline_calls)
      : env_(env), name_(std::move(name)), most_(most ? most : 1), inline_(inline_calls) {}
  /// Waits for the calls that are queued or running.
  ~blocking_threads();

  /// Runs `item` on one of the threads. False, and it will not run, when it was withdrawn before.
  bool submit(work_item* item, blocking_place& place);
  /// Takes back what waits for a thread, or has not been submitted yet: submit() says so then. True: it waited. False
  /// too when it has begun.
  bool withdraw(work_item* item, blocking_place& place) noexcept;

 private:
  struct call {
    work_item* item;
    blocking_place* place;
  };
  void run();

  environment& env_;
  const std::string name_;
  const unsigned most_;
  const bool inline_;
  std::mutex lock_;
  std::condition_variable queued_;
  std::deque<call> queue_;
  unsigned idle_ = 0;
  bool ending_ = false;
  std::vector<std::unique_ptr<environment::thread>> threads_;
};

}  // namespace weft::detail
