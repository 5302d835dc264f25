#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "env/cgroup_limits.hpp"
#include "env/child.hpp"
#include "weft/pool.hpp"
#include "weft/sync.hpp"
#include "weft/task.hpp"

namespace weft::net {

enum class process_event : std::uint8_t { started, ended, restarting };

struct worker_process_options {
  std::vector<std::string> command, environment;
  bool restart = true;             // when it dies
  std::uint64_t memory_limit = 0;  // bytes; 0: not watched, and not limited
  bool own_group = true;           // a cgroup of its own, where we may make one
  double processors = 0;           // of its cgroup; 0: not limited
  std::string spill_directory;     // where a dead one's directory is removed; empty: the default one
  /// Of the memory limit that is resident: beyond it the worker is asked to end.
  double terminate = 0.95;
  /// Then, or when somebody else has asked: it is killed.
  std::chrono::nanoseconds end_within = std::chrono::seconds(10);
  std::chrono::nanoseconds look_every = std::chrono::milliseconds(100);  // at its memory
  /// Before the next is started: doubled from the first to the longest while they live shorter than `calm`.
  std::chrono::nanoseconds first_pause = std::chrono::milliseconds(100), longest_pause = std::chrono::seconds(30),
                           calm = std::chrono::seconds(60);
  /// One sentence at a time, for people.
  std::function<void(const std::string&)> say = [](const std::string&) {};
  /// The process, and of `ended` its status.
  std::function<void(process_event, int)> told = [](process_event, int) {};
};

/// A worker process that is started again and again: until it ends in order, or cannot begin, or is asked to end.
///
/// It ends in order with status 0. Status 2 is: its arguments or settings cannot be; another try would be no better.
/// Its memory is what it has resident: at `terminate` of the limit it gets SIGTERM, at the limit SIGKILL, and is
/// started again. Where we may make cgroups, and are to, it has one for each life, which stops what is faster than we
/// look. What it leaves behind, its group and its spill directory, is removed.
///
/// All is called on one pool of one thread.
class worker_process {
 public:
  worker_process(pool& p, worker_process_options options);
  ~worker_process();

  /// Gives the last status. Throws std::system_error when the program cannot be started at all.
  static task<int> run(std::shared_ptr<worker_process> self);
  /// Passes the signal on; run() ends when the worker has. A second one kills it.
  void end(int signal);
  /// 0 while there is none.
  int id() const noexcept { return running_ ? child_.id() : 0; }

 private:
  task<int> live();
  void look_at_memory(std::chrono::nanoseconds now);
  task<> clean_up(int process);
  std::chrono::nanoseconds now() const noexcept;

  pool& pool_;
  const worker_process_options options_;
  detail::child_process child_;
  std::optional<detail::cgroup_limits> limits_;
  unsigned lives_ = 0;
  bool running_ = false;
  std::optional<int> ending_;  // the signal that it was asked to end by
  bool too_large_ = false;     // … for its memory
  std::chrono::nanoseconds kill_at_{0};
  event ended_;
};

}  // namespace weft::net
